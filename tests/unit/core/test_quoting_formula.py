"""The quoting formula against a table worked out here with fractions, row by row, exact after rounding."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import cycle, product
from math import ceil, floor

import pytest

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.pricing.quoting import QuotingEngine
from market_maker.core.pricing.reference_mid import ReferenceMid, reference_mid

INSTRUMENTS = {
    "spot": Instrument("SPOT", "B", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5)),
    "perpetual": Instrument("PERP", "B", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(100)),
    "quarter": Instrument("QUARTER", "B", "USDT", Decimal("0.25"), Decimal(1), Decimal(0)),
    "third": Instrument("THIRD", "B", "USDT", Decimal("0.03"), Decimal("0.07"), Decimal(1)),
    "tiny": Instrument("TINY", "B", "USDT", Decimal("1e-8"), Decimal(1000), Decimal("0.5")),
}
SKEWS = ("0", "0.5", "1", "1.37", "2")
POSITION_SHARES = ("0", "0.3", "-0.3", "0.999999", "-0.77", "1", "-1", "2.5", "-40")
"""The inventory as a share of the maximum position: flat, long, short, at the limit and beyond."""
MID_KINDS = ("on a tick", "between ticks", "mark off the grid")


@dataclass(frozen=True)
class Row:
    instrument: Instrument
    config: SymbolConfig
    mid: ReferenceMid
    mid_price: Fraction
    position: Decimal
    factor_ppm: int


def rows() -> list[tuple[str, Row]]:
    """One row per instrument, position and skew; the other inputs change along."""
    levels, mid_kinds = cycle(range(1, 11)), cycle(MID_KINDS)
    factors = cycle((1_000_000, 1_000_001, 1_414_214, 2_345_678, 3_000_000))
    spreads = cycle(("10.0", "2.5", "37.123", "0.01", "400"))
    spacings = cycle(("5.0", "0", "1.07", "33.3"))
    table: list[tuple[str, Row]] = []
    for (name, instrument), share, skew in product(INSTRUMENTS.items(), POSITION_SHARES, SKEWS):
        config = SymbolConfig(
            symbol=instrument.symbol,
            base_spread_bps=Decimal(next(spreads)),
            order_size_usdt=Decimal("123.45"),
            inventory_skew_factor=Decimal(skew),
            max_position_usdt=Decimal("10000.0"),
            num_levels=next(levels),
            level_spacing_bps=Decimal(next(spacings)),
        )
        mid, mid_price = make_mid(next(mid_kinds), instrument)
        position = make_position(Fraction(share), mid_price, config, instrument)
        factor_ppm = next(factors)
        row = Row(instrument, config, mid, mid_price, position, factor_ppm)
        label = f"{len(table):03} {name} {share} of the limit, skew {skew}, {config.num_levels} levels"
        table.append((label, row))
    return table


def make_mid(kind: str, instrument: Instrument) -> tuple[ReferenceMid, Fraction]:
    tick = Fraction(instrument.tick_size)
    mark = Decimal("4711.123457") if instrument.tick_size > Decimal("1e-6") else Decimal("0.000012345678")
    if kind == "mark off the grid":
        mid = reference_mid(None, None, mark, None, instrument)
        price = Fraction(mark)
    else:
        bid = floor(Fraction(mark) / tick)
        width = 2 if kind == "on a tick" else 1
        mid = reference_mid(bid, bid + width, None, None, instrument)
        price = (bid + Fraction(width, 2)) * tick
    assert mid is not None
    return mid, price


def make_position(
    share: Fraction, mid_price: Fraction, config: SymbolConfig, instrument: Instrument
) -> Decimal:
    base = share * Fraction(config.max_position_usdt) / mid_price
    return instrument.lot_size * round(base / Fraction(instrument.lot_size))


TABLE = rows()


def expected(row: Row) -> tuple[list[int], list[int], int]:
    """Bids and asks in ticks, and lots: the formula of the specification in its own terms."""
    m = row.mid_price
    inventory = Fraction(row.position) * m
    inv_norm = min(max(inventory / Fraction(row.config.max_position_usdt), Fraction(-1)), Fraction(1))
    spread = m * Fraction(row.config.base_spread_bps) / 10000 * Fraction(row.factor_ppm, 10**6)
    bias = inv_norm * Fraction(row.config.inventory_skew_factor) * spread / 2
    step = m * Fraction(row.config.level_spacing_bps) / 10000
    tick, lot = Fraction(row.instrument.tick_size), Fraction(row.instrument.lot_size)
    levels = range(row.config.num_levels)
    bids = [floor((m - spread / 2 - bias - k * step) / tick) for k in levels]
    asks = [ceil((m + spread / 2 - bias + k * step) / tick) for k in levels]
    return bids, asks, floor(Fraction(row.config.order_size_usdt) / m / lot)


@pytest.mark.parametrize("row", [row for _, row in TABLE], ids=[label for label, _ in TABLE])
def test_every_price_and_size_is_exactly_the_formulas(row: Row) -> None:
    engine = QuotingEngine(row.config, row.instrument)
    quote_set = engine.quote(row.mid, row.position, row.factor_ppm, None, None)
    bids, asks, lots = expected(row)
    assert [quoted.price_ticks for quoted in quote_set.bids] == bids
    assert [quoted.price_ticks for quoted in quote_set.asks] == asks
    assert {quoted.lots for quoted in (*quote_set.bids, *quote_set.asks)} == {lots}


def test_one_engine_gives_the_same_answers_when_its_inputs_change_from_row_to_row() -> None:
    config = SymbolConfig("SPOT", num_levels=3, inventory_skew_factor=Decimal("1.5"))
    instrument = INSTRUMENTS["spot"]
    engine = QuotingEngine(config, instrument)
    shares, factors = ("0", "0.4", "0.4", "3", "3", "-0.4", "-3", "0"), (1_000_000, 2_000_001)
    for share, factor_ppm, kind in product(shares, factors, MID_KINDS):
        mid, mid_price = make_mid(kind, instrument)
        position = make_position(Fraction(share), mid_price, config, instrument)
        row = Row(instrument, config, mid, mid_price, position, factor_ppm)
        quote_set = engine.quote(mid, position, factor_ppm, None, None)
        bids, asks, _ = expected(row)
        assert [quoted.price_ticks for quoted in quote_set.bids] == bids
        assert [quoted.price_ticks for quoted in quote_set.asks] == asks


def test_the_table_covers_what_it_promises() -> None:
    assert len(TABLE) >= 200
    every = [row for _, row in TABLE]
    assert {row.config.num_levels for row in every} == set(range(1, 11))
    assert {row.config.inventory_skew_factor for row in every} == {Decimal(skew) for skew in SKEWS}
    inventories = [Fraction(row.position) * row.mid_price / 10_000 for row in every]
    assert min(inventories) < -1
    assert max(inventories) > 1
    assert any(-1 < inventory < 0 for inventory in inventories)
    assert any(0 < inventory < 1 for inventory in inventories)
    assert 0 in inventories
    on_half_ticks = [Fraction(row.mid.num * 2, row.mid.den).denominator == 1 for row in every]
    assert any(on_half_ticks)
    assert not all(on_half_ticks)
