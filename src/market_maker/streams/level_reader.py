"""Prices and quantities of one instrument, as they come from the wire, to ticks and lots.

A book repeats its prices, so what was converted once is looked up. A miss in plain decimal notation
is converted by exact integer arithmetic; everything else, and everything wrong, goes through the
instrument, which knows the rules and raises OffGridError.
"""

from collections.abc import Callable
from decimal import Decimal

from market_maker.core.book.grid import GridCache
from market_maker.core.instrument import EXACT, Instrument
from market_maker.streams.errors import DecodeError

CACHE_ENTRIES_MAX = 16_384
"""A full cache is emptied; four megabytes at most per instrument (115 bytes an entry, two caches)."""

PLAIN_DIGITS_MAX = 40
"""A longer text is left to the instrument, since int() of very long texts is slow by design, and not kept."""


class UnitCache(dict[bytes, int]):
    """Text of a decimal number -> whole units of `step`. A subscript converts what is not there yet.

    Raises what `exact` raises for a text that is not a whole number of units.
    """

    __slots__ = ("_exact", "_multiple", "_places")

    def __init__(self, step: Decimal, exact: Callable[[str], int]) -> None:
        super().__init__()
        digits = step.as_tuple()
        exponent = int(digits.exponent)
        self._places = max(0, -exponent)
        self._multiple = int(step.scaleb(self._places, EXACT))
        self._exact = exact

    def __missing__(self, text: bytes) -> int:
        units = self._plain(text)
        if units is None:
            units = self._exact(text.decode())
        if len(text) <= PLAIN_DIGITS_MAX:  # else a few messages would fill the memory
            if len(self) >= CACHE_ENTRIES_MAX:
                self.clear()
            self[text] = units
        return units

    def _plain(self, text: bytes) -> int | None:
        whole, dot, fraction = text.partition(b".")
        if len(text) > PLAIN_DIGITS_MAX or not whole.isdigit() or (dot and not fraction.isdigit()):
            return None
        places = self._places
        if len(fraction) > places:
            if fraction[places:].strip(b"0"):
                return None
            fraction = fraction[:places]
        units, rest = divmod(int(whole + fraction.ljust(places, b"0")), self._multiple)
        return None if rest else units


class _PriceCache(UnitCache):
    __slots__ = ()

    def _plain(self, text: bytes) -> int | None:
        return super()._plain(text) or None  # a price of zero is the instrument's to refuse


class LevelReader:
    """Converts levels of one instrument.

    `tick_cache` and `lot_cache` are for the specialised book reader, which looks up the raw text.
    `superseded` is set when the instrument's grid changed: its book messages cannot be read until
    the shell has published the new grid. `version` is the newest that was told of the instrument.
    """

    __slots__ = ("_grid", "instrument", "lot_cache", "superseded", "symbol", "tick_cache", "version")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self._grid = GridCache(instrument)
        self.tick_cache: UnitCache = _PriceCache(instrument.tick_size, instrument.ticks)
        self.lot_cache = UnitCache(instrument.lot_size, instrument.lots)
        self.superseded = False
        self.version = instrument.version

    def ticks(self, price: object) -> int:
        """The price as ticks; OffGridError when it is not a positive whole number of them.

        DecodeError when it is neither text, Decimal nor double.
        """
        if isinstance(price, str):
            return self.tick_cache[price.encode()]
        return self._grid.ticks(_number("price", price))

    def lots(self, quantity: object) -> int:
        """The quantity as lots, zero allowed; OffGridError when it is not a whole number of them.

        DecodeError when it is neither text, Decimal nor double.
        """
        if isinstance(quantity, str):
            return self.lot_cache[quantity.encode()]
        return self._grid.lots(_number("quantity", quantity))


def _number(field: str, value: object) -> Decimal | float:
    if not isinstance(value, Decimal | float):
        raise DecodeError(f"{field}: expected a string, decimal or double, got {value!r:.80}")
    return value
