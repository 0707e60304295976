from decimal import Decimal

import pytest

from market_maker.core.instrument import Instrument, InstrumentStatus, OffGridError

BTC = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
ODD = Instrument("ODDUSDT", "ODD", "USDT", Decimal("0.03"), Decimal("0.25"), Decimal("0.1"))


@pytest.mark.parametrize("value", ["57000.01", Decimal("57000.01"), 57000.01, "57000.0100", "5.700001e4"])
def test_a_price_on_the_grid_becomes_the_same_ticks_from_string_decimal_and_double(
    value: str | Decimal | float,
) -> None:
    assert BTC.ticks(value) == 5_700_001


def test_a_double_that_arithmetic_left_beside_its_tick_still_means_that_tick() -> None:
    assert BTC.ticks(0.1 + 0.2) == 30
    assert BTC.ticks(1.1 * 3) == 330


@pytest.mark.parametrize("value", ["57000.015", Decimal("57000.0100000001"), 57000.015, "0.001", "1e-9999"])
def test_a_price_off_the_grid_is_refused_and_never_rounded(value: str | Decimal | float) -> None:
    with pytest.raises(OffGridError, match=r"^BTCUSDT: price .* is not a multiple of the tick size 0.01$"):
        BTC.ticks(value)


def test_a_decimal_off_the_grid_by_less_than_any_precision_is_refused() -> None:
    with pytest.raises(OffGridError):
        BTC.ticks("1." + "0" * 80 + "1")


def test_a_double_too_coarse_for_the_grid_does_not_pass_by_its_size() -> None:
    coarse = Instrument("X", "X", "USDT", Decimal("0.3"), Decimal(1), Decimal(0))
    with pytest.raises(OffGridError):
        coarse.ticks(1_000_000_000_000.1)


@pytest.mark.parametrize("value", [0, "0", "-1", Decimal("-0.01"), -1.0])
def test_a_price_must_be_positive(value: str | Decimal | float) -> None:
    with pytest.raises(OffGridError, match="must be positive"):
        BTC.ticks(value)


def test_a_quantity_may_be_zero_but_not_negative() -> None:
    assert BTC.lots("0") == 0
    assert BTC.lots("0.00000000") == 0
    assert BTC.lots("1.5") == 150_000
    with pytest.raises(OffGridError, match=r"quantity -0\.00001 must not be negative"):
        BTC.lots("-0.00001")
    with pytest.raises(OffGridError, match=r"quantity 0\.000001 is not a multiple of the lot size"):
        BTC.lots("0.000001")


@pytest.mark.parametrize(
    "value", ["", "abc", "1_000", " 1", "1\n", "٣", "0x10", "1,5", "NaN", "Infinity", "1e99999", "--1"]
)
def test_text_that_is_no_plain_number_is_refused_by_name(value: str) -> None:
    with pytest.raises(OffGridError, match=r"price .* is not a number"):
        BTC.ticks(value)


@pytest.mark.parametrize("value", [None, True, b"1", [], (0, (1,), 0)])
def test_what_is_no_number_at_all_is_refused(value: object) -> None:
    with pytest.raises(OffGridError, match="is not a number"):
        BTC.lots(value)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_numbers_that_are_not_finite_are_refused(value: Decimal | float) -> None:
    with pytest.raises(OffGridError, match="is not a finite number"):
        BTC.ticks(value)


@pytest.mark.parametrize("value", ["1e17", "1e9999", Decimal("1e500000"), 1e300])
def test_a_price_of_more_ticks_than_fit_64_bits_is_refused_quickly(value: str | Decimal | float) -> None:
    with pytest.raises(OffGridError, match="out of range"):
        BTC.ticks(value)


def test_the_largest_price_in_range_still_converts() -> None:
    assert BTC.ticks("9999999999999999.99") == 999_999_999_999_999_999


def test_ticks_and_lots_go_back_to_exact_prices_quantities_and_notionals() -> None:
    assert ODD.price(7) == Decimal("0.21")
    assert ODD.quantity(3) == Decimal("0.75")
    assert ODD.notional(7, 3) == Decimal("0.1575")
    assert ODD.notional_unit == Decimal("0.0075")


def test_the_smallest_notional_in_units_is_the_first_that_reaches_the_minimum() -> None:
    units = ODD.min_notional_units
    assert units == 14
    assert ODD.notional(units, 1) >= ODD.min_notional > ODD.notional(units - 1, 1)


def test_no_minimum_notional_is_zero_units() -> None:
    free = Instrument("X", "X", "USDT", Decimal(1), Decimal(1), Decimal(0))
    assert free.min_notional_units == 0


@pytest.mark.parametrize("field", ["tick_size", "lot_size"])
@pytest.mark.parametrize("value", ["0", "-0.01", "NaN", "Infinity"])
def test_a_grid_that_is_not_positive_is_refused_by_name(field: str, value: str) -> None:
    grid = {"tick_size": Decimal(1), "lot_size": Decimal(1)} | {field: Decimal(value)}
    tick_size, lot_size = grid["tick_size"], grid["lot_size"]
    with pytest.raises(ValueError, match=f"X: {field} must be a positive number, got {value}"):
        Instrument("X", "X", "USDT", tick_size, lot_size, Decimal(0))


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity"])
def test_a_minimum_notional_must_be_a_number_that_is_not_negative(value: str) -> None:
    with pytest.raises(ValueError, match=f"min_notional must not be negative, got {value}"):
        Instrument("X", "X", "USDT", Decimal(1), Decimal(1), Decimal(value))


def test_only_an_instrument_in_trading_is_trading() -> None:
    by_status = {
        status: Instrument("X", "X", "USDT", Decimal(1), Decimal(1), Decimal(0), status).is_trading
        for status in InstrumentStatus
    }
    assert [status for status, trading in by_status.items() if trading] == [InstrumentStatus.TRADING]


def test_two_instruments_share_a_grid_when_ticks_and_lots_mean_the_same() -> None:
    written_otherwise = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.010"), Decimal("1E-5"), Decimal(9))
    assert BTC.same_grid(written_otherwise)
    assert not BTC.same_grid(ODD)
