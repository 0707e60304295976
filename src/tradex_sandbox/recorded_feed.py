"""A capture made ready to be played: one symbol of it, its grid, and its book at the joined snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from weakref import ref

from tradex_sandbox.capture import (
    CaptureError,
    CaptureLine,
    FieldError,
    MessageKind,
    blocks_of_lines,
    boolean,
    capture_line,
    exchange_time,
    integer,
    levels,
    text,
)
from tradex_sandbox.capture_book import CrowdBook, DepthIds
from tradex_sandbox.capture_grid import Grid, decimal, infer_instrument
from tradex_sandbox.feed_oracle import FeedOracle
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.orders import Side
from tradex_sandbox.recorded_trades import RecordedTrade

JOIN_MESSAGES_MAX = 100_000
"""How many messages of the symbol may pass before a snapshot is joined."""

INFERENCE_MESSAGES = 2000
"""How many messages after the join are looked at to infer a grid."""

TICKER_STREAM = b'@bookTicker"'
STREAM_BYTES = 100
"""Within so many bytes a line names its stream."""

SAME_MARKET_RATIO = Decimal("1.2")
"""A snapshot does not tell its symbol: its price may differ from the symbol's by this factor at most."""


_BUY, _SELL = Side.BUY, Side.SELL
BOOK_TRADE = "MARKET"
"""The `X` of a trade that took place in the book; others are the insurance fund's or a deleveraging."""


@dataclass(frozen=True, slots=True)
class _Depth:
    message: CaptureLine
    ids: DepthIds


class _Joiner:
    """Gathers a symbol's first messages until one of the snapshots and a depth message fit together."""

    def __init__(self) -> None:
        self.messages: list[CaptureLine] = []
        self.snapshot_lines: list[int] = []
        self._waiting: list[CaptureLine] = []
        self._depths: list[_Depth] = []
        self._price: Decimal | None = None

    def add(self, message: CaptureLine) -> tuple[CaptureLine, list[_Depth]] | None:
        """The snapshot and the depth messages to apply to it, once they are known. FieldError."""
        self.messages.append(message)
        if message.kind is MessageKind.SNAPSHOT:
            self.snapshot_lines.append(message.line)
            self._waiting.append(message)
        elif message.kind is MessageKind.DEPTH:
            self._depths.append(_Depth(message, DepthIds.of(message)))
        else:
            field = "b" if message.kind is MessageKind.TICKER else "p"
            self._price = decimal(field, text(message.data, field))
            return None
        return self._joined()

    def _joined(self) -> tuple[CaptureLine, list[_Depth]] | None:
        for snapshot in tuple(self._waiting):
            last_id = integer(snapshot.data, "lastUpdateId")
            later = [depth for depth in self._depths if not depth.ids.precedes(last_id)]
            if not later:
                continue
            if later[0].ids.spans(last_id) and self._is_same_market(snapshot):
                return snapshot, later
            self._waiting.remove(snapshot)
        return None

    def _is_same_market(self, snapshot: CaptureLine) -> bool:
        bids = levels(snapshot.data, "bids")
        if not self._price or not bids:
            return True
        try:
            best = max(decimal("price", price) for price, _ in bids)
        except (TypeError, ValueError):
            return True  # said with the snapshot's line when the book is loaded
        return self._price < best * SAME_MARKET_RATIO and best < self._price * SAME_MARKET_RATIO


