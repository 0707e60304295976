"""Small markets for tests of the sandbox exchange: hand-written captures, orders, and a reader of events."""

import gzip
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from tradex_sandbox.exchange import Exchange, Submitted
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.market_events import BookDelta, BookSnapshot, MarketEvent
from tradex_sandbox.orders import NewOrder, OrderType, Side, TimeInForce
from tradex_sandbox.queue_position import QueueModel

BTC = parse_instrument("BTCUSDT:0.1:0.001:5")
OURS = "00000000-0000-0000-0000-000000000001"
OTHERS = "00000000-0000-0000-0000-000000000002"

Kind = TypeVar("Kind")
Pairs = Iterable[tuple[str, str]]


class Capture:
    """A capture in the making: each message is received one millisecond after the one before."""

    def __init__(self, symbol: str = "BTCUSDT", *, futures: bool = False, first_id: int = 100) -> None:
        self.lines: list[str] = []
        self._symbol = symbol
        self._futures = futures
        self._id = first_id
        self._at_ns = 1_700_000_000_000_000_000
        self._trades = 0

    def raw(self, body: Any) -> "Capture":
        """Any JSON value as a message."""
        self._at_ns += 1_000_000
        self.lines.append(f"{self._at_ns} {json.dumps(body)}")
        return self

    def later(self, ms: int) -> "Capture":
        """Let the next message be received that much later."""
        self._at_ns += ms * 1_000_000
        return self

    def line(self, text: str) -> "Capture":
        """A line as it is."""
        self.lines.append(text)
        return self

    def snapshot(self, bids: Pairs, asks: Pairs, **extra: Any) -> "Capture":
        """The REST snapshot at the present update id."""
        return self.raw({"lastUpdateId": self._id, "bids": list(bids), "asks": list(asks), **extra})

    def depth(self, bids: Pairs = (), asks: Pairs = (), ids: int = 3, **override: Any) -> "Capture":
        """A depth message that takes the present update id `ids` further."""
        first, previous = self._id + 1, self._id
        self._id += ids
        data = {"s": self._symbol, "U": first, "u": self._id, "b": list(bids), "a": list(asks)}
        if self._futures:
            data["pu"] = previous
        return self.raw({"stream": f"{self._symbol.lower()}@depth@100ms", "data": {**data, **override}})

    def trade(self, price: str, quantity: str, taker: Side, **override: Any) -> "Capture":
        """A trade."""
        self._trades += 1
        data = {"s": self._symbol, "t": self._trades, "p": price, "q": quantity, "m": taker is Side.SELL}
        return self.raw({"stream": f"{self._symbol.lower()}@trade", "data": {**data, **override}})

    def ticker(self, bid: str, ask: str, update_id: int | None = None) -> "Capture":
        """Best bid and ask at an update id, the present one by default."""
        data = {"s": self._symbol, "u": update_id or self._id, "b": bid, "B": "1", "a": ask, "A": "1"}
        return self.raw({"stream": f"{self._symbol.lower()}@bookTicker", "data": data})

    def opened(self, bids: Pairs, asks: Pairs) -> "Capture":
        """A snapshot, joined by an empty depth message right after it."""
        return self.snapshot(bids, asks).depth()

    def write(self, path: Path) -> Path:
        """As a gzip file."""
        path.write_bytes(gzip.compress("".join(f"{line}\n" for line in self.lines).encode()))
        return path


_count = 0


def new_order(side: Side, price: str | None, quantity: str, account: str = OURS, **changes: Any) -> NewOrder:
    """A post-only order of our account with ids of its own."""
    global _count  # noqa: PLW0603 - ids only have to differ
    _count += 1
    fields: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": side,
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": price is not None,
        "price": None if price is None else Decimal(price),
        "quantity": Decimal(quantity),
        "client_order_id": f"client-{_count}",
        "idempotency_key": f"key-{_count}",
        "account_id": account,
        "user_id": account,
        "account_type": "SYSTEM_MARKET_MAKER",
    }
    return NewOrder(**{**fields, **changes})


def only(kind: type[Kind], events: Iterable[MarketEvent]) -> list[Kind]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


class Recording:
    """An exchange with one recorded market, moved message by message."""

    def __init__(self, path: Path, queue_model: QueueModel = QueueModel.PROPORTIONAL, **grid: Any) -> None:
        self.exchange = Exchange(queue_model=queue_model)
        self.symbol = self.exchange.add_recorded(path, **grid)
        self.now_us = 1_000_000_000
        self.events = self.exchange.start(self.now_us)

    def play(self, messages: int = 1) -> list[MarketEvent]:
        """Let the next messages of the capture happen."""
        self.now_us += 1000 * messages
        events = self.exchange.advance(self.now_us)
        self.events += events
        return events

    def submit(self, order: NewOrder) -> Submitted:
        """Enter an order now."""
        submitted = self.exchange.submit(self.now_us, order)
        self.events += submitted.events
        return submitted

    def left(self, submitted: Submitted) -> Decimal:
        """What of an order is not filled."""
        order = self.exchange.order(submitted.order.order_id)
        return order.new.quantity - order.filled_quantity


def rebuilt(events: Iterable[MarketEvent], symbol: str, *, watch_top: bool = True) -> BookSnapshot:
    """The book that a reader of the first snapshot and all deltas ends with.

    A gap is an assertion error, and so is a crossed book on the way if `watch_top`.
    """
    sequence = 0
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    for event in events:
        if isinstance(event, BookSnapshot) and event.symbol == symbol:
            sequence, bids, asks = event.sequence, dict(event.bids), dict(event.asks)
        elif isinstance(event, BookDelta) and event.symbol == symbol:
            assert event.prev_sequence == sequence == event.sequence - 1
            sequence = event.sequence
            for side, changes in ((bids, event.bids), (asks, event.asks)):
                side.update(changes)
                for price in [price for price, quantity in side.items() if not quantity]:
                    del side[price]
            assert not watch_top or not bids or not asks or max(bids) < min(asks)
    return BookSnapshot(
        symbol, sequence, tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))
    )
