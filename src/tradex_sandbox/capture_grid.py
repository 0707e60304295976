"""The grid of a captured instrument: strings to ticks and lots, and the grid inferred from strings."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction

from tradex_sandbox.capture import (
    SHOWN_CHARACTERS,
    CaptureLine,
    FieldError,
    MessageKind,
    RawLevels,
    levels,
)
from tradex_sandbox.instruments import Instrument, make_instrument, whole_units

INFERRED_MIN_NOTIONAL = Decimal(5)
"""A capture does not tell the minimum notional; this is the usual one, in quote currency."""

DIGITS_MAX = 30
"""A captured number has no more before the point, and no more after it."""

DECIMAL_STRING = re.compile(rf"([0-9]{{1,{DIGITS_MAX}}})(?:\.([0-9]{{0,{DIGITS_MAX}}}))?")

CACHED_STRINGS_MAX = 100_000

STRAYS_ONE_IN = 100
"""At most one in so many different quantities may be off the lot: orders that are older than a change of
the lot size still rest in real books, far from the touch."""

STRAYS_ALWAYS_ALLOWED = 3
"""So many may be off before the share counts, since they may come first."""


class Units(dict[str, int]):
    """Decimal strings as whole numbers of `step`: looked up like a dictionary, computed where one is new.

    A lookup raises FieldError when the string is no such number, negative, or zero where that is not
    allowed. With `strays` a few strings may lie between two steps: they are rounded down (to one step at
    least) and counted in `stray_count`, until they are too many for the step to be right.
    """

    def __init__(self, field: str, step: Decimal, *, strays: bool, zero_allowed: bool = True) -> None:
        super().__init__()
        self.stray_count = 0
        self._zero_allowed = zero_allowed
        self._field = field
        self._step = step
        self._strays_allowed = strays
        self._seen_count = 0
        _, digits, exponent = step.normalize().as_tuple()
        self._places = -int(exponent) if digits == (1,) and int(exponent) <= 0 else None
        """Decimal places when the step is 1, 0.1, 0.01...: then no division is needed."""

    def __missing__(self, value: str) -> int:
        """Compute and keep it."""
        units = self._units(value)
        if not units and not self._zero_allowed:
            raise FieldError(f"{self._field} must be positive, got {value!r}")
        self._seen_count += 1
        if len(self) >= CACHED_STRINGS_MAX:
            self.clear()
        self[value] = units
        return units

    def _units(self, value: str) -> int:
        if self._places is not None and type(value) is str and len(value) <= DIGITS_MAX and value.isascii():
            point = value.find(".")
            digits = value.replace(".", "", 1)
            if point and digits.isdigit():
                missing = self._places if point < 0 else self._places - (len(value) - point - 1)
                if missing >= 0:
                    return int(digits + "0" * missing)
                if not digits[missing:].strip("0"):
                    return int(digits[:missing])
        return self._exact_units(value)

    def _exact_units(self, value: str) -> int:
        number = decimal(self._field, value)
        units = whole_units(number, self._step)
        if units is not None:
            return units
        self.stray_count += 1
        few = self.stray_count <= STRAYS_ALWAYS_ALLOWED
        if not self._strays_allowed or not (few or self.stray_count * STRAYS_ONE_IN <= self._seen_count):
            raise FieldError(
                f"{self._field} {value} is off the grid: not a multiple of {self._step}; "
                "give the instrument's grid as SYMBOL:tick:lot:min_notional"
            )
        return max(1, Fraction(number) // Fraction(self._step))


def decimal(field: str, value: str) -> Decimal:
    """A captured number, zero or more; FieldError."""
    if type(value) is str and DECIMAL_STRING.fullmatch(value) is not None:
        return Decimal(value)
    said = f"{field} must be a decimal string, zero or more, got {value!r:.{SHOWN_CHARACTERS}}"
    if type(value) is str and len(value) > DIGITS_MAX:
        said += f" of {len(value)} characters; at most {DIGITS_MAX} digits before and after the point"
    raise FieldError(said)


class Grid:
    """Prices and quantities of one capture as ticks and lots."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.lots = Units("quantity", instrument.lot_size, strays=True)
        self.ticks = Units("price", instrument.tick_size, strays=False, zero_allowed=False)

    def levels(self, raw: RawLevels) -> dict[int, int]:
        """[price, quantity] pairs as ticks -> lots; the last of those at one price. FieldError."""
        ticks, lots = self.ticks, self.lots
        try:
            return {ticks[price]: lots[quantity] for price, quantity in raw}
        except (TypeError, ValueError) as error:
            if isinstance(error, FieldError):
                raise
            raise FieldError("a level must be [price, quantity]") from None


def infer_instrument(symbol: str, messages: Iterable[CaptureLine]) -> Instrument:
    """The instrument whose grid fits the prices and quantities of `messages`.

    The tick is the largest of 1 or 5 times a power of ten that divides every price; the lot likewise
    for the quantities, strays apart. Zeros at the end of a number do not count. FieldError when there
    is nothing to infer from. What is no number is left out: the market says so, with its line, when it
    comes to it.
    """
    prices: set[str] = set()
    quantities: set[str] = set()
    for message in messages:
        for price, quantity in _numbers(message):
            prices.add(str(price))  # whatever it is: a list is no number, and cannot be in a set
            quantities.add(str(quantity))
    return infer_grid(symbol, prices, quantities)


def infer_grid(symbol: str, prices: set[str], quantities: set[str]) -> Instrument:
    """The instrument whose grid fits these numbers; FieldError, as above."""
    tick = _step("price", prices, strays=False)
    return make_instrument(symbol, tick, _step("quantity", quantities, strays=True), INFERRED_MIN_NOTIONAL)


def _numbers(message: CaptureLine) -> RawLevels:
    data = message.data
    try:
        if message.kind is MessageKind.SNAPSHOT:
            pairs = levels(data, "bids") + levels(data, "asks")
        elif message.kind is MessageKind.DEPTH:
            pairs = levels(data, "b") + levels(data, "a")
        elif message.kind is MessageKind.TRADE:
            pairs = [[data["p"], data["q"]]]
        else:
            pairs = [[data["b"], data["B"]], [data["a"], data["A"]]]
        return [[price, quantity] for price, quantity in pairs]
    except (KeyError, TypeError, ValueError):
        return []


def _step(field: str, values: set[str], *, strays: bool) -> Decimal:
    numbers = [
        (parts[1], (parts[2] or "").rstrip("0"))
        for value in values
        if (parts := DECIMAL_STRING.fullmatch(value)) is not None
    ]
    places = max((len(fraction) for _, fraction in numbers), default=0)
    units = [found for whole, fraction in numbers if (found := int(whole + fraction.ljust(places, "0")))]
    if not units and len(numbers) < len(values):
        return Decimal(1)  # of no use: the market ends at the first of these values, with its line
    if not units:
        raise FieldError(f"no {field} to infer the grid from; give it as SYMBOL:tick:lot:min_notional")
    off_max = len(units) // STRAYS_ONE_IN if strays else 0
    step = 1
    for coarser in _one_five_ten(max(units)):
        if sum(1 for unit in units if unit % coarser) > off_max:
            break
        step = coarser
    return Decimal(format(Decimal(step).scaleb(-places).normalize(), "f"))


def _one_five_ten(limit: int) -> Iterator[int]:
    """1, 5, 10, 50, 100, ... up to `limit`."""
    step = 1
    while step <= limit:
        yield step
        if 5 * step <= limit:
            yield 5 * step
        step *= 10
