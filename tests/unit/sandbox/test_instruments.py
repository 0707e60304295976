from decimal import Decimal

import pytest

from tradex_sandbox.instruments import InstrumentError, currencies, parse_instrument, whole_units


def test_an_instrument_is_read_from_one_text() -> None:
    instrument = parse_instrument("ETHUSDT:0.01:0.0001:5")
    assert (instrument.symbol, instrument.base_currency, instrument.quote_currency) == (
        "ETHUSDT",
        "ETH",
        "USDT",
    )
    assert (instrument.tick_size, instrument.lot_size, instrument.min_notional) == (
        Decimal("0.01"),
        Decimal("0.0001"),
        Decimal(5),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("BTCUSDT", "expected SYMBOL:tick:lot:min_notional"),
        ("BTCUSDT:1:1", "expected SYMBOL:tick:lot:min_notional"),
        ("BTCUSDT:x:1:5", "tick 'x' is not a decimal number"),
        ("BTCUSDT:1:y:5", "lot 'y' is not a decimal number"),
        ("BTCUSDT:1:1:z", "min_notional 'z' is not a decimal number"),
        ("BTCUSDT:0:1:5", "tick_size must be a positive number, got 0"),
        ("BTCUSDT:1:-1:5", "lot_size must be a positive number, got -1"),
        ("BTCUSDT:NaN:1:5", "tick_size must be a positive number, got NaN"),
        ("BTCUSDT:1:1:-5", "min_notional must be zero or a positive number, got -5"),
        (":1:1:5", "symbol: must not be empty"),
    ],
)
def test_a_wrong_text_is_told_which_part_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InstrumentError) as error:
        parse_instrument(text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("ETHBTC", "ETH", "BTC"),
        ("BTCUSD_PERP", "BTC", "USD"),
        ("1000SHIBUSDC", "1000SHIB", "USDC"),
        ("XYZ", "XYZ", "USDT"),
        ("USDT", "USDT", "USDT"),
    ],
)
def test_currencies_follow_from_the_name(symbol: str, base: str, quote: str) -> None:
    assert currencies(symbol) == (base, quote)


@pytest.mark.parametrize(
    ("value", "step", "units"),
    [("1.5", "0.5", 3), ("1.4", "0.5", None), ("0", "3", 0), ("NaN", "1", None), ("1E+3", "10", 100)],
)
def test_whole_units_are_exact_or_none(value: str, step: str, units: int | None) -> None:
    assert whole_units(Decimal(value), Decimal(step)) == units
