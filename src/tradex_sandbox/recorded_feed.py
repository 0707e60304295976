"""A capture made ready to be played: one symbol of it, its grid, and its book at the joined snapshot."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tradex_sandbox.capture import (
    CaptureError,
    FieldError,
    Message,
    MessageKind,
    integer,
    levels,
    read_capture,
    text,
)
from tradex_sandbox.capture_book import CrowdBook, DepthIds
from tradex_sandbox.capture_grid import Grid, decimal, infer_instrument
from tradex_sandbox.feed_oracle import FeedOracle
from tradex_sandbox.instruments import Instrument

JOIN_MESSAGES_MAX = 100_000
"""How many messages of the symbol may pass before a snapshot is joined."""

INFERENCE_MESSAGES = 2000
"""How many messages after the join are looked at to infer a grid."""

SAME_MARKET_RATIO = Decimal("1.2")
"""A snapshot does not tell its symbol: its price may differ from the symbol's by this factor at most."""


@dataclass(frozen=True, slots=True)
class _Depth:
    message: Message
    ids: DepthIds


class _Joiner:
    """Gathers a symbol's first messages until one of the snapshots and a depth message fit together."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.snapshot_lines: list[int] = []
        self._waiting: list[Message] = []
        self._depths: list[_Depth] = []
        self._price: Decimal | None = None

    def add(self, message: Message) -> tuple[Message, list[_Depth]] | None:
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

    def _joined(self) -> tuple[Message, list[_Depth]] | None:
        for snapshot in tuple(self._waiting):
            last_id = integer(snapshot.data, "lastUpdateId")
            later = [depth for depth in self._depths if not depth.ids.precedes(last_id)]
            if not later:
                continue
            if later[0].ids.spans(last_id) and self._is_same_market(snapshot):
                return snapshot, later
            self._waiting.remove(snapshot)
        return None

    def _is_same_market(self, snapshot: Message) -> bool:
        bids = levels(snapshot.data, "bids")
        if not self._price or not bids:
            return True
        best = max(decimal("price", bid[0]) for bid in bids)
        return self._price < best * SAME_MARKET_RATIO and best < self._price * SAME_MARKET_RATIO


class RecordedFeed:
    """The messages of one symbol after the join, and the crowd's book at that moment."""

    def __init__(self, path: Path, symbol: str | None, instrument: Instrument | None) -> None:
        """Read up to the joined snapshot. CaptureError when the file does not lead there.

        `symbol` None: the instrument's, else the first in the file. `instrument` None: inferred.
        """
        self.path = path
        self.book = CrowdBook()
        self.oracle = FeedOracle()
        self.symbol = symbol or (instrument.symbol if instrument else "")
        self._seen: set[str] = set()
        self._messages = self._own(read_capture(path))
        self._ahead: deque[Message] = deque()
        self._broken: CaptureError | None = None
        joiner = _Joiner()
        joined = self._join(joiner)
        self.zero_ns = joiner.messages[-1].at_ns
        """Receive time of the message that completed the join: the market's time zero."""
        self.grid = Grid(instrument or self._inferred(joiner))
        self._build(joiner, *joined)

    def next(self) -> Message | None:
        """The next message of the symbol, None at the end; CaptureError where the file breaks."""
        if self._ahead:
            return self._ahead.popleft()
        if self._broken is not None:
            raise self._broken
        return next(self._messages, None)

    def error_at(self, message: Message, error: FieldError) -> CaptureError:
        """The error of one message, with file and line."""
        return CaptureError(self.path, message.line, str(error))

    def _own(self, source: Iterator[Message]) -> Iterator[Message]:
        for message in source:
            if message.symbol:
                self._seen.add(message.symbol)
                self.symbol = self.symbol or message.symbol
            if not message.symbol or message.symbol == self.symbol:
                yield message

    def _join(self, joiner: _Joiner) -> tuple[Message, list[_Depth]]:
        for message in self._messages:
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
        try:
            while len(self._ahead) < INFERENCE_MESSAGES:
                message = next(self._messages, None)
                if message is None:
                    break
                self._ahead.append(message)
        except CaptureError as error:
            self._broken = error
        try:
            return infer_instrument(self.symbol, (*joiner.messages, *self._ahead))
        except FieldError as error:
            raise CaptureError(self.path, None, str(error)) from None

    def _build(self, joiner: _Joiner, snapshot: Message, depths: list[_Depth]) -> None:
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

    def see_ticker(self, message: Message) -> None:
        """Let the oracle see a bookTicker; FieldError."""
        data = message.data
        self.oracle.ticker(integer(data, "u"), text(data, "b"), text(data, "a"), self.grid)

    def regrid(self, grid: Grid, tick_factor: int, lot_factor: int) -> None:
        """Tell the book in a grid that is finer by these factors."""
        self.grid = grid
        self.book.scale(tick_factor, lot_factor)
        self.oracle.regrid()
