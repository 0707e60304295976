"""The grid of an instrument: prices as whole ticks, quantities as whole lots.

A price or quantity from outside is turned into ticks or lots here, or refused. Nothing is rounded
silently; rounding happens in one place only, where a quote is made.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal
from enum import Enum

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
"""Decimal arithmetic of the core: wide enough to be exact for any amount an exchange trades."""

FLOAT_RELATIVE_ERROR = Decimal("1e-12")
"""How far a double may stand from the grid, relative to its value, and still mean the grid point ..."""

FLOAT_STEP_ERROR = Decimal("0.01")
"""... and how far in steps of the grid: a double too coarse for the grid must not pass by its size."""

UNITS_MAGNITUDE_MAX = 17
"""Ticks and lots stay below 10**18, so that they fit 64 bits."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_NUMBER_TYPES = (Decimal, float, int)


class OffGridError(ValueError):
    """A price is not on a tick, or a quantity not on a lot."""


class InstrumentStatus(Enum):
    """Whether the exchange trades the instrument."""

    TRADING = "TRADING"
    HALTED = "HALTED"
    DELISTED = "DELISTED"


_TRADING = InstrumentStatus.TRADING


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument of the exchange.

    `tick_size` is in quote currency, `lot_size` in base currency, `min_notional` in quote currency.
    Raises ValueError when the grid is not positive and finite.
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
        for name in ("tick_size", "lot_size"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise ValueError(f"{self.symbol}: {name} must be a positive number, got {value}")
        if not self.min_notional.is_finite() or self.min_notional < 0:
            raise ValueError(f"{self.symbol}: min_notional must not be negative, got {self.min_notional}")

    @property
    def is_trading(self) -> bool:
        """Whether the exchange accepts orders for it."""
        return self.status is _TRADING

    @property
    def notional_unit(self) -> Decimal:
        """Quote currency that one tick times one lot is worth."""
        return EXACT.multiply(self.tick_size, self.lot_size)

    @property
    def min_notional_units(self) -> int:
        """Smallest ticks * lots that reaches `min_notional`."""
        return self.units_of(self.min_notional)

    def units_of(self, notional: Decimal) -> int:
        """Smallest ticks * lots that is worth `notional` (quote currency)."""
        return int(EXACT.divide(notional, self.notional_unit).to_integral_value(ROUND_CEILING))

    def same_grid(self, other: "Instrument") -> bool:
        """Whether ticks and lots of both mean the same."""
        return self.tick_size == other.tick_size and self.lot_size == other.lot_size

    def price(self, ticks: int) -> Decimal:
        """Price in quote currency."""
        return EXACT.multiply(self.tick_size, Decimal(ticks))

    def quantity(self, lots: int) -> Decimal:
        """Quantity in base currency."""
        return EXACT.multiply(self.lot_size, Decimal(lots))

    def notional(self, ticks: int, lots: int) -> Decimal:
        """Value in quote currency of `lots` at `ticks`."""
        return EXACT.multiply(self.notional_unit, Decimal(ticks * lots))

    def ticks(self, price: Decimal | str | float) -> int:
        """The price as ticks; OffGridError when it is not a positive whole number of them."""
        ticks = _units(self.symbol, "price", price, self.tick_size)
        if ticks <= 0:
            raise OffGridError(f"{self.symbol}: price {price} must be positive")
        return ticks

    def lots(self, quantity: Decimal | str | float) -> int:
        """The quantity as lots, zero allowed; OffGridError when it is not a whole number of them."""
        lots = _units(self.symbol, "quantity", quantity, self.lot_size)
        if lots < 0:
            raise OffGridError(f"{self.symbol}: quantity {quantity} must not be negative")
        return lots


def _units(symbol: str, field: str, value: Decimal | str | float, step: Decimal) -> int:
    exact = _exact(symbol, field, value)
    if exact and exact.adjusted() - step.adjusted() > UNITS_MAGNITUDE_MAX:
        raise OffGridError(f"{symbol}: {field} {value!s:.80} is out of range for steps of {step}")
    units = EXACT.divide(exact, step).to_integral_value(ROUND_HALF_EVEN)
    error = EXACT.abs(EXACT.subtract(EXACT.multiply(units, step), exact))
    if error > _tolerance(exact, step, isinstance(value, float)):
        name = "tick size" if field == "price" else "lot size"
        raise OffGridError(f"{symbol}: {field} {value!s:.80} is not a multiple of the {name} {step}")
    return int(units)


def _exact(symbol: str, field: str, value: Decimal | str | float) -> Decimal:
    # Decimal itself also reads underscores, surrounding blanks, other scripts' digits and tuples.
    readable = _NUMBER.fullmatch(value) if isinstance(value, str) else isinstance(value, _NUMBER_TYPES)
    if not readable or isinstance(value, bool):
        raise OffGridError(f"{symbol}: {field} {value!r:.80} is not a number")
    exact = Decimal(value)
    if not exact.is_finite():
        raise OffGridError(f"{symbol}: {field} {value!r} is not a finite number")
    return exact


def _tolerance(exact: Decimal, step: Decimal, is_double: bool) -> Decimal:
    if not is_double:
        return Decimal(0)
    relative = EXACT.multiply(EXACT.abs(exact), FLOAT_RELATIVE_ERROR)
    return min(relative, EXACT.multiply(step, FLOAT_STEP_ERROR))
