"""One to N real service processes that share a consumer group, and the desk that enables their symbols."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import aiohttp
import asyncpg
from confluent_kafka import Consumer, TopicPartition

from benchmarks.capacity.exposition import Page, parse
from benchmarks.capacity.servers import Servers
from benchmarks.capacity.versions import NOW, Version
from lab.fleet_secret import FLEET_SECRET
from market_maker.demo.http import AnswerError, JsonClient
from market_maker.demo.ports import free_port
from market_maker.demo.processes import Child, DemoError, python_module
from tradex_sandbox.topics import ENGINE

START_S_MAX: Final = 60.0
RETRY_S: Final = 0.2
AT_ONCE: Final = 8
RESPONSE_TIMEOUT_MS: Final = 1_000
"""The document's 50 ms are for a machine that does not run broker, database and exchange as well."""
WANTED: Final = (
    "mm_book_deltas_total",
    "mm_book_gaps_total",
    "mm_consumed_messages_total",
    "mm_event_loop_lag_seconds",
    "mm_event_loop_stalled_seconds_total",
    "mm_fills_total",
    "mm_journal_lag_seconds",
    "mm_kafka_lag_seconds",
    "mm_kill_switch_total",
    "mm_mailbox_depth",
    "mm_order_placement_latency_seconds",
    "mm_order_requests_total",
    "mm_quote_compute_latency_seconds",
    "mm_state_gauge",
    "mm_tick_stage_latency_seconds",
    "mm_tick_to_order_latency_seconds",
    "mm_tick_to_wire_latency_seconds",
)


@dataclass(frozen=True, slots=True)
class Instance:
    """One service process."""

    child: Child
    api: JsonClient
    metrics_url: str


class Fleet:
    """The instances of one cell. `start`, then `enable`, then measure, then `stop`."""

    def __init__(
        self,
        servers: Servers,
        session: aiohttp.ClientSession,
        symbols: Sequence[str],
        version: Version = NOW,
    ) -> None:
        self._servers = servers
        self.version = version
        self._session = session
        self.symbols = list(symbols)
        self.instances: list[Instance] = []
        self.database_url = ""
        self._account = self._group = ""

    async def start(self, name: str, count: int, settings: Mapping[str, str]) -> None:
        """Start `count` instances on a database and a group of their own."""
        await self.prepare(name)
        for number in range(count):
            instance = self.instance(f"{name}-{number + 1}", settings)
            await instance.child.start()
            self.instances.append(instance)
        await self._await_shares()

    async def prepare(self, name: str) -> None:
        """A database and a group of the fleet's own, every symbol configured."""
        self.database_url = await self._servers.fresh_database(name, self.version)
        await self._configure()
        self._account, self._group = str(uuid4()), f"capacity-{name}"
        await asyncio.to_thread(skip_history, self._servers.kafka.address, self._group)

    def instance(self, name: str, settings: Mapping[str, str]) -> Instance:
        """One that can be started."""
        environment = {**self._environment(self._account, self._group), **settings}
        log = self._servers.directory / f"{name}.log"
        child = Child(name, python_module("market_maker", "serve"), log, environment)
        api = JsonClient(self._session, f"http://127.0.0.1:{environment['HTTP_PORT']}")
        return Instance(child, api, f"http://127.0.0.1:{environment['METRICS_PORT']}/metrics")

    async def enable(self) -> float:
        """Enable every symbol at whichever instance takes it; returns how many seconds that took."""
        began_s = time.monotonic()
        waiting = asyncio.Queue[str]()
        for symbol in self.symbols:
            waiting.put_nowait(symbol)
        await asyncio.gather(*(self._enable_next(waiting, began_s + START_S_MAX) for _ in range(AT_ONCE)))
        return time.monotonic() - began_s

    async def scrape(self) -> list[Page]:
        """The metrics of every instance."""
        return [await self._scrape(instance) for instance in self.instances]

    async def stop(self) -> list[int | None]:
        """End them in order; their exit codes."""
        codes = await asyncio.gather(*(instance.child.stop() for instance in self.instances))
        self.instances.clear()
        return list(codes)

    async def _await_shares(self) -> None:
        """Return when every symbol has an owner and every instance has symbols: the group has settled."""
        deadline_s = time.monotonic() + START_S_MAX
        shares: list[int] = []
        while len(shares) < len(self.instances) or sum(shares) != len(self.symbols) or not all(shares):
            for instance in self.instances:
                instance.child.require_running()
            if time.monotonic() > deadline_s:
                raise DemoError(f"the group has not shared {len(self.symbols)} symbols: {shares}")
            await asyncio.sleep(RETRY_S)
            with suppress(aiohttp.ClientError):
                shares = [round(page.total("mm_state_gauge")) for page in await self.scrape()]

    async def _configure(self) -> None:
        connection = await asyncpg.connect(self.database_url)
        await connection.executemany(
            "INSERT INTO mm_configs (symbol) VALUES ($1)", [(symbol,) for symbol in self.symbols]
        )
        await connection.close()

    async def _enable_next(self, waiting: "asyncio.Queue[str]", deadline_s: float) -> None:
        while not waiting.empty():
            symbol = waiting.get_nowait()
            while (refusal := await self._enabled(symbol)) is not None:
                if time.monotonic() > deadline_s:
                    raise DemoError(f"{symbol} cannot be enabled: {refusal}")
                await asyncio.sleep(RETRY_S)

    async def _enabled(self, symbol: str) -> Exception | None:
        """Ask every instance in turn; None when one has done it, else why the last has not."""
        refusal: Exception | None = None
        for instance in self.instances:
            instance.child.require_running()
            try:
                await instance.api.post(f"/v1/mm-configs/{symbol}/enable")
            except (AnswerError, aiohttp.ClientError, TimeoutError) as error:
                refusal = error
            else:
                return None
        return refusal

    async def _scrape(self, instance: Instance) -> Page:
        async with self._session.get(instance.metrics_url) as response:
            return parse(await response.text(), WANTED)

    def _environment(self, account: str, group: str) -> dict[str, str]:
        servers = self._servers
        return {
            **self.version.environment,
            "POSTGRES_URL": self.database_url,
            "REDIS_URL": servers.redis_url,
            "FLEET_SECRET": FLEET_SECRET,
            "KAFKA_BROKERS": servers.kafka.address,
            "KAFKA_CONSUMER_GROUP": group,
            "SCHEMA_REGISTRY_URL": servers.registry_url,
            "ORDER_SERVICE_URL": servers.exchange_url,
            "METADATA_SERVICE_GRPC_URL": f"127.0.0.1:{servers.grpc_port}",
            "DISABLE_AUTH": "true",
            "HTTP_PORT": str(free_port()),
            "METRICS_PORT": str(free_port()),
            "SYSTEM_ACCOUNT_ID": account,
            "KILL_SWITCH_RESPONSE_TIMEOUT_MS": str(RESPONSE_TIMEOUT_MS),
            "LOG_FORMAT": "json",
        }


def skip_history(broker: str, group: str) -> None:
    """Let a group begin at the end of what the engine has told: it was another cell's."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "log_level": 0})
    try:
        numbers = consumer.list_topics(ENGINE, timeout=10).topics[ENGINE].partitions
        begin = [TopicPartition(ENGINE, number) for number in numbers]
        for partition in begin:
            partition.offset = consumer.get_watermark_offsets(partition, timeout=10)[1]
        consumer.commit(offsets=begin, asynchronous=False)
    finally:
        consumer.close()
