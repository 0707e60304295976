"""Once in a while: measurements into the mailboxes and gauges, from what the parts know of themselves."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from market_maker.actors.journal import Journal
from market_maker.actors.observer import StepObserver
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.worker import Worker
from market_maker.api.ports import Figures
from market_maker.bootstrap.markets import Markets
from market_maker.bootstrap.meters import Meters
from market_maker.clients.dependency import DependencyHealth
from market_maker.core.events import JournalMeasured, LagMeasured
from market_maker.core.view import spread_bps
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.outbox import OutboxRepository
from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.lag import LagReport
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import CONSUMED
from market_maker.telemetry.tally import Tally

INTERVAL_S: Final = 0.5
_LOG_LAG_NS: Final = 1_000_000_000


class Gauges:
    """Measures the surroundings for engines and metrics."""

    def __init__(
        self,
        supervisor: Supervisor,
        markets: Markets,
        journal: Journal,
        observer: StepObserver,
        meters: Meters,
        outbox: OutboxRepository,
        partitions: Callable[[str], int | None],
        changed: Callable[[str], None],
        tallies: Sequence[Tally],
        outage: Callable[[], str],
        generations: Callable[[], Mapping[TopicPartitionKey, int]],
    ) -> None:
        """`outage` tells why PostgreSQL no longer lets this instance act; empty while it does.

        `generations` are those of the partitions that are read now.
        """
        self._supervisor = supervisor
        self._markets = markets
        self._journal = journal
        self._observer = observer
        self._latencies = meters.latencies
        self._metrics = meters.metrics
        self._outbox = outbox
        self._partitions = partitions
        self._changed = changed
        self._tallies = tallies
        self._outage = outage
        self._generations = generations
        self._outbox_pending = 0
        self._lag: LagReport | None = None
        self._journal_was_well = True
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Measure until cancelled. Nothing here waits for a server: a journal that hangs is told in time."""
        while True:
            self.look()
            await asyncio.sleep(INTERVAL_S)

    async def run_outbox(self) -> None:
        """Count the outbox until cancelled."""
        backlog = self._metrics.gauge("mm_outbox_backlog")
        while True:
            with suppress(DatabaseError):  # the journal tells the engines of a database that is away
                self._outbox_pending = await self._outbox.pending_count()
                backlog.set(self._outbox_pending)
            await asyncio.sleep(INTERVAL_S)

    def look(self) -> None:
        """Measure once."""
        self._markets.show_grids()
        self._tell_journal()
        self._metrics.gauge("mm_asyncio_tasks").set(len(asyncio.all_tasks()))
        for worker in self._supervisor:
            self._show(worker)
            self._changed(worker.name)
        for tally in self._tallies:
            tally.show()

    def figures(self) -> Figures:
        """Percentiles and backlogs for the status."""
        latencies = self._latencies
        named = {
            "quote": latencies.quote,
            "tick_to_wire": latencies.tick_to_wire,
            "tick_to_order": latencies.tick_to_order,
            "order_ack": latencies.order_ack,
        }
        percentiles = {
            f"{name}_{label}": histogram.percentile_us(share)
            for name, histogram in named.items()
            for label, share in (("p50", 0.5), ("p99", 0.99))
        }
        return Figures(percentiles, self._outbox_pending)

    def on_lag(self, report: LagReport) -> None:
        """Tell each symbol the lag of its partition of every topic; None where it cannot be measured."""
        self._lag = report
        for topic, lag_ns in report.topics.items():
            seconds = math.nan if lag_ns is None else lag_ns / 1e9
            self._metrics.gauge("mm_kafka_lag_seconds", topic=topic).set(seconds)
        for worker in self._supervisor:
            self.tell_lag(worker.name)

    def tell_lag(self, symbol: str) -> None:
        """Tell one symbol the last measurement; it must not be enabled before there is one since it came."""
        report = self._lag or LagReport(time.monotonic_ns(), {}, {}, {})
        longest_ns, topic, unmeasured = -1, "", ""
        for name in CONSUMED:
            lag_ns = self._lag_of(report, name, symbol)
            if lag_ns is None:
                unmeasured = name
            elif lag_ns > longest_ns:
                longest_ns, topic = lag_ns, name
        # One event for all topics: each costs the symbol a step, once a second.
        measured = LagMeasured(report.at_ns, longest_ns, topic, unmeasured)
        self._supervisor.tell(symbol, measured if topic else LagMeasured(report.at_ns, None, unmeasured))

    def _lag_of(self, report: LagReport, topic: str, symbol: str) -> int | None:
        """Of the symbol's partition, if it has not been begun anew since it was measured."""
        count = self._partitions(topic)
        key = (topic, partition_of(symbol, count)) if count else None
        if key is None or report.generations.get(key) != self._generations().get(key):
            return None
        return report.partitions.get(key)

    async def kafka_health(self) -> DependencyHealth:
        """Whether the lag of every consumed topic can be measured."""
        if self._lag is None:
            return DependencyHealth("kafka", healthy=False, detail="not measured yet")
        unknown = sorted(topic for topic, lag_ns in self._lag.topics.items() if lag_ns is None)
        detail = f"lag not measurable: {', '.join(unknown)}" if unknown else ""
        return DependencyHealth("kafka", healthy=not unknown, detail=detail)

    def _tell_journal(self) -> None:
        """Tell the engines while something is wrong with the journal, and once when it is well again."""
        lag_ns, failure = self._journal.lag_ns(), self._journal.failure or self._outage()
        well = not failure and lag_ns < _LOG_LAG_NS
        if not well or not self._journal_was_well:
            self._log.warning("journal", lag_ms=lag_ns // 1_000_000, failure=failure, well=well)
            measured = JournalMeasured(time.monotonic_ns(), lag_ns, bool(failure), failure)
            self._supervisor.tell_all(measured)
        self._journal_was_well = well
        for symbol, reason in self._journal.troubled.items():
            self._supervisor.tell(
                symbol, JournalMeasured(time.monotonic_ns(), lag_ns, failed=True, detail=reason)
            )

    def _show(self, worker: Worker) -> None:
        symbol, bound = worker.engine.symbol, self._observer.metrics_of(worker.name)
        mid = None if symbol.mid is None else symbol.mid.price(symbol.instrument)
        value, spread, valuation = symbol.inventory_value, spread_bps(symbol.orders, mid), symbol.valuation
        bound.inventory.set(math.nan if value is None else float(value))
        bound.open_orders.set(symbol.orders.live_count())
        bound.model_fallback.set(symbol.not_ready is not None)
        bound.show_open_orders_at_exchange(symbol.clearing.open_at_exchange)
        bound.spread_bps.set(math.nan if spread is None else float(spread))
        bound.mailbox_depth.set(len(worker.mailbox))
        bound.journal_lag.set(self._journal.lag_ns() / 1e9)
        unrealized = symbol.inventory.unrealized(valuation.price) if valuation is not None else None
        bound.show_pnl(symbol.inventory.realized, unrealized)
        bound.show_parts(symbol.parts)
        self._observer.count_totals(worker, bound)
