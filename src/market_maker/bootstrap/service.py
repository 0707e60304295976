"""The running service: makes every part, starts them in order, ends them in order."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import structlog

from market_maker import __version__
from market_maker.actors.changes import ChangeFeed
from market_maker.actors.controls import Controls
from market_maker.actors.journal import Journal
from market_maker.actors.observer import StepObserver
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Lease, lease_ns
from market_maker.actors.trading import Trading
from market_maker.actors.worker import Worker
from market_maker.api.app import create_app
from market_maker.api.samples import Samples
from market_maker.api.server import ApiServer
from market_maker.bootstrap.access import make_access, make_approval
from market_maker.bootstrap.checkpoints import Checkpoints
from market_maker.bootstrap.deadline import Deadline
from market_maker.bootstrap.dependencies import Dependencies
from market_maker.bootstrap.desk import ServiceDesk
from market_maker.bootstrap.ending import Ending
from market_maker.bootstrap.errands import Errands
from market_maker.bootstrap.gauges import Gauges
from market_maker.bootstrap.health_monitor import HealthMonitor
from market_maker.bootstrap.heap import Heap
from market_maker.bootstrap.history_check import HistoryCheck
from market_maker.bootstrap.kafka import KafkaSide
from market_maker.bootstrap.kill_switch_feed import KillSwitchFeed
from market_maker.bootstrap.markets import Markets
from market_maker.bootstrap.meters import Meters
from market_maker.bootstrap.obligations import FleetObligations
from market_maker.bootstrap.stray_fills import StrayFills
from market_maker.bootstrap.taken_books import TakenBooks
from market_maker.core.commands import PublishQuote
from market_maker.core.events import Fault, JournalMeasured
from market_maker.core.states import KillReason
from market_maker.fleet.forward import InProcess
from market_maker.fleet.house import HouseWatch
from market_maker.fleet.membership import Membership, make_instance_id
from market_maker.fleet.redis_peers import RedisPeers
from market_maker.fleet.view import FleetView, SeenHere
from market_maker.ownership.ports import Around
from market_maker.ownership.shell import Ownership
from market_maker.replay.recorder import Recorder
from market_maker.repositories.day_marks import DayMarkRepository
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.kill_orders import KillOrderRepository
from market_maker.repositories.owners import OwnerRepository
from market_maker.settings import Settings
from market_maker.streams.simulated_quotes import simulated_quote
from market_maker.telemetry.metrics_server import MetricsServer
from market_maker.telemetry.tracing import make_tracing, trace_id_of

API_S_MAX: Final = 1.5
"""Beside the other steps of the end."""
TASKS_S_MAX: Final = 1.0
CLOSE_S_MAX: Final = 4.0
"""Of what the other steps have left; the deadline itself is the end of it."""
MB: Final = 1_000_000

_log = structlog.get_logger()


class Service:
    """One process of the market maker. Made on the running event loop."""

    def __init__(self, settings: Settings, lines_dropped: Callable[[], int], deadline: Deadline) -> None:
        """`lines_dropped` tells how many log lines were lost."""
        self._deadline = deadline
        self._settings = settings
        self._lines_dropped = lines_dropped
        self._stopping = asyncio.Event()
        self._leaves_for_good = False
        self._failures: list[str] = []
        self._tasks = TaskGroup(self._part_failed)
        self._meters = Meters(shadow_mode=settings.shadow_mode)
        self._controls = Controls()
        self._changes = ChangeFeed()
        self._instance_id = make_instance_id(settings)

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT; returns the exit code, 0 when everything ended in order.

        SIGINT, which comes from a person, gives up KAFKA_INSTANCE_ID's place in the consumer group as well.
        What prevents the start is raised: DatabaseError, MetadataError, MetricsPortError and so on.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_signal_handler(signal.SIGINT, self._leave_for_good)
        resources = AsyncExitStack()
        try:
            await self._start(resources)
            await self._stopping.wait()
            self._deadline.begin()
            await self._stop()
        finally:
            self._deadline.begin()
            await self._deadline.step("closing the connections", resources.aclose(), CLOSE_S_MAX)
        if self._failures:
            _log.error("ended_with_failures", failures=self._failures, gave_up=self._deadline.given_up)
            return 1
        _log.info("ended")
        return 0

    def _leave_for_good(self) -> None:
        self._leaves_for_good = True
        self._stopping.set()

    # --- start ----------------------------------------------------------------------------------

    async def _start(self, resources: AsyncExitStack) -> None:
        settings, meters = self._settings, self._meters
        server = MetricsServer(
            meters.metrics, settings.metrics_host or settings.http_host, settings.metrics_port
        )
        resources.callback(server.close)
        meters.loop_lag.start()
        resources.callback(meters.loop_lag.stop)
        self._connections = await Dependencies.open(settings, self._instance_id, meters, resources)
        resources.push_async_callback(self._end_tasks)
        self._kafka = KafkaSide(settings, self._connections)
        self._assemble(resources)
        self._api.listen()  # first: a start that fails must not have touched anybody's orders
        await self._kafka.check_topics()
        await self._ownership.read_configs()
        await self._markets.require_metadata()
        await self._ownership.tenancy.renew()
        strays = StrayFills(self._journal, self._kafka.offsets.done)
        self._kafka.consume(
            self._supervisor.sinks,
            self._feed.on_lag,
            self._ownership,
            strays.keep,
            meters.latencies.stages.batch,
        )
        await self._health.ask_all()
        self._heap = Heap(lambda: len(self._supervisor.sinks))
        self._heap.settle()
        self._start_tasks()
        await self._api.start()
        _log.info("started", port=self._api.port, instance=self._instance_id)

    def _assemble(self, resources: AsyncExitStack) -> None:
        settings, meters, connections, kafka = self._settings, self._meters, self._connections, self._kafka
        endpoint = settings.otlp_endpoint
        tracing = make_tracing(endpoint.reveal() if endpoint is not None else None, settings.http_tls.ca_file)
        resources.callback(tracing.close)
        observer = StepObserver(
            meters.metrics,
            meters.latencies,
            self._controls,
            meters.kills,
            self._changes.publish,
            self._publish_quote,
        )
        self._journal = Journal(
            JournalStore(connections.journal_pool),
            time.monotonic_ns,
            kafka.offsets.done,
            kafka.relay.notify,
            self._records_refused,
            lambda symbol, epoch: self._ownership.fenced(symbol, epoch),  # noqa: PLW0108 -- it is made below
            kafka.offsets.hold,
        )
        self._supervisor = Supervisor(
            settings.engine_limits(),
            connections.orders,
            self._journal,
            observer,
            tracing,
            meters.placed,
            time.monotonic_ns,
            self._recorder(resources),
        )
        history = (connections.database, self._supervisor, self._journal)
        self._checkpoints, self._history_check = Checkpoints(*history), HistoryCheck(*history)
        self._obligations = FleetObligations(settings.programmes or (), connections.database, meters.metrics)
        self._markets = Markets(
            self._supervisor,
            connections.metadata,
            kafka.table,
            connections.database,
            self._obligations.by_symbol,
            self._checkpoints,
        )
        trading = Trading(self._supervisor, self._journal, self._controls, self._changes)
        lease = Lease(time.monotonic_ns, lease_ns(settings.kafka_session_timeout_ns))
        self._feed = KillSwitchFeed(
            trading, kafka.partitions, kafka.generations, lease, lambda: self._ownership.tenancy.outage
        )
        tallies = (*kafka.tallies(meters.metrics), meters.lines_dropped(self._lines_dropped))
        self._gauges = Gauges(trading, self._markets, self._feed, observer, meters, kafka.outbox, tallies)
        self._books = TakenBooks(self._supervisor, kafka)
        kills = KillOrderRepository(connections.database)
        self._errands = Errands(trading, kills)
        self._ownership = Ownership(
            self._instance_id,
            lease,
            OwnerRepository(connections.lease),
            trading,
            Around(self._markets, self._errands, kafka),
            self._tasks,
            self._taken,
        )
        self._access = access = make_access(settings, resources)
        probes = connections.probes(self._feed.kafka_health, kafka.registry_health)
        self._health = HealthMonitor({**probes, **access.probes}, meters.dependency, self._journal)
        desk = ServiceDesk(
            trading,
            self._markets,
            connections.database,
            self._health.health,
            self._gauges.figures,
            self._ownership,
            self._errands.carry_out_kills,
            self._obligations.standings,
            shadow_mode=settings.shadow_mode,
        )
        peers = RedisPeers(connections.bus, self._instance_id, lambda: self._ownership.tenancy.owners, kills)
        doors = settings.access
        sign_in = None if doors.sign_in_url is None else doors.sign_in_url.reveal()
        samples = Samples(settings.market_data_staleness_ns // 1_000_000)
        view = FleetView(
            desk,
            peers,
            lambda: self._house.shown(),  # noqa: PLW0108 -- it is made below
            lambda: SeenHere(self._feed.longest_lag_ns(), self._membership.guards),
        )
        self._house = HouseWatch(
            settings.house.limits,
            settings.house.day_starts_minute,
            self._supervisor,
            view,
            lambda: self._markets.configs,
            DayMarkRepository(connections.database),
        )
        app = create_app(
            desk,
            access.authenticator,
            __version__,
            view,
            frozenset(doors.host_names),
            sign_in,
            samples,
            make_approval(settings, connections.database),
            access.signed_out,
        )
        self._in_process = InProcess(app)
        self._api = ApiServer(app, settings.http_host, settings.http_port, doors.trusted_proxies or ())
        self._membership = Membership(
            connections.bus,
            peers,
            desk,
            self._supervisor,
            meters.metrics,
            samples.take,
            access.signed_out,
            has_secret=settings.fleet_secret is not None,
        )

    def _recorder(self, resources: AsyncExitStack) -> Recorder | None:
        """Of every symbol's events, where MM_RECORD_DIR asks for that."""
        if self._settings.record_dir is None:
            return None
        recorder = Recorder(Path(self._settings.record_dir), self._settings.record_mb_max * MB)
        resources.callback(recorder.close)
        return recorder

    def _start_tasks(self) -> None:
        start = self._tasks.start
        start("journal", self._journal.run())
        start("checkpoints", self._checkpoints.run())
        start("history check", self._history_check.run())
        start("taken books", self._books.run())
        start("obligations", self._obligations.run())
        start("outbox relay", self._kafka.relay.run())
        start("kafka publisher", self._kafka.publisher.run())
        start("kafka intake", self._kafka.run())
        start("heap", self._heap.run())
        start("kill switch feed", self._feed.run())
        start("gauges", self._gauges.run())
        start("outbox gauge", self._gauges.run_outbox())
        start("health", self._health.run())
        start("house limits", self._house.run())
        if self._access.keys is not None:
            start("auth keys", self._access.keys.run())
        start("warm connections", self._connections.orders.keep_warm())
        self._ownership.start()
        start("errands", self._errands.run(self._ownership.read_configs))
        self._membership.start(self._tasks, self._in_process)

    def _part_failed(self, name: str, error: BaseException) -> None:
        """A part ended that must not: end everything in order, with exit code 1."""
        self._failures.append(f"{name}: {error!r}")
        _log.error("part_failed", part=name, exc_info=error)
        self._stopping.set()

    def _publish_quote(self, worker: Worker, command: PublishQuote) -> None:
        symbol = worker.engine.symbol
        payload = simulated_quote(symbol, command.quote)
        self._kafka.quotes.publish(symbol.name, payload, trace_id_of(command.trace) or "")

    def _taken(self, symbol: str) -> None:
        self._feed.tell_lag(symbol)
        self._books.want(symbol)

    def _records_refused(self, symbol: str, reason: str) -> None:
        now_ns = time.monotonic_ns()
        self._supervisor.tell(symbol, Fault(now_ns, KillReason.JOURNAL_FAILURE, reason))
        self._supervisor.tell(symbol, JournalMeasured(now_ns, 0, failed=True, detail=reason))

    # --- stop -----------------------------------------------------------------------------------

    async def _stop(self) -> None:
        """Pause, prove zero, make everything durable, publish it, commit, leave; `Ending` has the times."""
        _log.info("stopping")
        ending = Ending(self._supervisor, self._journal, self._ownership, self._deadline)
        await ending.clear_market()
        answering = self._deadline.step("the API's last answers", self._api.stop(), API_S_MAX)
        last_answers = asyncio.ensure_future(answering)
        ending.note_unclear()
        self._kafka.quiesce()
        if await ending.flush(self._kafka.relay.flush):
            await ending.release(self._membership.leave)
        await ending.leave_group(self._kafka.end(for_good=self._leaves_for_good))
        await last_answers
        self._failures += ending.failures
        await self._deadline.step("ending the actors", self._supervisor.close(), TASKS_S_MAX)

    async def _end_tasks(self) -> None:
        left = await self._tasks.cancel(TASKS_S_MAX)
        if left:
            self._failures.append(f"did not end: {', '.join(left)}")
