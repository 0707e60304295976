"""The instruments that the poll thread can read books of.

The event loop replaces the whole table; the poll thread only looks things up. Neither ever waits
for the other: a reference is replaced in one step.
"""

from collections.abc import Iterable

from market_maker.core.instrument import Instrument
from market_maker.streams.level_reader import LevelReader


class InstrumentTable:
    """Symbol -> LevelReader, safe to read from any thread."""

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._readers: dict[bytes, LevelReader] = {}
        self.replace(instruments)

    def replace(self, instruments: Iterable[Instrument]) -> None:
        """Make `instruments` the whole table.

        A symbol whose grid stays keeps its reader, with what it has cached. After a change of grid
        the shell calls this once the symbol's engine works on the new grid, not before: books read
        on the new grid must never meet an engine on the old one. A grid of which a later version was
        told meanwhile is not read any more: its engine is about to hear of that.
        """
        old = self._readers
        new: dict[bytes, LevelReader] = {}
        for instrument in instruments:
            key = instrument.symbol.encode()
            reader = old.get(key)
            if reader is None or not (
                reader.version > instrument.version or reader.instrument.same_grid(instrument)
            ):
                reader = LevelReader(instrument)
            reader.version = max(reader.version, instrument.version)
            new[key] = reader
        self._readers = new

    def reader(self, symbol: bytes) -> LevelReader | None:
        """The reader of a symbol (UTF-8), None for a symbol that the service does not trade."""
        return self._readers.get(symbol)

    def supersede(self, instrument: Instrument) -> None:
        """Tell what the exchange says of this instrument, before its engine hears it.

        Its book is not read on another grid from here on. What an older version says counts for nothing.
        """
        reader = self._readers.get(instrument.symbol.encode())
        if reader is not None and instrument.version >= reader.version:
            reader.version = instrument.version
            reader.superseded = not reader.instrument.same_grid(instrument)
