"""Kills at full quoting load: how long each takes, and whether any new order leaves after it.

The trading side is the real one, from mailbox to sockets: workers, engines, effects, gate and the Order
Service's client on uvloop. Its exchange is an HTTP server in another process. PostgreSQL is a stand-in that
takes every write at once, and books come from the benchmark, because neither is on a kill's way out.

Three symbols replace all their quotes a hundred times a second, as far as the machine gets: a hundred times
as many orders as the default limit allows. A kill (manual, by
consumer lag, by the journal, in turn) is put into one symbol's mailbox at a random stage of its requests,
while the others go on. Right before its engine handles it, the exchange is told to read whatever had been
sent by then. Every order that it notes after that moment, until quoting is enabled again, has left after the
kill: there must be none.
"""

import asyncio
import bisect
import itertools
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Final, NoReturn
from unittest import mock

import structlog
import uvloop

from benchmarks.report import Row
from lab.exchange_process import serve
from lab.trading_side import MID, TradingSide, trading_side, until
from market_maker.clients.order_service import RequestReport
from market_maker.core.commands import Command
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import (
    Control,
    Event,
    JournalMeasured,
    LagMeasured,
    OrderEvent,
    OrderEventKind,
)
from market_maker.core.states import Cause, State

KILLS: Final = 1_000
LEFT_P99_US_MAX: Final = 500
SYMBOLS: Final = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
ORDERS_BETWEEN_KILLS: Final = 12
TURNS_MAX: Final = 12
"""The kill falls into any of the turns of the loop after some orders were decided."""
MS: Final = 1_000_000
CONFIG: Final = SymbolConfig(
    "BTC-USDT",
    enabled=True,
    volatility_multiplier=False,
    num_levels=2,
    quote_interval_ms=Decimal(10),
    price_threshold_bps=Decimal(0),
)
LIMITS: Final = EngineLimits(
    quote_update_interval_ns=10 * MS, max_orders_per_second=100_000, response_timeout_ns=5_000 * MS
)


@dataclass(slots=True)
class Kill:
    """One kill as it went; times are monotonic nanoseconds."""

    symbol: str
    event: Event
    at_ns: int = 0
    """When its engine began to handle the event."""
    left_ns: int = 0
    """When the cancel of everything was given to the kernel."""
    proven_ns: int = 0
    """When the engine had the exchange's proof of zero."""
    enabled_ns: int = 0
    """When quoting was asked for again."""

    @property
    def is_over(self) -> bool:
        """Whether all of it has happened."""
        return self.left_ns > 0 and self.proven_ns > 0


@dataclass(slots=True)
class Run:
    """All kills of a run and what the exchange noted."""

    kills: list[Kill] = field(default_factory=list)
    received: list[tuple[str, int]] = field(default_factory=list)
    """(symbol, when) of every order that reached the exchange."""
    seconds: float = 0

    @property
    def sent_after_a_kill(self) -> int:
        """New orders that left after a kill of their symbol, before quoting was enabled again."""
        times: dict[str, list[int]] = {symbol: [] for symbol in SYMBOLS}
        for symbol, at_ns in self.received:
            bisect.insort(times[symbol], at_ns)
        return sum(
            bisect.bisect_left(times[kill.symbol], kill.enabled_ns)
            - bisect.bisect_right(times[kill.symbol], kill.at_ns)
            for kill in self.kills
        )

    def rows(self) -> list[Row]:
        """The figures."""
        left = [(kill.left_ns - kill.at_ns) / 1e3 for kill in self.kills]
        proven = [(kill.proven_ns - kill.at_ns) / 1e3 for kill in self.kills]
        return [
            Row("orders that reached the exchange, per second", len(self.received) / self.seconds, "/s"),
            Row("kill to cancel-all leaving, p50", statistics.median(left), "us"),
            Row("kill to cancel-all leaving, p99", _p99(left), "us", LEFT_P99_US_MAX),
            Row("kill to zero proven by the exchange, p50", statistics.median(proven), "us"),
            Row("kill to zero proven by the exchange, p99", _p99(proven), "us"),
            Row(f"new orders sent after a kill, {len(self.kills)} kills", self.sent_after_a_kill, "", 0),
        ]


class Watch:
    """Looks on while engines handle events."""

    def __init__(self, exchange: Connection) -> None:
        self._exchange = exchange
        self.kill: Kill | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """See every event of every engine."""
        handle = SymbolEngine.handle

        def watched(engine: SymbolEngine, event: Event) -> list[Command]:
            kill = self.kill
            if kill is None or kill.symbol != engine.symbol.name:
                return handle(engine, event)
            if event is kill.event:
                self._exchange.send("drain")
                self._exchange.recv()
                kill.at_ns = time.monotonic_ns()
            commands = handle(engine, event)
            self._look(kill, engine)
            return commands

        with mock.patch.object(SymbolEngine, "handle", watched):
            yield

    @staticmethod
    def _look(kill: Kill, engine: SymbolEngine) -> None:
        if kill.at_ns and not kill.proven_ns and engine.symbol.clearing.proven_zero_ns is not None:
            kill.proven_ns = time.monotonic_ns()

    def reported(self, report: RequestReport) -> None:
        """The client has an answer; that to a cancel of everything tells when it left."""
        kill = self.kill
        if kill is None or report.request != "cancel_all" or report.symbol != kill.symbol:
            return
        if not kill.left_ns and report.began_ns is not None and 0 < kill.at_ns <= report.began_ns:
            kill.left_ns = report.began_ns


