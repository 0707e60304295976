"""Prices and quantities as they come over the wire, turned into ticks and lots, fast.

A book repeats the same few thousand numbers, so each is converted once and then looked up.
"""

from decimal import Decimal

from market_maker.core.instrument import Instrument

GRID_CACHE_MAX = 65_536
"""Numbers remembered per kind; a full cache is cleared."""


class GridCache:
    """The conversions of one instrument. Raises OffGridError exactly where the instrument does.

    Doubles are remembered apart from exact numbers: a double near the grid is on it, while a Decimal
    of the same value is not, though both are equal as keys.
    """

    __slots__ = ("_lots", "_lots_of_doubles", "_ticks", "_ticks_of_doubles", "instrument")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._ticks: dict[str | Decimal | float, int] = {}
        self._ticks_of_doubles: dict[str | Decimal | float, int] = {}
        self._lots: dict[str | Decimal | float, int] = {}
        self._lots_of_doubles: dict[str | Decimal | float, int] = {}

    def ticks(self, price: str | Decimal | float) -> int:
        """The price as ticks; OffGridError when it is not a positive whole number of them."""
        known = self._ticks_of_doubles if isinstance(price, float) else self._ticks
        ticks = known.get(price)
        if ticks is None:
            ticks = self.instrument.ticks(price)
            _remember(known, price, ticks)
        return ticks

    def lots(self, quantity: str | Decimal | float) -> int:
        """The quantity as lots, zero allowed; OffGridError when it is not a whole number of them."""
        known = self._lots_of_doubles if isinstance(quantity, float) else self._lots
        lots = known.get(quantity)
        if lots is None:
            lots = self.instrument.lots(quantity)
            _remember(known, quantity, lots)
        return lots


def _remember(known: dict[str | Decimal | float, int], value: str | Decimal | float, units: int) -> None:
    if len(known) >= GRID_CACHE_MAX:
        known.clear()
    known[value] = units
