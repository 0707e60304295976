"""Kafka in, assembled: the consumer, the hand-over, the router, the offsets and the lag monitor."""

import asyncio
from collections.abc import Callable

from market_maker.streams.assignment import RebalanceListener
from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.consumer import KafkaConsumer
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.group_member import GroupMember
from market_maker.streams.hand_over import HandOver
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.lag import INTERVAL_S, LagMonitor, LagReport
from market_maker.streams.message_decoder import MessageDecoder, make_processors
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.router import Destinations, KafkaRouter
from market_maker.streams.schema_registry import SchemaRegistry


class KafkaIntake:
    """Everything between the brokers and the symbols' mailboxes. Made on the running event loop.

    `offsets` are told, by whoever makes them so, which events' effects are durable. To shut down: quiesce the
    consumer, let the journal become durable, `end`, await the end of `run`.
    """

    def __init__(
        self,
        options: ConsumerOptions,
        registry: SchemaRegistry,
        instruments: InstrumentTable,
        account_id: str,
        to: Destinations,
        offsets: OffsetTracker,
        on_lag: Callable[[LagReport], None],
        *,
        listener: RebalanceListener | None = None,
        lag_interval_s: float = INTERVAL_S,
        on_batch: Callable[[int, int, int], None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._has_left = asyncio.Event()
        self.router = KafkaRouter(to, offsets, self._partitions, on_batch=on_batch)
        self.consumer = KafkaConsumer(
            options,
            MessageDecoder(make_processors(registry, instruments, account_id)),
            offsets,
            HandOver(loop, self.router),
        )
        self.member = GroupMember(options, offsets, self.consumer, loop, listener)
        self.lag = LagMonitor(
            options.bootstrap_servers,
            lambda: self.consumer.assignment,
            self.router.position,
            on_lag,
            loop,
            extra=options.extra,
            interval_s=lag_interval_s,
        )

    async def run(self) -> None:
        """Consume and measure until `stop`; raises what ended either of them otherwise."""
        async with asyncio.TaskGroup() as threads:
            threads.create_task(self.consumer.run())
            threads.create_task(self._be_a_member())
            threads.create_task(self.lag.run())

    def is_reading(self, key: TopicPartitionKey) -> bool:
        """Whether a partition is read, and something of it or its end was seen since that began."""
        generation, position = self.consumer.assignment.generations.get(key), self.router.position(key)
        return generation is not None and position is not None and position.generation == generation

    def stop(self, *, for_good: bool = False) -> None:
        """End `run` after a last commit; `for_good` gives up the member's own place in the group too."""
        self.consumer.stop()
        self.lag.stop()
        self.member.stop(for_good=for_good)

    async def end(self, *, for_good: bool = False) -> None:
        """The same, and return once the commit is made and the group is left."""
        self.stop(for_good=for_good)
        await self._has_left.wait()

    def _partitions(self, topic: str) -> int | None:
        return self.member.counts.get(topic)

    async def _be_a_member(self) -> None:
        try:
            await self.member.run()
        finally:
            self._has_left.set()