class RecordedFeed:
    """The messages of one symbol after the join, and the crowd's book at that moment."""

    def __init__(
        self,
        path: Path,
        symbol: str | None,
        instrument: Instrument | None,
        *,
        reads_tickers: bool = True,
    ) -> None:
        """Read up to the joined snapshot. CaptureError when the file does not lead there.

        `symbol` None: the instrument's, else the first in the file. `instrument` None: inferred.
        Without `reads_tickers` bookTickers are passed over once the market is joined: nothing but the
        oracle needs them then, and they are most of a capture.
        """
        self.path = path
        self.book = CrowdBook()
        self.oracle = FeedOracle()
        self.symbol = symbol or (instrument.symbol if instrument else "")
        self._seen: set[str] = set()
        self._passes_over_tickers = False
        self._file: ref[BinaryIO] | None = None
        self._bytes = 1
        self.messages: Iterator[CaptureLine] = self._read(blocks_of_lines(path, self._opened))
        """Those of the symbol, in order; CaptureError where the file breaks."""
        joiner = _Joiner()
        joined = self._join(joiner)
        self.zero_ns = joiner.messages[-1].at_ns
        """Receive time of the message that completed the join: the market's time zero."""
        self.grid = Grid(instrument or self._inferred(joiner))
        self._build(joiner, *joined)
        self._passes_over_tickers = not reads_tickers

    def error_at(self, message: CaptureLine, error: FieldError) -> CaptureError:
        """The error of one message, with file and line."""
        return CaptureError(self.path, message.line, str(error))

    def read_share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        file = None if self._file is None else self._file()
        return 1.0 if file is None or file.closed else file.tell() / self._bytes

    def _opened(self, file: BinaryIO) -> None:
        # Weakly: the reading of the file closes it, also when nobody reads on.
        self._file, self._bytes = ref(file), max(1, self.path.stat().st_size)

    def _read(self, blocks: Iterator[tuple[int, list[bytes]]]) -> Iterator[CaptureLine]:
        """The messages of the symbol, which is the first in the file unless it is known."""
        path, before_ns = self.path, None
        for first, lines in blocks:
            for number, raw in enumerate(lines, first):
                if self._passes_over_tickers and raw.find(TICKER_STREAM, 0, STREAM_BYTES) >= 0:
                    continue
                message = capture_line(path, number, raw, before_ns)
                if message is None:
                    continue
                before_ns = message.at_ns
                symbol = message.symbol
                if symbol:
                    self._seen.add(symbol)
                    self.symbol = self.symbol or symbol
                if not symbol or symbol == self.symbol:
                    yield message

    def _join(self, joiner: _Joiner) -> tuple[CaptureLine, list[_Depth]]:
        for message in self.messages:
            try:
                joined = joiner.add(message)
            except FieldError as error:
                raise self.error_at(message, error) from None
            if joined is not None:
                return joined
            if len(joiner.messages) >= JOIN_MESSAGES_MAX:
                break
        raise CaptureError(self.path, None, self._no_join(joiner))

    def _no_join(self, joiner: _Joiner) -> str:
        if not self._seen:
            return "holds no market data; expected depth, trade and bookTicker messages and a depth snapshot"
        if self.symbol not in self._seen:
            return f"holds no message of {self.symbol}; it holds {', '.join(sorted(self._seen))}"
        if not joiner.snapshot_lines:
            return (
                f"no depth snapshot for {self.symbol} (a line with 'lastUpdateId'); "
                "record one shortly after the start"
            )
        lines = ", ".join(str(line) for line in joiner.snapshot_lines)
        return (
            f"no depth message of {self.symbol} continues a snapshot (line {lines}): the first one after its "
            "lastUpdateId must span it; record the snapshot while the depth stream is running"
        )

    def _inferred(self, joiner: _Joiner) -> Instrument:
        ahead: list[CaptureLine] = []
        broken: CaptureError | None = None
        try:
            while len(ahead) < INFERENCE_MESSAGES and (message := next(self.messages, None)) is not None:
                ahead.append(message)
        except CaptureError as error:
            broken = error
        self.messages = chain(_again(ahead, broken), self.messages)
        try:
            return infer_instrument(self.symbol, (*joiner.messages, *ahead))
        except FieldError as error:
            raise CaptureError(self.path, None, str(error)) from None

    def _build(self, joiner: _Joiner, snapshot: CaptureLine, depths: list[_Depth]) -> None:
        at = snapshot
        try:
            self.book.load(snapshot, self.grid)
            for at in joiner.messages:
                if at.kind is MessageKind.TICKER:
                    self.see_ticker(at)
            for depth in depths:
                at = depth.message
                self.book.apply(at, depth.ids, self.grid)
                self.oracle.book(depth.ids.last, self.book.top, self.grid)
        except FieldError as error:
            raise self.error_at(at, error) from None

    def trade(self, message: CaptureLine) -> RecordedTrade | None:
        """What a trade message tells; None when it did not take place in the book. FieldError."""
        data = message.data
        if data.get("X", BOOK_TRADE) != BOOK_TRADE:
            return None
        taker_side = _SELL if boolean(data, "m") else _BUY
        ticks, lots = self.grid.ticks[text(data, "p")], self.grid.lots[text(data, "q")]
        if not lots:
            raise FieldError("field 'q' of a trade must be positive")
        return RecordedTrade(str(integer(data, "t")), ticks, lots, taker_side, exchange_time(message))

    def see_ticker(self, message: CaptureLine) -> None:
        """Let the oracle see a bookTicker; FieldError."""
        data = message.data
        self.oracle.ticker(integer(data, "u"), text(data, "b"), text(data, "a"), self.grid)

    def regrid(self, grid: Grid, tick_factor: int, lot_factor: int) -> None:
        """Tell the book in a grid that is finer by these factors."""
        self.grid = grid
        self.book.scale(tick_factor, lot_factor)
        self.oracle.regrid()


def _again(messages: list[CaptureLine], broken: CaptureError | None) -> Iterator[CaptureLine]:
    """What has been read already, and how it ended."""
    yield from messages
    if broken is not None:
        raise broken
