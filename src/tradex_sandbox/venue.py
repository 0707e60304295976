"""The exchange in time and on the wire: it moves with the clock, and all it says goes to Kafka in order.

Everything here runs on the event loop's thread. A request's events are published right after its
answer was written, market events in the order in which they happened, at most a slice at a time, so
that orders are answered meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from tradex_sandbox import topics
from tradex_sandbox.clock import MarketClock
from tradex_sandbox.exchange import Exchange, Submitted
from tradex_sandbox.feed_faults import FeedFaults
from tradex_sandbox.market_events import MarketEvent
from tradex_sandbox.messages import Message, message_of
from tradex_sandbox.orders import NewOrder, Order, OrderRefused

SLICE = 200
"""Messages handed to Kafka before the event loop gets its turn."""
STEP_US = 20_000
"""Market time that the exchange moves at once."""
PULSE_S = 0.05
"""How often delivery and a halted or paused market are looked at when nothing else happens."""


class Outlet(Protocol):
    """Where messages go."""

    def send(self, messages: Iterable[Message]) -> None:
        """Take messages in order; must not block."""


class Venue:
    """One exchange with its clock and its way out."""

    def __init__(
        self,
        exchange: Exchange,
        clock: MarketClock,
        feed: FeedFaults,
        outlet: Outlet,
        snapshot_interval_s: float,
        *,
        feed_delay_s: float = 0.0,
        paused: bool = False,
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.feed = feed
        self._outlet = outlet
        self._snapshot_interval_s = snapshot_interval_s
        self._feed_delay_s = feed_delay_s
        self._paused = paused
        self._held: deque[list[Message]] = deque()
        """Market data that is published later, in order."""
        self._waiting: deque[Message] = deque()
        self._flush_is_due = False
        self._moved_to_us = clock.now_us()

    # --- what clients ask for ----------------------------------------------------------------

    def submit(self, new: NewOrder, traceparent: str | None) -> Submitted:
        """Enter an order. OrderRefused as the exchange says; the refusal's event is published too."""
        now_us = self._market_us()
        try:
            submitted = self.exchange.submit(now_us, new)
        except OrderRefused:
            self.publish(self.exchange.advance(now_us), traceparent)
            raise
        self.publish(submitted.events, traceparent)
        return submitted

    def cancel(self, order_id: str, traceparent: str | None) -> Order:
        """Cancel one order; OrderNotFound and OrderFinal as the exchange says."""
        order, events = self.exchange.cancel(self._market_us(), order_id)
        self.publish(events, traceparent)
        return order

    def cancel_all(self, account_id: str, symbol: str | None, traceparent: str | None) -> int:
        """Cancel an account's open orders; how many there were."""
        orders, events = self.exchange.cancel_all(self._market_us(), account_id, symbol)
        self.publish(events, traceparent)
        return len(orders)

    # --- what operators ask for --------------------------------------------------------------

    def act(self, change: Callable[[int], list[MarketEvent]]) -> None:
        """Make a change at the market's time, and publish what it causes."""
        self.publish(change(self._market_us()))

    def start(self) -> bool:
        """Let paused markets move; False when they do already."""
        if not self.exchange.is_paused:
            return False
        self.exchange.go_on(self._market_us())
        return True

    def publish_snapshot(self, symbol: str) -> None:
        """Publish the symbol's book as it stands."""
        # What happened before goes first: the snapshot's sequence already counts it.
        self.publish(self.exchange.advance(self._market_us()))
        self.publish([self.exchange.snapshot(symbol)])

    def send_raw(self, topic: str, symbol: str, value: bytes) -> None:
        """Send bytes in the symbol's name."""
        self._send([Message(topic, symbol, 0, {}, raw=value)])

    # --- on the wire -------------------------------------------------------------------------

    def publish(self, events: Iterable[MarketEvent], traceparent: str | None = None) -> None:
        """Queue events for Kafka; `traceparent` of the request goes with the engine's events."""
        for event in events:
            message = message_of(event, self.clock.wall_us, self._moved_to_us)
            if traceparent is not None and message.topic == topics.ENGINE:
                message = replace(message, traceparent=traceparent)
            self._send(self.feed.apply(message))

    def _send(self, messages: Iterable[Message]) -> None:
        """Publish messages, market data after the feed's delay."""
        messages = list(messages)
        if not self._feed_delay_s or not messages or messages[0].topic not in topics.MARKET_DATA:
            self._enqueue(messages)
            return
        self._held.append(messages)
        asyncio.get_running_loop().call_later(self._feed_delay_s, self._release)

    def _release(self) -> None:
        self._enqueue(self._held.popleft())

    def _enqueue(self, messages: Iterable[Message]) -> None:
        self._waiting.extend(messages)
        if not self._flush_is_due and self._waiting:
            self._flush_is_due = True
            # After the running handler has written its answer.
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        self._outlet.send([self._waiting.popleft() for _ in range(min(SLICE, len(self._waiting)))])
        self._enqueue(())

    # --- in time -----------------------------------------------------------------------------

    def open(self) -> None:
        """List every instrument and publish every book, once."""
        self.publish(self.exchange.start(self._moved_to_us))
        if self._paused:
            self.exchange.pause(self._moved_to_us)

    async def run(self) -> None:
        """Move the exchange with the clock and repeat the snapshots, until cancelled."""
        loop = asyncio.get_running_loop()
        next_snapshots_s = loop.time() + self._snapshot_interval_s
        while True:
            self.clock.follow_wall()
            self.publish(self.exchange.advance(self._market_us()))
            is_behind = self._moved_to_us + STEP_US < self.clock.now_us() or bool(self._waiting)
            if loop.time() >= next_snapshots_s:
                next_snapshots_s = loop.time() + self._snapshot_interval_s
                for symbol in self.exchange.symbols():
                    self.publish_snapshot(symbol)
            self._outlet.send(())
            await asyncio.sleep(0 if is_behind else self._pause_s(next_snapshots_s - loop.time()))

    def _market_us(self) -> int:
        """The market's time: the clock's, or as far as the market may move at once when it is behind.

        Requests happen at that time too, so a fast market cannot keep an order waiting for seconds.
        """
        now_us = self.clock.now_us()
        if now_us > self._moved_to_us + STEP_US:
            next_us = self.exchange.next_event_us()
            now_us = min(now_us, max(self._moved_to_us + STEP_US, now_us if next_us is None else next_us))
        self._moved_to_us = now_us
        return now_us

    def _pause_s(self, until_snapshots_s: float) -> float:
        next_us = self.exchange.next_event_us()
        until_event_s = PULSE_S if next_us is None else self.clock.seconds_until(next_us)
        return max(0.0, min(PULSE_S, until_snapshots_s, until_event_s))
