from decimal import Decimal

import pytest

from market_maker.core.book.grid import GRID_CACHE_MAX, GridCache
from market_maker.core.instrument import Instrument, OffGridError

INSTRUMENT = Instrument("X", "X", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(0))


def test_a_number_converts_the_same_the_first_and_the_second_time() -> None:
    grid = GridCache(INSTRUMENT)
    for _ in range(2):
        assert grid.ticks("5.7") == grid.ticks(Decimal("5.7")) == grid.ticks(5.7) == 57
        assert grid.lots("0.25") == grid.lots(Decimal("0.25")) == grid.lots(0.25) == 250
        assert grid.lots("0") == 0


def test_a_number_off_the_grid_is_refused_every_time() -> None:
    grid = GridCache(INSTRUMENT)
    for _ in range(2):
        with pytest.raises(OffGridError):
            grid.ticks("5.75")
        with pytest.raises(OffGridError):
            grid.lots("0.0001")


def test_a_remembered_double_does_not_let_the_equal_decimal_pass() -> None:
    grid = GridCache(INSTRUMENT)
    near = 0.1 + 0.2
    assert grid.ticks(near) == 3
    with pytest.raises(OffGridError):
        grid.ticks(Decimal(near))
    assert grid.lots(near) == 300
    with pytest.raises(OffGridError):
        grid.lots(Decimal(near))


def test_prices_and_quantities_are_remembered_apart() -> None:
    grid = GridCache(INSTRUMENT)
    assert grid.ticks("1") == 10
    assert grid.lots("1") == 1000


def test_the_cache_stays_bounded_and_right_when_it_is_full() -> None:
    grid = GridCache(INSTRUMENT)
    for lots in range(GRID_CACHE_MAX + 10):
        assert grid.lots(str(Decimal(lots).scaleb(-3))) == lots
    assert len(grid._lots) <= GRID_CACHE_MAX
    assert grid.lots("0.001") == 1
