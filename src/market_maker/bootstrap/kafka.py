"""Kafka's side of the service: intake, outbox relay, simulated quotes, dead letters."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from market_maker.bootstrap.dependencies import Dependencies
from market_maker.bootstrap.owned_outbox import OwnedOutbox
from market_maker.core.events import BookSnapshot, Execution, OrderEvent
from market_maker.ownership.shell import Ownership
from market_maker.repositories.outbox import OutboxRepository
from market_maker.settings import Settings
from market_maker.streams.avro_codec import AvroEncoder
from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.book_history import BookHistory
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.dead_letters import DeadLetters
from market_maker.streams.errors import RegistryError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.intake import KafkaIntake
from market_maker.streams.lag import LagReport
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.outbox_relay import OutboxRelay
from market_maker.streams.partitioner import partition_of
from market_maker.streams.publisher import KafkaPublisher
from market_maker.streams.router import Destinations, RouterCounters, SymbolSink
from market_maker.streams.simulated_quotes import SimulatedQuotePublisher
from market_maker.streams.topic_counts import TopicsDifferError, differing, partition_counts
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, ORDER_BOOK_DELTA, PUBLISHED
from market_maker.telemetry.metrics import Metrics
from market_maker.telemetry.tally import Tally


class KafkaSide:
    """Made on the running event loop; `consume` adds the intake once there is somebody to deliver to.

    Until then nothing can be asked of what is read.
    """

    _intake: KafkaIntake
    _history: BookHistory
    _ownership: Ownership

    def __init__(self, settings: Settings, connections: Dependencies) -> None:
        self._settings = settings
        self._registry = connections.registry
        self._encoder = AvroEncoder(connections.registry, PUBLISHED)
        self.offsets = OffsetTracker()
        self.outbox = OutboxRepository(connections.database)
        self.publisher = KafkaPublisher(
            settings.kafka_brokers, asyncio.get_running_loop(), extra=settings.kafka_security.properties()
        )
        self.relay = OutboxRelay(
            OwnedOutbox(self.outbox, lambda symbol: self._ownership.sends_for(symbol)),  # noqa: PLW0108 -- as said
            self._encoder,
            self.publisher,
        )
        self.quotes = SimulatedQuotePublisher(self._encoder, self.publisher)
        self.table = InstrumentTable()
        self._dead_letters = DeadLetters(self.publisher)

    def consume(
        self,
        sinks: Mapping[str, SymbolSink],
        on_lag: Callable[[LagReport], None],
        ownership: Ownership,
        stray: Callable[[str, Execution | OrderEvent], None],
        on_batch: Callable[[int, int, int], None],
    ) -> None:
        """Make the intake; `run` starts it."""
        options = ConsumerOptions(
            self._settings.kafka_brokers,
            self._settings.kafka_consumer_group,
            fetch_wait_max_ms=self._settings.kafka_fetch_wait_max_ms,
            instance_id=self._settings.kafka_instance_id,
            session_timeout_ms=self._settings.kafka_session_timeout_ns // 1_000_000,
            extra=self._settings.kafka_security.properties(),
        )
        self._intake = KafkaIntake(
            options,
            self._registry,
            self.table,
            self._settings.system_account_id,
            Destinations(sinks, self._dead_letters, stray, ownership.expected),
            self.offsets,
            on_lag,
            listener=ownership,
            on_batch=on_batch,
        )
        self._ownership = ownership
        self._history = BookHistory(options, self._registry, self.table)

    async def run(self) -> None:
        """Register the published schemas, then consume until `end`."""
        with suppress(RegistryError):  # the relay registers again before it sends
            await asyncio.to_thread(self._encoder.register)
        await self._intake.run()

    def read_again(self, symbol: str) -> None:
        """Read anew what is not durable of the partition that carries the symbol's engine events."""
        partitions = self.partitions(ENGINE_EVENT)
        if partitions is not None:
            self._intake.consumer.read_again(partition_of(symbol, partitions))

    def reads_book_of(self, symbol: str) -> bool:
        """Whether the deltas of the symbol's book arrive."""
        partitions = self.partitions(ORDER_BOOK_DELTA)
        return partitions is not None and self._intake.is_reading(
            (ORDER_BOOK_DELTA, partition_of(symbol, partitions))
        )

    async def books(self, symbols: Collection[str]) -> dict[str, BookSnapshot]:
        """The present books that the topics prove; none of a symbol whose grid changes meanwhile."""
        partitions = self.partitions(ORDER_BOOK_DELTA)
        if partitions is None:
            return {}
        wanted: dict[int, list[str]] = defaultdict(list)
        for symbol in symbols:
            wanted[partition_of(symbol, partitions)].append(symbol)
        grids = {symbol: self.table.reader(symbol.encode()) for symbol in symbols}
        found = await asyncio.to_thread(self._history.read, wanted)
        now = {symbol: self.table.reader(symbol.encode()) for symbol in found}
        return {
            symbol: book
            for symbol, book in found.items()
            if (grid := now[symbol]) is not None and grid is grids[symbol] and not grid.superseded
        }

    def partitions(self, topic: str) -> int | None:
        """How many partitions a topic has; None while that is unknown."""
        return self.counts().get(topic)

    def generations(self) -> Mapping[TopicPartitionKey, int]:
        """The partitions that are read, each with what tells its present reading from earlier ones."""
        return self._intake.consumer.assignment.generations

    def counts(self) -> Mapping[str, int]:
        """How many partitions each consumed topic has; empty while that is unknown."""
        return self._intake.member.counts

    async def check_topics(self) -> None:
        """Raises TopicsDifferError; brokers that do not answer are asked again with the first assignment."""
        problem = await asyncio.to_thread(self._differing)
        if problem:
            raise TopicsDifferError(f"KAFKA_BROKERS: {problem}")

    def _differing(self) -> str:
        settings = self._settings
        admin = AdminClient(
            {
                **settings.kafka_security.properties(),
                "bootstrap.servers": settings.kafka_brokers,
                "log_level": 0,
            }
        )
        try:
            return differing(partition_counts(admin))
        except KafkaException:
            return ""

    def tallies(self, metrics: Metrics) -> tuple[Tally, ...]:
        """Counters of what came in and could not be used, and of what did not get out."""

        def routed() -> RouterCounters:
            return self._intake.router.counters

        return (
            Tally(metrics, "mm_consumed_messages_total", "topic", lambda: routed().consumed, CONSUMED),
            Tally(metrics, "mm_decode_errors_total", "topic", lambda: routed().undecodable, CONSUMED),
            Tally(metrics, "mm_dead_letters_total", "topic", lambda: self._dead_letters.sent, CONSUMED),
            Tally(metrics, "mm_unclaimed_events_total", "symbol", lambda: routed().strays),
            Tally(metrics, "mm_publish_failures_total", "topic", lambda: self.publisher.failed),
        )

    def quiesce(self) -> None:
        """Read nothing more."""
        self._intake.consumer.quiesce()

    async def end(self, *, for_good: bool = False) -> None:
        """Return once the last commit is made and the group is left; after `run` was started.

        `for_good`: this instance's own place in the group is given up too.
        """
        self.publisher.stop()
        await self._intake.end(for_good=for_good)

    async def registry_health(self) -> str | None:
        """Why the registry does not take our schemas; None when it does."""
        try:
            await asyncio.to_thread(self._encoder.register)
        except RegistryError as error:
            return str(error)
        return None
