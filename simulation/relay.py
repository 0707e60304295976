"""The way out: the service's own outbox relay on virtual time, between the store's rows and a broker."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from market_maker.repositories.errors import DatabaseUnavailableError
from market_maker.repositories.outbox import OutboxEvent
from market_maker.streams.avro_codec import AvroEncoder
from market_maker.streams.outbox_relay import OutboxRelay
from market_maker.streams.publisher import KafkaPublisher, PublishError
from simulation.clock import MS, SECOND_NS, Clock
from simulation.coverage import Coverage
from simulation.database import Schedule, Trouble
from simulation.decisions import Kind
from simulation.store import OutboxRow, Store
from simulation.violation import Violation
from simulation.virtual_loop import VirtualLoop

logging.getLogger("market_maker").addHandler(logging.NullHandler())  # what goes wrong here is wanted

QUERY_NS = MS
PUBLISH_NS = 2 * MS
TIMEOUT_NS = 60 * MS
"""How long the producer tries."""


@dataclass(slots=True)
class Broker:
    """The topics that the service publishes, and how the broker misbehaves. Outlives the processes."""

    coverage: Coverage
    reached: Counter[str] = field(default_factory=Counter)
    """How many of each symbol's rows have been published, the first ones of its outbox."""
    down_until_ns: int = 0
    loses_only_acknowledgements: bool = False

    def append(self, store: Store, row: OutboxRow) -> None:
        """A message arrives; per symbol in order, and none before those that were written before it."""
        reached = self.reached[row.symbol]
        rows = store.outbox_of(row.symbol)
        if reached < len(rows) and row is rows[reached]:
            self.coverage.hit("event_published")
            self.reached[row.symbol] += 1
        elif self.has(row, rows):
            self.coverage.hit("event_published_again")
        else:
            raise Violation(10, f"{row.symbol}: row {row.id} is published before {rows[reached].id}")

    def has(self, row: OutboxRow, rows: Sequence[OutboxRow]) -> bool:
        """Whether a row of these has been published."""
        reached = self.reached[row.symbol]
        return reached > 0 and row.id <= rows[reached - 1].id


class Relay:
    """Of one process; it dies with its loop."""

    def __init__(
        self,
        clock: Clock,
        loop: VirtualLoop,
        schedule: Schedule,
        store: Store,
        broker: Broker,
        trouble: Trouble,
        effect: Callable[[], None],
    ) -> None:
        self._clock, self._loop, self._schedule = clock, loop, schedule
        self._store, self._broker, self._trouble, self._effect = store, broker, trouble, effect
        with loop.running():
            self._relay = OutboxRelay(
                self,
                cast("AvroEncoder", self),
                cast("KafkaPublisher", self),
                clock=loop.time,
            )
        loop.start(self._relay.run())

    def notify(self) -> None:
        """Rows were committed."""
        with self._loop.running():
            self._relay.notify()

    def flush(self, timeout_ns: int, done: Callable[[int], None]) -> None:
        """Send what waits; `done` is told how many rows are left, -1 when not even that is known."""

        async def flushing() -> None:
            try:
                left = await self._relay.flush(timeout_ns / SECOND_NS)
            except DatabaseUnavailableError:
                left = -1
            self._schedule(0, done, left)

        with self._loop.running():
            self._loop.start(flushing())

    # --- the store, as the relay asks it -----------------------------------------------------------

    async def unsent(self, limit: int) -> Sequence[OutboxEvent]:
        """Waiting rows, the symbols taking turns."""
        found: list[OutboxEvent] = await self._asked(lambda: self._store.unsent(limit))
        return found

    async def mark_sent(self, ids: Sequence[int], at: datetime) -> int:  # noqa: ARG002 -- the protocol's signature
        """The broker has acknowledged these."""
        marked: int = await self._asked(lambda: self._mark(ids))
        return marked

    async def pending_count(self) -> int:
        """How many rows wait."""
        count: int = await self._asked(lambda: len(self._store.unsent(len(self._store.outbox))))
        return count

    def _mark(self, ids: Sequence[int]) -> int:
        for row in (self._store.outbox[row_id] for row_id in ids):
            if not self._broker.has(row, self._store.outbox_of(row.symbol)):
                raise Violation(10, f"{row.symbol}: row {row.id} is marked sent and was never published")
        return self._store.mark_sent(ids)

    def _asked(self, answer: Callable[[], Any]) -> "asyncio.Future[Any]":
        """What the database answers, when it does."""
        future: asyncio.Future[Any] = self._loop.create_future()
        slow_ns = max(0, self._trouble.slow_until_ns - self._clock.now_ns)
        self._schedule(QUERY_NS + slow_ns, self._answer, future, answer)
        return future

    def _answer(self, future: "asyncio.Future[Any]", answer: Callable[[], Any]) -> None:
        self._effect()
        if self._clock.now_ns < self._trouble.down_until_ns:
            _settle(future, DatabaseUnavailableError("told to"), None)
        else:
            _settle(future, None, answer())

    # --- encoder and broker, as the relay uses them --------------------------------------------------

    def register(self) -> None:
        """The registry is not simulated."""

    def encode(self, topic: str, record: Mapping[str, Any]) -> bytes:  # noqa: ARG002 -- the encoder's signature
        """The event id stands for the message."""
        return str(record["event_id"]).encode()

    async def publish(self, topic: str, key: str, value: bytes, headers: object) -> None:  # noqa: ARG002 -- the publisher's signature
        """Wait for the broker's acknowledgement; PublishError without one."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._schedule(PUBLISH_NS, self._arrive, self._store.outbox[UUID(value.decode()).int], future)
        await future

    def _arrive(self, row: OutboxRow, future: "asyncio.Future[None]") -> None:
        broker = self._broker
        self._effect()
        is_down = self._clock.now_ns < broker.down_until_ns
        if not is_down or broker.loses_only_acknowledgements:
            broker.append(self._store, row)
        if is_down:
            broker.coverage.hit(Kind.BROKER_DOWN.value)
            self._schedule(TIMEOUT_NS, _settle, future, PublishError("no acknowledgement"), None)
        else:
            self._effect()
            _settle(future, None, None)


def _settle(future: "asyncio.Future[Any]", error: Exception | None, result: object) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
