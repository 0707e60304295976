"""Kafka in as one instance of the service has it, and the exchange that it hears, on any broker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from tests.support.kafka import OURS, Wire, delta, instrument, trade_event, until

from market_maker.core.events import BookDelta, EngineEventUnreadable, Event, Execution, OrderEvent
from market_maker.streams.assignment import RebalanceListener
from market_maker.streams.batch import Undecodable
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.intake import KafkaIntake
from market_maker.streams.lag import LagReport
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.router import Destinations
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import ENGINE_EVENT, ORDER_BOOK_DELTA

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOTUSDT")
GROUP = "intake-test"


@dataclass
class Mailbox:
    """Takes market data always, other events while there is room."""

    room: int = 1_000_000
    events: list[Event] = field(default_factory=list)

    def deliver(self, event: Event) -> bool:
        if isinstance(event, Execution | EngineEventUnreadable):
            if self.room <= 0:
                return False
            self.room -= 1
        self.events.append(event)
        return True

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def sequences(self) -> list[int]:
        return [event.sequence for event in self.of(BookDelta)]

    def trade_ids(self) -> list[str]:
        return [event.trade_id for event in self.of(Execution)]


class Broken(Mailbox):
    """Fails."""

    def deliver(self, event: Event) -> bool:
        raise ZeroDivisionError(event)


@dataclass
class Letters:
    """Keeps the dead letters."""

    kept: list[Undecodable] = field(default_factory=list)

    def send(self, message: Undecodable) -> None:
        self.kept.append(message)


class Desk:
    """One instance of the service, as far as Kafka in is concerned."""

    def __init__(
        self,
        broker: str,
        registry: SchemaRegistry,
        listener: RebalanceListener | None = None,
        security: Mapping[str, str] | None = None,
        *,
        instance_id: str | None = None,
        session_timeout_ms: int = 6000,
    ) -> None:
        self.boxes = {symbol: Mailbox() for symbol in SYMBOLS}
        self.letters = Letters()
        self.reports: list[LagReport] = []
        self.strays: list[tuple[str, Execution | OrderEvent]] = []
        self.offsets = OffsetTracker()
        self.intake = KafkaIntake(
            ConsumerOptions(
                broker,
                GROUP,
                fetch_wait_max_ms=5,
                instance_id=instance_id,
                session_timeout_ms=session_timeout_ms,
                batch_messages_max=50,
                commit_interval_s=0.02,
                extra=security or {},
            ),
            registry,
            InstrumentTable(instrument(symbol) for symbol in SYMBOLS),
            OURS,
            Destinations(self.boxes, self.letters, lambda *event: self.strays.append(event)),
            self.offsets,
            self.reports.append,
            listener=listener,
            lag_interval_s=0.05,
        )

    @asynccontextmanager
    async def running(self, *, for_good: bool = False) -> AsyncIterator["Desk"]:
        """Run until the block ends; enters when every assigned partition's end was seen.

        `for_good`: at the end its own place in the group is given up too.
        """
        task = asyncio.ensure_future(self.intake.run())
        try:
            await until(self.is_reading, timeout_s=20)
            yield self
        finally:
            self.intake.stop(for_good=for_good)
            await task

    def is_reading(self) -> bool:
        assignment = self.intake.consumer.assignment
        read = {key: self.intake.router.position(key) for key in assignment.generations}
        return bool(read) and all(
            position is not None and position.generation == assignment.generations[key]
            for key, position in read.items()
        )

    def has(self, symbol: str, count: int, kind: type[Event] = Execution) -> bool:
        return len(self.boxes[symbol].of(kind)) >= count


class Exchange:
    """Publishes, and reads what the group committed."""

    def __init__(self, broker: str, wire_format: Wire) -> None:
        self.broker = broker
        self._wire = wire_format
        self._producer = Producer(
            {"bootstrap.servers": broker, "partitioner": "murmur2_random", "linger.ms": 5, "log_level": 0}
        )
        self._committed = Consumer({"bootstrap.servers": broker, "group.id": GROUP, "log_level": 0})

    async def say(self, topic: str, data: dict[str, Any]) -> None:
        self.post(topic, data["symbol"].encode(), self._wire.value(topic, data))
        await self.flush()

    def trades(self, symbol: str, first: int, count: int) -> None:
        """TRADE events of our account, ids counting up."""
        for number in range(first, first + count):
            value = self._wire.value(ENGINE_EVENT, trade_event(f"t{number}", symbol=symbol))
            self.post(ENGINE_EVENT, symbol.encode(), value)

    def delta(self, symbol: str, sequence: int) -> bytes:
        """The message that leads from the sequence before it to this one."""
        return self._wire.value(ORDER_BOOK_DELTA, {**delta(sequence - 1, sequence), "symbol": symbol})

    def post(self, topic: str, key: bytes | None, value: bytes, partition: int = -1) -> None:
        self._producer.produce(topic, value, key, partition=partition)
        self._producer.poll(0)

    async def flush(self) -> None:
        assert await asyncio.to_thread(self._producer.flush, 10) == 0

    async def committed(self, topic: str, partition: int) -> int:
        """The group's offset, 0 when there is none."""
        asked = [TopicPartition(topic, partition)]
        [answer] = await asyncio.to_thread(self._committed.committed, asked, 5)
        return max(0, answer.offset)

    async def until_committed(self, partition: int, offset: int) -> None:
        async with asyncio.timeout(5):
            while await self.committed(ENGINE_EVENT, partition) < offset:  # noqa: ASYNC110 - the broker's state
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self._committed.close()


@dataclass
class Listener:
    """Makes durable what it was told to when partitions are about to go."""

    desk: Desk | None = None
    make_durable: int = 0
    revoked: list[frozenset[int]] = field(default_factory=list)
    added_: list[frozenset[int]] = field(default_factory=list)
    lost_: list[frozenset[int]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """What is revoked is given up once this is set."""
    asked: bool = False

    def added(self, numbers: frozenset[int]) -> None:
        self.added_.append(numbers)

    async def revoking(self, numbers: frozenset[int]) -> None:
        assert self.desk is not None
        self.asked = True
        if self.hold is not None:
            await self.hold.wait()
        for event in self.desk.boxes["BTCUSDT"].of(Execution)[: self.make_durable]:
            self.desk.offsets.done(event.source)
        self.revoked.append(numbers)

    def lost(self, numbers: frozenset[int]) -> None:
        self.lost_.append(numbers)
