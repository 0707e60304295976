"""The exchange's own idea of an instrument: its grid, its status, and how one is named on a command line."""

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import Enum

QUOTE_CURRENCIES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "BTC", "ETH", "BNB", "EUR", "TRY", "JPY")
"""Suffixes that end a symbol with its quote currency, tried in this order."""


class InstrumentStatus(Enum):
    """Whether orders are accepted."""

    TRADING = "TRADING"
    HALTED = "HALTED"
    DELISTED = "DELISTED"


class InstrumentError(ValueError):
    """An instrument's description is wrong, or a value does not fit its grid."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument: `tick_size` and `min_notional` in quote currency, `lot_size` in base currency.

    Inside the exchange prices are ticks and quantities lots, both whole numbers. Raises
    InstrumentError when the grid is not positive.
    """

    symbol: str
    base_currency: str
    quote_currency: str
    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal
    status: InstrumentStatus = InstrumentStatus.TRADING
    version: int = 1

    def __post_init__(self) -> None:
        if not self.symbol:
            raise InstrumentError("symbol: must not be empty")
        for field in ("tick_size", "lot_size"):
            value: Decimal = getattr(self, field)
            if not value.is_finite() or value <= 0:
                raise InstrumentError(f"{self.symbol}: {field} must be a positive number, got {value}")
        if not self.min_notional.is_finite() or self.min_notional < 0:
            raise InstrumentError(
                f"{self.symbol}: min_notional must be zero or a positive number, got {self.min_notional}"
            )

    @property
    def is_trading(self) -> bool:
        """Whether orders are accepted."""
        return self.status is InstrumentStatus.TRADING

    def price(self, ticks: int) -> Decimal:
        """Price in quote currency."""
        return self.tick_size * ticks

    def quantity(self, lots: int) -> Decimal:
        """Quantity in base currency."""
        return self.lot_size * lots

    def ticks(self, price: Decimal) -> int | None:
        """The price as ticks, or None when it stands between two of them."""
        return whole_units(price, self.tick_size)

    def lots(self, quantity: Decimal) -> int | None:
        """The quantity as lots, or None when it stands between two of them."""
        return whole_units(quantity, self.lot_size)

    def with_status(self, status: InstrumentStatus) -> "Instrument":
        """The next version of the instrument, with another status."""
        return replace(self, status=status, version=self.version + 1)


def whole_units(value: Decimal, step: Decimal) -> int | None:
    """`value / step` when that is a whole number, else None."""
    if not value.is_finite():
        return None
    numerator, denominator = value.as_integer_ratio()
    step_numerator, step_denominator = step.as_integer_ratio()
    units, rest = divmod(numerator * step_denominator, denominator * step_numerator)
    return None if rest else units


def currencies(symbol: str) -> tuple[str, str]:
    """Base and quote currency that a symbol's name tells; a contract suffix (`_PERP`) is ignored."""
    name = symbol.split("_", 1)[0]
    for quote in QUOTE_CURRENCIES:
        if name.endswith(quote) and len(name) > len(quote):
            return name[: -len(quote)], quote
    return name, "USDT"


def make_instrument(symbol: str, tick_size: Decimal, lot_size: Decimal, min_notional: Decimal) -> Instrument:
    """An instrument whose currencies follow from its symbol."""
    base, quote = currencies(symbol)
    return Instrument(symbol, base, quote, tick_size, lot_size, min_notional)


def parse_instrument(text: str) -> Instrument:
    """Read `SYMBOL:tick:lot:min_notional`; InstrumentError names the part that is wrong."""
    parts = text.split(":")
    if len(parts) != 4:
        raise InstrumentError(
            f"instrument {text!r}: expected SYMBOL:tick:lot:min_notional, for example BTCUSDT:0.01:0.00001:5"
        )
    numbers = []
    for field, part in zip(("tick", "lot", "min_notional"), parts[1:], strict=True):
        try:
            numbers.append(Decimal(part))
        except InvalidOperation:
            raise InstrumentError(f"instrument {text!r}: {field} {part!r} is not a decimal number") from None
    return make_instrument(parts[0], *numbers)
