"""One instance of the fleet without its API and its Kafka client: who owns what, on real servers.

PostgreSQL, the Order Service (HTTP) and the Metadata Service (gRPC) are on real sockets; supervisor, workers,
journal, router and offsets are the service's. The test plays the consumer group and the matching engine.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any

import asyncpg
from tests.support.owning_parts import PARTITIONS, DeadLetters, keys_of

from market_maker.actors.changes import ChangeFeed
from market_maker.actors.controls import Controls
from market_maker.actors.journal import Journal
from market_maker.actors.observer import StepObserver
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Lease
from market_maker.actors.trading import Trading
from market_maker.actors.worker import Worker
from market_maker.bootstrap.checkpoints import Checkpoints
from market_maker.bootstrap.errands import Errands
from market_maker.bootstrap.gauges import Gauges
from market_maker.bootstrap.history_check import HistoryCheck
from market_maker.bootstrap.kill_switch_feed import KillSwitchFeed
from market_maker.bootstrap.markets import Markets
from market_maker.bootstrap.meters import Meters
from market_maker.bootstrap.owned_outbox import OwnedOutbox
from market_maker.bootstrap.stray_fills import StrayFills
from market_maker.clients.metadata import MetadataClient
from market_maker.clients.order_service import OrderServiceClient
from market_maker.core.commands import Reply
from market_maker.core.config import EngineLimits
from market_maker.core.events import (
    BookSnapshot,
    Execution,
    Fault,
    JournalMeasured,
    LagMeasured,
    OrderEvent,
    OrderEventKind,
    Source,
)
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State
from market_maker.ownership.ports import Around
from market_maker.ownership.shell import Ownership
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.executor import Database
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.kill_orders import KillOrderRepository
from market_maker.repositories.outbox import OutboxRepository
from market_maker.repositories.owners import OwnerRepository
from market_maker.streams.batch import Batch, Position, TopicPartitionKey
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.partitioner import partition_of
from market_maker.streams.router import Destinations, KafkaRouter
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, MARK
from market_maker.telemetry.tracing import make_tracing

BTC, ETH, SOL, DOGE = "BTC-USDT", "ETH-USDT", "SOL-USDT", "DOGE-USDT"
MID = 600_000
"""Ticks of the books that are shown: 60000 in quote currency."""
LONG_NS = 60_000_000_000
"""Of leases and answers whose end would be a machine's that stands still for a moment, not the test's."""
LEASE_COMMAND_S = LONG_NS / 1e9
"""For PostgreSQL's answer to a renewal of the lease, to a claim and to a release."""
NEVER_NS = 100 * LONG_NS
RENEW_EVERY_NS = 200_000_000
LAST_LEASE_NS = 400_000_000
"""How long a symbol waits for the lease of an owner that did not release it."""
WAIT_S_MAX = 30.0


