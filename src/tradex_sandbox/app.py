"""The composition of one sandbox process: exchange, venue, servers; started and ended in order."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import grpc
import uvloop
from aiohttp import web

from tradex_contracts import avro_schema, subject
from tradex_contracts.metadata_pb2_grpc import add_MetadataServiceServicer_to_server
from tradex_sandbox import topics
from tradex_sandbox.auth_service import AuthService
from tradex_sandbox.avro import Encoder
from tradex_sandbox.clock import MarketClock
from tradex_sandbox.control import Control
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.external_registry import register_at
from tradex_sandbox.faults import FaultTable
from tradex_sandbox.feed_faults import FeedFaults
from tradex_sandbox.http_faults import Outages
from tradex_sandbox.lifetime import Parent, announce
from tradex_sandbox.listing import open_exchange
from tradex_sandbox.metadata_service import MetadataService
from tradex_sandbox.order_service import OrderService
from tradex_sandbox.publisher import Publisher
from tradex_sandbox.reports import Reports
from tradex_sandbox.schema_registry import SchemaRegistry
from tradex_sandbox.schema_store import SchemaStore, schema_text
from tradex_sandbox.settings import SandboxSettings
from tradex_sandbox.topic_creation import ensure_topics
from tradex_sandbox.venue import Venue

FLUSH_S = 3.0
SHUTDOWN_S = 1.0
PARENT_CHECK_S = 0.5

log = logging.getLogger(__name__)


class StartError(Exception):
    """The process cannot start; the text names the option and what to do."""


def run(settings: SandboxSettings) -> None:
    """Run a sandbox until SIGTERM, SIGINT or `POST /sandbox/stop`.

    Raises SettingsError for markets that cannot be opened, StartError, BrokerUnavailable or
    TopicRefused when a server cannot start.
    """
    exchange = open_exchange(settings)
    ensure_topics(settings.broker, settings.partitions)
    # What stands now stands until the end: a collection that walks it again would hold up an order.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, exchange))


async def serve(settings: SandboxSettings, exchange: Exchange) -> None:
    """Serve an exchange until told to stop."""
    parent = Parent() if settings.exit_with_parent else None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = registered_schemas()
    ids = {topic: store.version(subject(topic), "latest").schema_id for topic in topics.FILLED}
    if settings.registry is not None:
        ids = await asyncio.to_thread(register_at, settings.registry, topics.FILLED)
    publisher = Publisher(settings.broker, Encoder(ids))
    venue = Venue(
        exchange,
        MarketClock(settings.speed),
        FeedFaults(),
        publisher,
        settings.snapshot_interval_s,
        feed_delay_s=settings.feed_delay_s,
        paused=settings.start_paused,
    )
    faults = FaultTable(Random(settings.seed))  # noqa: S311 - chance of a test's faults, not a secret
    http = web.AppRunner(
        web_application(venue, faults, store, settings.order_service_token, stop.set, publisher),
        access_log=None,
        shutdown_timeout=SHUTDOWN_S,
    )
    metadata = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    service = MetadataService(exchange, faults)
    add_MetadataServiceServicer_to_server(service, metadata)  # type: ignore[no-untyped-call] # generated
    try:
        http_port = await _listen_http(http, settings.host, settings.http_port)
        grpc_port = await _listen_grpc(metadata, settings.host, settings.grpc_port)
        venue.open()
        async with asyncio.TaskGroup() as tasks:
            moving = tasks.create_task(venue.run())
            announce(_ready(settings, exchange, http_port, grpc_port), settings.ready_file)
            await _until_told(stop, parent)
            moving.cancel()
    finally:
        await http.cleanup()
        await metadata.stop(SHUTDOWN_S)
        left = await asyncio.to_thread(publisher.close, FLUSH_S)
        if left:
            log.warning("%d messages were not acknowledged by Kafka before the end", left)


def registered_schemas() -> SchemaStore:
    """A registry's store that knows the schema of every topic of TradeX."""
    store = SchemaStore()
    for topic in topics.WITH_SCHEMA:
        store.register(subject(topic), schema_text(avro_schema(topic)))
    return store


def web_application(
    venue: Venue,
    faults: FaultTable,
    store: SchemaStore,
    token: str | None,
    stop: Callable[[], None],
    publisher: Publisher | None,
) -> web.Application:
    """Every HTTP service of the sandbox on one port, each under its own paths."""
    outages = Outages(faults)
    auth = AuthService(outages.jwks)
    app = web.Application()
    app.add_routes(OrderService(venue, faults, token).routes())
    app.add_routes(SchemaRegistry(store, outages.registry).routes())
    app.add_routes(auth.routes())
    app.add_routes(Control(venue, faults, auth, stop).routes())
    app.add_routes(Reports(venue, publisher).routes())
    return app


async def _listen_http(runner: web.AppRunner, host: str, port: int) -> int:
    await runner.setup()
    _check_free("--http-port", host, port)
    await web.TCPSite(runner, host, port).start()
    return int(runner.addresses[0][1])


async def _listen_grpc(server: grpc.aio.Server, host: str, port: int) -> int:
    _check_free("--grpc-port", host, port)
    bound = server.add_insecure_port(f"{host}:{port}")
    await server.start()
    return int(bound)


def _check_free(option: str, host: str, port: int) -> None:
    """Try the port before a library does, which would log in its own words. Raises StartError."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise StartError(
            f"{option}: cannot listen on {host}:{port} ({reason}); choose another port, or 0"
        ) from error


async def _until_told(stop: asyncio.Event, parent: Parent | None) -> None:
    """Wait for `stop`, or for the end of the parent."""
    while not stop.is_set() and not (parent is not None and parent.is_gone):
        with suppress(TimeoutError):
            async with asyncio.timeout(PARENT_CHECK_S):
                await stop.wait()


def _ready(settings: SandboxSettings, exchange: Exchange, http_port: int, grpc_port: int) -> dict[str, Any]:
    url = f"http://{settings.host}:{http_port}"
    return {
        "http": http_port,
        "grpc": grpc_port,
        "pid": os.getpid(),
        "kafka": settings.broker,
        "order_service": url,
        "auth": url,
        "registry": settings.registry or url,
        "control": url,
        "metadata": f"{settings.host}:{grpc_port}",
        "symbols": exchange.symbols(),
    }