def rows() -> list[Row]:
    """Figures of KILLS kills."""
    return run(KILLS).rows()


def run(kills: int, seed: int = 1) -> Run:
    """Kill that often, on a loop of its own."""
    exchange, its_exchange = multiprocessing.Pipe()
    stream, its_stream = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(its_exchange, its_stream), daemon=True
    )
    process.start()
    its_exchange.close()
    its_stream.close()
    structlog.configure(processors=[_drop_line])
    try:
        return uvloop.run(_measure(exchange, stream, kills, random.Random(seed)))
    finally:
        structlog.reset_defaults()
        exchange.close()
        stream.close()  # the exchange would wait for its reader, and we for the exchange
        process.join()


async def _measure(exchange: Connection, stream: Connection, kills: int, chance: random.Random) -> Run:
    watch, result = Watch(exchange), Run()
    url = f"http://127.0.0.1:{exchange.recv()}"
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    with watch.installed():
        async with trading_side(url, CONFIG, LIMITS, watch.reported) as side:
            loop.add_reader(stream.fileno(), _hear, side, stream)
            for symbol in SYMBOLS:
                side.start(symbol)
                await side.activate(symbol)
            feeding = loop.create_task(_feed(side, chance))
            for number, symbol in zip(range(kills), itertools.cycle(SYMBOLS), strict=False):
                result.kills.append(
                    await _kill(side, watch, symbol, TRIGGERS[number % len(TRIGGERS)], chance)
                )
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            loop.remove_reader(stream.fileno())
    result.seconds = time.monotonic() - began
    exchange.send("report")
    result.received = exchange.recv()
    return result


def _hear(side: TradingSide, stream: Connection) -> None:
    """The matching engine's word on cancelled orders."""
    for symbol, client_order_id in stream.recv():
        event = OrderEvent(
            time.monotonic_ns(),
            OrderEventKind.CANCELED,
            f"x{client_order_id}",
            client_order_id,
            "REQUESTED",
            0,
            happened_at_us=time.time_ns() // 1000,
        )
        side.tell(symbol, event)


async def _feed(side: TradingSide, chance: random.Random) -> None:
    """Every market moves all the time."""
    while True:
        for symbol in SYMBOLS:
            side.show_book(symbol, MID + chance.randrange(-500, 500))
        await asyncio.sleep(0.005)


def _manual() -> Event:
    return Control(time.monotonic_ns(), 0, Cause.KILL, "benchmark", "benchmark")


def _lag() -> Event:
    return LagMeasured(time.monotonic_ns(), 60_000 * MS, "md.orderbook.delta.v1")


def _journal() -> Event:
    return JournalMeasured(time.monotonic_ns(), 0, failed=True, detail="benchmark")


TRIGGERS: Final[Sequence[Callable[[], Event]]] = (_manual, _lag, _journal)


async def _kill(
    side: TradingSide, watch: Watch, symbol: str, trigger: Callable[[], Event], chance: random.Random
) -> Kill:
    """One kill, from full quoting to quoting again."""
    engine = side.worker(symbol).engine.symbol
    placed = engine.stats.orders_placed
    await until(lambda: engine.stats.orders_placed >= placed + ORDERS_BETWEEN_KILLS)
    placed = engine.stats.orders_placed
    while engine.stats.orders_placed == placed:  # noqa: ASYNC110 -- the kill is to fall in these orders' way
        await asyncio.sleep(0)
    for _ in range(chance.randrange(TURNS_MAX)):
        await asyncio.sleep(0)
    kill = watch.kill = Kill(symbol, trigger())
    side.tell(symbol, kill.event)
    await until(lambda: kill.is_over and side.worker(symbol).engine.is_clear)
    assert engine.state is State.HALTED
    side.tell(symbol, LagMeasured(time.monotonic_ns(), 0, "md.orderbook.delta.v1"))
    side.tell(symbol, JournalMeasured(time.monotonic_ns(), 0, failed=False))
    reset = await side.ask(symbol, Cause.RESET)
    assert not reset.problems, reset.problems
    kill.enabled_ns = time.monotonic_ns()
    watch.kill = None
    await side.activate(symbol)
    return kill


def _drop_line(*_: object) -> NoReturn:
    """The service's logs go through a thread of their own; a console's would slow the loop down."""
    raise structlog.DropEvent


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
