"""hftbacktest's captures: npz files whose array `data` holds one event a row, several files in a row.

Times are nanoseconds since 1970 UTC. Rows that the recording process saw (`LOCAL_EVENT`) are played at their
`local_ts`; `exch_ts` is the exchange's time. Depth rows of one `local_ts` are one message.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tradex_backtest.errors import BacktestError
from tradex_backtest.tapes.updates import (
    Levels,
    LevelUpdate,
    Place,
    TradeUpdate,
    Update,
    UpdateFeed,
    inferred,
)
from tradex_sandbox.capture import CaptureError
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.orders import Side
from tradex_sandbox.recorded_trades import RecordedTrade

if TYPE_CHECKING:
    import numpy as np

DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
"""Kinds of events, in the lowest byte of `ev`; others say nothing about a book of levels."""
LOCAL_EVENT: Final = 1 << 30
BUY_EVENT: Final = 1 << 29
SELL_EVENT: Final = 1 << 28
FIELDS: Final = ("ev", "exch_ts", "local_ts", "px", "qty")
INFERENCE_ROWS: Final = 20_000
OFF_GRID_MAX: Final = 1e-4
"""How far, in steps of the grid, a double may stand from it."""


class HftbacktestFeed(UpdateFeed):
    """The market of these files, which do not tell its symbol."""

    def __init__(self, paths: Sequence[Path], symbol: str, instrument: Instrument | None = None) -> None:
        """CaptureError when they do not lead to a book."""
        grid = instrument or _inferred(paths[0], symbol)
        self._rows_read = 0
        self._rows = 1
        updates = chain.from_iterable(self._updates_of(path, grid) for path in paths)
        super().__init__(paths[0], grid, updates, lambda: min(1.0, self._rows_read / self._rows))

    def _updates_of(self, path: Path, grid: Instrument) -> Iterator[Update]:
        import numpy as np  # noqa: PLC0415 -- an extra that only these files need

        data = _load(path)
        seen = np.flatnonzero(data["ev"] & LOCAL_EVENT)
        rows = data[seen]
        self._rows, self._rows_read = len(rows), 0
        ticks = _whole(path, "px", rows["px"], float(grid.tick_size), seen)
        lots = _whole(path, "qty", rows["qty"], float(grid.lot_size), seen)
        columns = (seen + 1, rows["ev"], rows["exch_ts"], rows["local_ts"], ticks, lots)
        yield from _updates(path, zip(*(column.tolist() for column in columns), strict=True), self._read)

    def _read(self, rows: int) -> None:
        self._rows_read += rows


def _updates(path: Path, rows: Iterator[tuple[int, ...]], read: Callable[[int], None]) -> Iterator[Update]:
    message = _Message()
    for number, event, exchange_ns, local_ns, ticks, lots in rows:
        kind, side = event & 0xFF, event & (BUY_EVENT | SELL_EVENT)
        read(1)
        if message.local_ns is not None and (kind == TRADE or local_ns != message.local_ns):
            yield message.update(path)
            message = _Message()
        if kind == TRADE:
            if lots and side in (BUY_EVENT, SELL_EVENT):
                taker = Side.BUY if side == BUY_EVENT else Side.SELL
                place = Place(path, number)
                trade = RecordedTrade(f"{number}", ticks, lots, taker, exchange_ns)
                yield TradeUpdate(local_ns // 1000, trade, place)
        elif kind in (DEPTH, CLEAR, SNAPSHOT):
            message.add(number, kind, side, exchange_ns, local_ns, ticks, lots)
    if message.local_ns is not None:
        yield message.update(path)


class _Message:
    """Depth rows of one receive time."""

    def __init__(self) -> None:
        self.local_ns: int | None = None
        self._exchange_ns = self._number = 0
        self._whole = False
        self._bids: Levels = []
        self._asks: Levels = []

    def add(
        self, number: int, kind: int, side: int, exchange_ns: int, local_ns: int, ticks: int, lots: int
    ) -> None:
        self.local_ns, self._exchange_ns, self._number = local_ns, exchange_ns, number
        if kind == CLEAR:
            self._whole = True
        elif side == BUY_EVENT:
            self._bids.append((ticks, lots))
        elif side == SELL_EVENT:
            self._asks.append((ticks, lots))

    def update(self, path: Path) -> LevelUpdate:
        place = Place(path, self._number)
        at_us = (self.local_ns or 0) // 1000
        return LevelUpdate(at_us, self._exchange_ns, self._bids, self._asks, self._whole, place)


def _load(path: Path) -> "np.ndarray[Any, np.dtype[Any]]":
    try:
        import numpy as np  # noqa: PLC0415 -- as above
    except ImportError:
        raise BacktestError("npz captures need numpy: pip install 'tradex-market-maker[backtest]'") from None
    try:
        with path.open("rb") as file, np.load(file) as archive:
            data: np.ndarray[Any, np.dtype[Any]] = archive[
                "data" if "data" in archive.files else archive.files[0]
            ]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, IndexError) as error:
        raise CaptureError(path, None, f"is no sound npz file ({error}); fetch it again") from None
    missing = [field for field in FIELDS if field not in (data.dtype.names or ())]
    if missing:
        raise CaptureError(path, None, f"its array lacks {', '.join(missing)}; convert it with hftbacktest 2")
    return data


def _whole(path: Path, field: str, values: Any, step: float, rows: Any) -> Any:
    """The values in whole steps; CaptureError at the first that is none."""
    import numpy as np  # noqa: PLC0415 -- as above

    scaled = np.where(np.isfinite(values), values, -1.0) / step
    units = np.rint(scaled)
    wrong = np.flatnonzero((np.abs(scaled - units) > OFF_GRID_MAX) | (units < 0))
    if len(wrong):
        first = int(wrong[0])
        problem = (
            f"{field} {float(values[first])!r} is no multiple of {step}; "
            "give the instrument's grid as --instrument SYMBOL:tick:lot:min_notional"
        )
        raise CaptureError(path, int(rows[first]) + 1, problem)
    return units.astype(np.int64)


def _inferred(path: Path, symbol: str) -> Instrument:
    rows = _load(path)[:INFERENCE_ROWS]
    kinds = rows["ev"] & 0xFF
    told = rows[(kinds == DEPTH) | (kinds == TRADE) | (kinds == SNAPSHOT)]
    prices, quantities = (
        {format(Decimal(repr(value)), "f") for value in told[field].tolist()} for field in ("px", "qty")
    )
    return inferred(path, symbol, prices, quantities)
