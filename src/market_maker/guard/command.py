"""`market-maker guard`: settings, logging and the event loop around the watch."""

import asyncio
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

import structlog
import uvloop

from market_maker.bootstrap.deadline import Deadline, leave_at_once
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.durations import format_duration
from market_maker.environment import SettingsError
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.heartbeat import ID
from market_maker.guard.exchange import CancellingExchange, Exchange, NoExchange
from market_maker.guard.gauges import GuardGauges
from market_maker.guard.intervention import Intervention
from market_maker.guard.records import GuardRecords
from market_maker.guard.settings import GuardSettings
from market_maker.guard.sight import Sight
from market_maker.guard.signs import Case
from market_maker.guard.watch import Watch
from market_maker.repositories.database import check_url, close_pool, open_pool
from market_maker.repositories.errors import DatabaseUnavailableError, DatabaseUrlError
from market_maker.repositories.migrations import SchemaOutdatedError, require_schema
from market_maker.telemetry.guard_metrics import GUARD_METRICS
from market_maker.telemetry.logging import configure_logging
from market_maker.telemetry.loop_lag import LoopLagMonitor
from market_maker.telemetry.metrics import Metrics
from market_maker.telemetry.metrics_server import MetricsPortError, MetricsServer

RESPONSE_TIMEOUT_NS: Final = 2_000_000_000
"""Patience for a cancel: the guard has nothing else to do, and repeats it anyway."""
END_S_MAX: Final = 9.0
"""From the signal to the last instruction. Every server is left within its own time before that."""


def guard(environ: Mapping[str, str]) -> int:
    """Run the guard; returns the exit code: 0 after an orderly end, 1 failure, 2 wrong settings."""
    try:
        settings = GuardSettings.load(environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging = configure_logging(settings.log_level, settings.log_format, settings.secret_texts())
    log = structlog.get_logger()
    for warning in settings.warnings:
        log.warning("setting", detail=warning)
    deadline = Deadline(lambda given_up: leave_at_once(given_up, logging), END_S_MAX)
    try:
        check_url(settings.postgres_url.reveal())
        uvloop.run(_run(settings, deadline))
    except (MetricsPortError, DatabaseUrlError, SchemaOutdatedError) as error:
        log.error("cannot_start", reason=str(error))  # noqa: TRY400 -- the reason is the message, not the stack
        return 1
    finally:
        deadline.over()
        logging.close()
    return 0


async def _require_schema(url: str) -> None:
    """Raises SchemaOutdatedError; a database that is away now is looked at as one that is away."""
    try:
        pool = await open_pool(url, max_size=1, application_name="market-maker guard")
    except DatabaseUnavailableError:
        return
    try:
        await require_schema(pool)
    finally:
        await close_pool(pool)


async def _run(settings: GuardSettings, deadline: Deadline) -> None:
    """Watch until SIGTERM or SIGINT."""
    log, guard_id = structlog.get_logger(), _new_id()
    async with AsyncExitStack() as resources:
        metrics = Metrics(GUARD_METRICS)
        server = MetricsServer(
            metrics,
            settings.metrics_host or settings.http_host,
            settings.metrics_port,
            "GUARD_METRICS_PORT",
        )
        resources.callback(server.close)
        await _require_schema(settings.postgres_url.reveal())
        watch = _assemble(settings, guard_id, GuardGauges(metrics), resources)
        watching = asyncio.get_running_loop().create_task(watch.run())

        def end() -> None:
            deadline.begin()
            watching.cancel()

        for ending in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(ending, end)
        log.info("guard_started", guard=guard_id, silence=format_duration(settings.silence_ns))
        await asyncio.wait({watching})
        if not watching.cancelled():
            watching.result()
    log.info("ended")


def _assemble(
    settings: GuardSettings, guard_id: str, gauges: GuardGauges, resources: AsyncExitStack
) -> Watch:
    secret = settings.fleet_secret.reveal().encode()
    bus = FleetBus(settings.redis_url.reveal(), guard_id, secret, settings.redis_tls.options())
    resources.push_async_callback(bus.close)
    resources.push_async_callback(bus.leave)
    records = GuardRecords(settings.postgres_url.reveal())
    resources.push_async_callback(records.close)
    exchange = _exchange(settings, resources)
    sight = Sight(bus, records, settings.silence_ns)
    silence = format_duration(settings.silence_ns)

    def intervene(case: Case) -> Intervention:
        return Intervention(case, silence, exchange, records, sight, settings.lease_ns)

    return Watch(sight, bus, records, intervene, gauges)


def _exchange(settings: GuardSettings, resources: AsyncExitStack) -> Exchange:
    if settings.shadow_mode:
        return NoExchange()
    stalls = LoopLagMonitor()
    stalls.start()
    resources.callback(stalls.stop)
    token = settings.order_service_token
    client = OrderServiceClient(
        settings.order_service_url.reveal(),
        Account(settings.system_account_id, settings.system_user_id),
        stalls,
        response_timeout_ns=RESPONSE_TIMEOUT_NS,
        on_report=_ignore,
        token=token.reveal() if token is not None else None,
        tls=settings.http_tls.context(),
    )
    resources.push_async_callback(client.close)
    return CancellingExchange(client)


def _new_id() -> str:
    """An id that no other guard has had."""
    host = "".join(character for character in socket.gethostname() if ID.fullmatch(character))
    return f"{host[:100]}-{secrets.token_hex(4)}"


def _ignore(_report: RequestReport) -> None:
    """What goes wrong is in the intervention's log."""