class Instance:
    """Make it by `Fixture.start`."""

    def __init__(
        self,
        name: str,
        pools: dict[str, asyncpg.Pool],
        orders: OrderServiceClient,
        metadata: MetadataClient,
        meters: Meters,
        last_lease_ns: int,
    ) -> None:
        self.name = name
        self.reads_again = 0
        """How often the consumer was told to read a symbol's partition anew."""
        self.failures: list[str] = []
        """Parts that ended though they must not."""
        self.partitions: dict[str, int] = dict.fromkeys(CONSUMED, PARTITIONS)
        self.database = Database(pools["all"])
        self.configs = ConfigRepository(self.database)
        self.outbox = OutboxRepository(self.database)
        self.offsets = OffsetTracker()
        self.meters = meters
        self.tasks = TaskGroup(self._part_failed)
        self.controls = Controls()
        self.changes = ChangeFeed()
        self.journal = Journal(
            JournalStore(pools["journal"]),
            time.monotonic_ns,
            self.offsets.done,
            lambda: None,
            self._refused,
            self._fenced,
            self.offsets.hold,
        )
        observer = StepObserver(
            meters.metrics,
            meters.latencies,
            self.controls,
            meters.kills,
            self.changes.publish,
            lambda _worker, _quote: None,
        )
        self.supervisor = Supervisor(
            EngineLimits(
                response_timeout_ns=NEVER_NS,
                market_data_staleness_ns=NEVER_NS,
                kafka_lag_threshold_ns=NEVER_NS,
                journal_lag_threshold_ns=NEVER_NS,
            ),
            orders,
            self.journal,
            observer,
            make_tracing(None),
            meters.placed,
            time.monotonic_ns,
        )
        history = (self.database, self.supervisor, self.journal)
        self.checkpoints, self.history_check = Checkpoints(*history), HistoryCheck(*history)
        self.table = InstrumentTable()
        self.markets = Markets(self.supervisor, metadata, self.table, self.database, {}, self.checkpoints)
        self.trading = Trading(self.supervisor, self.journal, self.controls, self.changes)
        lease = Lease(time.monotonic_ns, LONG_NS)
        self.feed = KillSwitchFeed(
            self.trading,
            self.partitions.get,
            lambda: dict.fromkeys(self._assigned, self._generation),
            lease,
            lambda: self.ownership.tenancy.outage,
        )
        self.gauges = Gauges(self.trading, self.markets, self.feed, observer, meters, self.outbox, ())
        kills = KillOrderRepository(self.database)
        self.errands = Errands(self.trading, kills)
        self.ownership = Ownership(
            name,
            lease,
            OwnerRepository(Database(pools["lease"])),
            self.trading,
            Around(self.markets, self.errands, self),
            self.tasks,
            self._started,
        )
        self.ownership.machine._instance.lease_ns = last_lease_ns
        self.strays = StrayFills(self.journal, self.offsets.done)
        self.router = KafkaRouter(
            Destinations(self.supervisor.sinks, DeadLetters(), self.strays.keep, self.ownership.expected),
            self.offsets,
            self.partitions.get,
        )
        self.own_outbox = OwnedOutbox(self.outbox, self.ownership.sends_for)
        self._generation = 0
        self._assigned: frozenset[TopicPartitionKey] = frozenset()
        self._offsets: dict[int, int] = {}
        self._sequence = 0

    async def start(self) -> None:
        """Everything that the service starts for owning; no partition is assigned."""
        await self.ownership.read_configs()
        await self.ownership.tenancy.renew()
        self.tasks.start("journal", self.journal.run())
        self.tasks.start("checkpoints", self.checkpoints.run())
        self.tasks.start("history check", self.history_check.run())
        self.tasks.start("kill switch feed", self.feed.run())
        self.tasks.start("gauges", self.gauges.run())
        self.ownership.start()
        self.tasks.start("errands", self.errands.run(self.ownership.read_configs))

    async def stop(self) -> None:
        """End at once, as a process that is killed: nothing is given up."""
        await self.tasks.cancel()
        await self.supervisor.close()

    def last_lease_ends(self, symbol: str) -> None:
        """That of the symbol's last owner, at this moment."""
        self.ownership.machine._instance.of(symbol).alone_ns = time.monotonic_ns()

    def counts(self) -> dict[str, int]:
        """How many partitions each topic has."""
        return self.partitions

    def read_again(self, _symbol: str) -> None:
        """The consumer is told to read a partition anew."""
        self.reads_again += 1

    def _part_failed(self, name: str, error: BaseException) -> None:
        self.failures.append(f"{name}: {error!r}")

    def _refused(self, symbol: str, reason: str) -> None:
        now_ns = time.monotonic_ns()
        self.supervisor.tell(symbol, Fault(now_ns, KillReason.JOURNAL_FAILURE, reason))
        self.supervisor.tell(symbol, JournalMeasured(now_ns, 0, failed=True, detail=reason))

    def _fenced(self, symbol: str, epoch: int) -> None:
        self.ownership.fenced(symbol, epoch)

    def _started(self, symbol: str) -> None:
        self.supervisor.tell(symbol, LagMeasured(time.monotonic_ns(), 0, MARK))

    # --- the consumer group ---------------------------------------------------------------------

    def assign(self, *symbols: str) -> None:
        """The partitions of these symbols have come to this instance."""
        self._assigned |= keys_of(symbols)
        self._generation += 1
        self.offsets.assign(self._assigned, self._generation)
        self.ownership.added(_numbers(keys_of(symbols)))

    async def revoke(self, *symbols: str, timeout_s: float = WAIT_S_MAX) -> bool:
        """Their partitions go, or all, as the group member does it; whether everything was done in time."""
        keys = self._gone(symbols)
        leaving = asyncio.ensure_future(self.ownership.revoking(_numbers(keys)))
        done, _ = await asyncio.wait([leaving], timeout=timeout_s)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        if done:
            leaving.result()
        self.offsets.drop(keys)
        return bool(done)

    def lose(self, *symbols: str) -> None:
        """Their partitions are gone already, or all."""
        keys = self._gone(symbols)
        self.offsets.drop(keys)
        self.ownership.lost(_numbers(keys))

    def _gone(self, symbols: Iterable[str]) -> frozenset[TopicPartitionKey]:
        keys = keys_of(symbols) or self._assigned
        self._assigned -= keys
        return keys

    def again(self) -> None:
        """The consumer begins anew at what is committed, under a new generation."""
        self._generation += 1
        self.offsets.assign(self._assigned, self._generation)

    # --- the matching engine --------------------------------------------------------------------

    def fill(self, symbol: str, trade_id: str, quantity: str = "1", *, offset: int | None = None) -> Source:
        """A fill that nobody's order explains arrives from Kafka."""
        source = self.next_source(symbol, offset)
        self._dispatch(symbol, self.execution(trade_id, source, quantity), source)
        return source

    def execution(self, trade_id: str, source: Source, quantity: str = "1") -> Execution:
        """A fill: bought at 60000."""
        self._sequence += 1
        return Execution(
            time.monotonic_ns(),
            trade_id,
            Side.BUY,
            Decimal(60000),
            Decimal(quantity),
            Decimal(0),
            f"x-{trade_id}",
            None,
            is_maker=True,
            sequence=self._sequence,
            executed_at_us=1_790_000_000_000_000,
            source=source,
        )

    def order_event(self, symbol: str) -> Source:
        """Word of an order that nobody here knows."""
        source = self.next_source(symbol)
        kind = OrderEventKind.CANCELED
        self._dispatch(symbol, OrderEvent(time.monotonic_ns(), kind, "x", "c", "", 1, source), source)
        return source

    def next_source(self, symbol: str, offset: int | None = None) -> Source:
        """Where the next engine event of the symbol's partition stands."""
        partition = partition_of(symbol, PARTITIONS)
        at = self._offsets.get(partition, 0) if offset is None else offset
        self._offsets[partition] = max(at + 1, self._offsets.get(partition, 0))
        return Source(partition, at, self._generation)

    def _dispatch(self, symbol: str, event: Execution | OrderEvent, source: Source) -> None:
        position = Position(source.offset + 1, source.generation, None, time.monotonic_ns())
        batch = Batch([(symbol, event)], {(ENGINE_EVENT, source.partition): position}, [source])
        self.offsets.consumed(batch.positions, batch.in_flight)
        self.router.dispatch(batch)

    def committable(self, symbol: str) -> int | None:
        """Up to where the symbol's engine events may be committed."""
        return self.offsets.committable().get((ENGINE_EVENT, partition_of(symbol, PARTITIONS)))

    # --- operators ------------------------------------------------------------------------------

    async def ask(self, symbol: str, cause: Cause) -> Reply:
        """An operator's request and the engine's reply, without the API."""
        request_id, reply = self.controls.open()
        self.supervisor.ask(symbol, request_id, cause, "operator", "test")
        async with asyncio.timeout(WAIT_S_MAX):
            return await reply

    async def refusals(self, symbol: str) -> set[str]:
        """Why `enable` is refused; empty: it was not."""
        return {problem.code for problem in (await self.ask(symbol, Cause.ENABLE)).problems}

    def show_book(self, symbol: str) -> None:
        """A whole book of others, true as of now."""
        now_ns = time.monotonic_ns()
        self._sequence += 1
        bids = tuple((MID - distance, 1_000_000) for distance in (20, 30, 40))
        asks = tuple((MID + distance, 1_000_000) for distance in (20, 30, 40))
        self.supervisor.tell(symbol, BookSnapshot(now_ns, now_ns, self._sequence, bids, asks))

    async def activate(self, *symbols: str) -> None:
        """Have symbols quote: both sides rest at the exchange."""
        for symbol in symbols:
            await self.taken(symbol)
            await self.clear(symbol)
            self.show_book(symbol)
            assert await self.refusals(symbol) == set()
            await self._quoting(symbol)

    async def _quoting(self, symbol: str) -> None:
        def ids() -> list[str | None]:
            return [order.order_id for order in self.symbol(symbol).orders]

        await until(lambda: len(ids()) == 2 and None not in ids())

    async def clear(self, symbol: str) -> None:
        """Wait until the exchange has proven that nothing of ours is in the market."""
        await until(lambda: self.worker(symbol).engine.is_clear)

    # --- what there is --------------------------------------------------------------------------

    def worker(self, symbol: str) -> Worker:
        """The symbol's worker."""
        worker = self.supervisor.worker(symbol)
        assert worker is not None
        return worker

    def symbol(self, symbol: str) -> Any:
        """The state of its engine."""
        return self.worker(symbol).engine.symbol

    def state(self, symbol: str) -> State:
        """The state of the symbol."""
        return self.worker(symbol).engine.symbol.state

    def holds(self, symbol: str) -> bool:
        """Whether it has an actor here that acts."""
        worker = self.supervisor.worker(symbol)
        return worker is not None and worker.tenure.is_held

    async def taken(self, *symbols: str) -> None:
        """Wait until the symbols are here and nothing but their market stands against enabling them."""
        await until(lambda: all(self.holds(symbol) and not self.symbol(symbol).retired for symbol in symbols))


def _numbers(keys: Iterable[TopicPartitionKey]) -> frozenset[int]:
    return frozenset(number for _, number in keys)


async def until(condition: Callable[[], bool], seconds: float = WAIT_S_MAX) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- actors change in steps that announce themselves to nobody
            await asyncio.sleep(0.001)


async def found(ask: Callable[[], Awaitable[bool]], seconds: float = WAIT_S_MAX) -> None:
    """Wait until PostgreSQL says so."""
    async with asyncio.timeout(seconds):
        while not await ask():  # noqa: ASYNC110 -- a table announces nothing
            await asyncio.sleep(0.005)
