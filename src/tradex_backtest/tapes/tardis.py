"""Tardis' CSV files of one market: `incremental_book_L2` and `trades`, each plain or gzip, days in a row.

Times are microseconds since 1970 UTC: `local_timestamp` is when a message was received, `timestamp` the
exchange's. Rows of one message share both. The first snapshot begins the market; a later one, after Tardis
has connected again, replaces the book.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from tradex_backtest.tapes.rows import RowFile
from tradex_backtest.tapes.updates import (
    Levels,
    LevelUpdate,
    Place,
    TradeUpdate,
    Update,
    UpdateFeed,
    inferred,
    plain_number,
)
from tradex_sandbox.capture import STAMP_DIGITS, CaptureError, FieldError
from tradex_sandbox.capture_grid import Grid
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.orders import Side
from tradex_sandbox.recorded_trades import RecordedTrade

BOOK_COLUMNS: Final = ("symbol", "local_timestamp", "timestamp", "is_snapshot", "side", "price", "amount")
TRADE_COLUMNS: Final = ("symbol", "local_timestamp", "timestamp", "id", "side", "price", "amount")
BOOK_HEADER: Final = b"is_snapshot"
TRADES_HEADER: Final = b"exchange,symbol,timestamp,local_timestamp,id,side,"
INFERENCE_ROWS: Final = 20_000
"""Rows that are looked at to infer a grid."""

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_FLAGS: Final = {"true": True, "false": False}

Row = tuple[Place, str, int, int, str, str, str, str]
"""Place, symbol, received, exchange time, snapshot flag or trade id, side, price, amount."""


def symbol_of(path: Path) -> str:
    """The symbol of the first row; CaptureError when there is none."""
    for _, (symbol,) in RowFile(path).rows(("symbol",)):
        return symbol
    raise CaptureError(path, None, "holds no rows")


class TardisFeed(UpdateFeed):
    """The market of these files."""

    def __init__(
        self, books: Sequence[Path], trades: Sequence[Path], instrument: Instrument | None = None
    ) -> None:
        """CaptureError when they do not lead to a book."""
        if not books:
            raise CaptureError(trades[0], None, "holds trades only; give the incremental_book_L2 file, too")
        files = [RowFile(path) for path in books]
        grid = Grid(instrument or _inferred(books[0]))
        told = chain.from_iterable(_levels(file, grid) for file in files)
        traded = chain.from_iterable(_trades(RowFile(path), grid) for path in trades)
        updates: Iterator[Update] = merge(told, traded, key=attrgetter("at_us"))
        super().__init__(
            books[0], grid.instrument, updates, lambda: sum(file.read_share() for file in files) / len(files)
        )


def _rows(file: RowFile, columns: Sequence[str]) -> Iterator[Row]:
    for place, (symbol, received, timestamp, what, side, price, amount) in file.rows(columns):
        longest = max(len(received), len(timestamp))
        if not (received.isdecimal() and timestamp.isdecimal()) or longest > STAMP_DIGITS:
            raise place.error("timestamp and local_timestamp must be whole microseconds")
        received_us = int(received)
        # Here, too: a row far ahead would wait for the other file to end before anybody hears of it.
        place.check_time(received_us * 1000, None)
        yield place, symbol, received_us, int(timestamp), what, side, price, amount


def _levels(file: RowFile, grid: Grid) -> Iterator[LevelUpdate]:
    """One update a message; what comes before the first snapshot is of no use."""
    begun = False
    for (received, timestamp, flag), group in groupby(_of(grid, _rows(file, BOOK_COLUMNS)), _level_key):
        bids: Levels = []
        asks: Levels = []
        place = None
        for row in group:
            place = row[0]
            _level(row, grid, bids, asks)
        if place is None or flag not in _FLAGS:
            raise CaptureError(
                file.path, None if place is None else place.line, "is_snapshot must be true or false"
            )
        begun = begun or _FLAGS[flag]
        if begun:
            yield LevelUpdate(received, timestamp, bids, asks, _FLAGS[flag], place)


def _level_key(row: Row) -> tuple[int, int, str]:
    return row[2], row[3], row[4]


def _level(row: Row, grid: Grid, bids: Levels, asks: Levels) -> None:
    place, side, price, amount = row[0], row[5], row[6], row[7]
    try:
        level = grid.ticks[plain_number(price)], grid.lots[plain_number(amount)]
    except (FieldError, ArithmeticError) as error:
        raise place.error(error) from None
    if side == "bid":
        bids.append(level)
    elif side == "ask":
        asks.append(level)
    else:
        raise place.error(f"side must be bid or ask, got {side!r}")


def _trades(file: RowFile, grid: Grid) -> Iterator[TradeUpdate]:
    """Trades whose taker is known; others cannot be told to meet a side."""
    for place, _, received, timestamp, trade_id, side, price, amount in _of(grid, _rows(file, TRADE_COLUMNS)):
        if side == "unknown":
            continue
        try:
            ticks, lots = grid.ticks[plain_number(price)], grid.lots[plain_number(amount)]
        except (FieldError, ArithmeticError) as error:
            raise place.error(error) from None
        if side not in _SIDES or not lots:
            raise place.error(f"a trade needs side buy, sell or unknown and an amount, got {side!r} {amount}")
        name = trade_id or f"{file.path.name}:{place.line}"
        yield TradeUpdate(received, RecordedTrade(name, ticks, lots, _SIDES[side], timestamp), place)


def _of(grid: Grid, rows: Iterator[Row]) -> Iterator[Row]:
    """Those of the market's symbol: Tardis has files of several, too."""
    symbol = grid.instrument.symbol
    return (row for row in rows if row[1] == symbol)


def _inferred(path: Path) -> Instrument:
    symbol = symbol_of(path)
    prices: set[str] = set()
    quantities: set[str] = set()
    for number, (place, (named, price, amount)) in enumerate(
        RowFile(path).rows(("symbol", "price", "amount"))
    ):
        if number >= INFERENCE_ROWS:
            break
        if named == symbol:
            try:
                prices.add(plain_number(price))
                quantities.add(plain_number(amount))
            except ArithmeticError:
                raise place.error(f"price and amount must be numbers, got {price!r} and {amount!r}") from None
    return inferred(path, symbol, prices, quantities)
