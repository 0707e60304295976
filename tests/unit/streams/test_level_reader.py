from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.kafka import instrument

from market_maker.core.instrument import OffGridError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.level_reader import CACHE_ENTRIES_MAX, LevelReader

STEPS = st.sampled_from(["0.01", "0.00001", "0.5", "0.25", "1", "5", "10", "100", "0.0003", "1E+2", "2.50"])
TEXTS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-10, max_value=10**9).map(str),
    st.text("0123456789.-+eE ", max_size=12),
    st.sampled_from(["", ".", "1.", ".5", "01.50", "1e2", "NaN", "Infinity", "-0", "1_0", "٣", "9" * 60]),
)


def outcome(convert: object, value: object) -> object:
    assert callable(convert)
    try:
        return convert(value)
    except OffGridError:
        return "off grid"


@given(step=STEPS, text=TEXTS)
def test_the_reader_agrees_with_the_instrument_on_every_text(step: str, text: str) -> None:
    grid = instrument(tick=step, lot=step)
    reader = LevelReader(grid)
    for _ in range(2):  # the second time from the cache
        assert outcome(reader.ticks, text) == outcome(grid.ticks, text)
        assert outcome(reader.lots, text) == outcome(grid.lots, text)


def test_prices_and_quantities_may_come_as_text_decimal_or_double() -> None:
    reader = LevelReader(instrument())
    assert [reader.ticks(price) for price in ("100.10", Decimal("100.1"), 100.1)] == [10010] * 3
    assert [reader.lots(quantity) for quantity in ("0.5", Decimal("0.50"), 0.5)] == [50000] * 3


@pytest.mark.parametrize("price", ["100.105", Decimal("100.105"), 100.105, "0", "-1", 0.0])
def test_a_price_off_the_grid_is_refused_not_rounded(price: str | Decimal | float) -> None:
    with pytest.raises(OffGridError, match="BTCUSDT: price"):
        LevelReader(instrument()).ticks(price)


def test_a_full_cache_is_emptied_and_still_right() -> None:
    reader = LevelReader(instrument(lot="1"))
    for quantity in range(CACHE_ENTRIES_MAX + 10):
        assert reader.lots(str(quantity)) == quantity
    assert len(reader.lot_cache) <= CACHE_ENTRIES_MAX


def test_replacing_the_table_keeps_the_readers_of_unchanged_grids() -> None:
    table = InstrumentTable([instrument("BTCUSDT"), instrument("ETHUSDT")])
    bitcoin = table.reader(b"BTCUSDT")
    table.replace([instrument("BTCUSDT"), instrument("ETHUSDT", tick="0.1")])
    ether = table.reader(b"ETHUSDT")
    assert table.reader(b"BTCUSDT") is bitcoin
    assert ether is not None
    assert ether.ticks("1.0") == 10
    table.replace([])
    assert table.reader(b"BTCUSDT") is None


def test_a_superseded_grid_stays_so_until_the_new_one_is_published() -> None:
    table = InstrumentTable([instrument()])
    table.supersede(instrument())
    same = table.reader(b"BTCUSDT")
    assert same is not None
    assert not same.superseded

    table.supersede(instrument(tick="0.1"))
    table.replace([instrument()])  # another symbol's change: this one's engine is on the old grid still
    old = table.reader(b"BTCUSDT")
    assert old is not None
    assert old.superseded

    table.replace([instrument(tick="0.1")])
    new = table.reader(b"BTCUSDT")
    assert new is not None
    assert not new.superseded


def reads(table: InstrumentTable) -> bool:
    """Whether the symbol's book is read."""
    reader = table.reader(b"BTCUSDT")
    return reader is not None and not reader.superseded


def test_an_old_instrument_that_is_told_again_stops_no_reading() -> None:
    table = InstrumentTable([instrument(version=2)])
    table.supersede(instrument(tick="0.1", version=1))
    assert reads(table)


def test_a_grid_that_comes_back_before_the_engine_has_changed_is_read_again() -> None:
    table = InstrumentTable([instrument(version=1)])
    table.supersede(instrument(tick="0.1", version=2))
    assert not reads(table)
    table.supersede(instrument(version=3))
    assert reads(table)
    table.replace([instrument(version=3)])
    assert reads(table)


def test_a_grid_that_the_engine_adopts_after_a_newer_one_was_told_is_not_read() -> None:
    table = InstrumentTable([instrument(version=1)])
    table.supersede(instrument(tick="0.1", version=2))
    table.supersede(instrument(tick="0.5", version=3))
    table.replace([instrument(tick="0.1", version=2)])
    assert not reads(table)
    table.replace([instrument(tick="0.5", version=3)])
    assert reads(table)
