"""Gauges, once in a while, from what the parts know of themselves."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from market_maker.actors.observer import StepObserver
from market_maker.actors.trading import Trading
from market_maker.actors.worker import Worker
from market_maker.api.ports import Figures
from market_maker.bootstrap.kill_switch_feed import KillSwitchFeed
from market_maker.bootstrap.markets import Markets
from market_maker.bootstrap.meters import Meters
from market_maker.core.view import spread_bps
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.outbox import OutboxRepository
from market_maker.telemetry.tally import Tally

INTERVAL_S: Final = 0.5


class Gauges:
    """Shows what is not counted where it happens, and tells the percentiles of the status."""

    def __init__(
        self,
        trading: Trading,
        markets: Markets,
        feed: KillSwitchFeed,
        observer: StepObserver,
        meters: Meters,
        outbox: OutboxRepository,
        tallies: Sequence[Tally],
    ) -> None:
        self._supervisor = trading.supervisor
        self._markets = markets
        self._journal = trading.journal
        self._changed = trading.changes.publish
        self._feed = feed
        self._observer = observer
        self._latencies = meters.latencies
        self._metrics = meters.metrics
        self._outbox = outbox
        self._tallies = tallies
        self._outbox_pending = 0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            await self.show()
            await asyncio.sleep(INTERVAL_S)

    async def run_outbox(self) -> None:
        """Count the outbox until cancelled."""
        backlog = self._metrics.gauge("mm_outbox_backlog")
        while True:
            with suppress(DatabaseError):  # the journal tells the engines of a database that is away
                self._outbox_pending = await self._outbox.pending_count()
                backlog.set(self._outbox_pending)
            await asyncio.sleep(INTERVAL_S)

    async def show(self) -> None:
        """Measure once. Trading goes on between two symbols: all of 200 would hold it up for 10 ms."""
        self._markets.show_grids()
        self._show_lag()
        self._metrics.gauge("mm_asyncio_tasks").set(len(asyncio.all_tasks()))
        for tally in self._tallies:
            tally.show()
        for name in [worker.name for worker in self._supervisor]:
            worker = self._supervisor.worker(name)
            if worker is not None:  # it may have ended meanwhile
                self._show(worker)
                self._changed(name)
                await asyncio.sleep(0)

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

    def _show_lag(self) -> None:
        topics = {} if self._feed.lag is None else self._feed.lag.topics
        for topic, lag_ns in topics.items():
            seconds = math.nan if lag_ns is None else lag_ns / 1e9
            self._metrics.gauge("mm_kafka_lag_seconds", topic=topic).set(seconds)

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
