"""The trading part of the service without its surroundings: no Kafka, no PostgreSQL, no API.

Supervisor, workers, mailboxes, engines, effects, order gate, the Order Service's client and its sockets are
the real ones, put together as the service does. The journal writes into a store that takes everything at
once; market data comes from the caller.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from market_maker.actors.controls import Controls
from market_maker.actors.journal import Journal, Store
from market_maker.actors.observer import StepObserver
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.bootstrap.meters import Meters
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.core.commands import Reply
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import BookSnapshot, Event
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.ids import IdSeed
from market_maker.core.states import Cause, State
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import WriteResult
from market_maker.telemetry.tracing import make_tracing

MID = 600_000
"""Ticks of the books that are shown: 60000 in quote currency."""
LOTS = 1_000_000


OnReport = Callable[[RequestReport], None]


class InstantStore:
    """PostgreSQL's stand-in: what is written is durable at once."""

    async def write(self, entries: Sequence[JournalEntry], /) -> WriteResult:
        """Take the entries."""
        return WriteResult(len(entries), 0)


class TradingSide:
    """Symbols that trade against one Order Service. Make it on its event loop, by `trading_side`."""

    def __init__(
        self, url: str, config: SymbolConfig, limits: EngineLimits, on_report: OnReport, store: Store
    ) -> None:
        self._config = config
        self._on_report = on_report
        self.meters = Meters(shadow_mode=limits.shadow_mode)
        self.client = OrderServiceClient(
            url,
            Account("maker", "maker"),
            self.meters.loop_lag,
            response_timeout_ns=limits.response_timeout_ns,
            on_report=self._reported,
        )
        self.journal = Journal(store, time.monotonic_ns, _ignore, lambda: None, _refused, _fenced)
        self._controls = Controls()
        observer = StepObserver(
            self.meters.metrics,
            self.meters.latencies,
            self._controls,
            self.meters.kills,
            _ignore,
            lambda _worker, _quote: None,
        )
        self.supervisor = Supervisor(
            limits,
            self.client,
            self.journal,
            observer,
            make_tracing(None),
            self.meters.placed,
            time.monotonic_ns,
        )
        self._sequences: dict[str, int] = {}

    def _reported(self, report: RequestReport) -> None:
        self.meters.requested(report)
        self._on_report(report)

    def start(self, symbol: str) -> Worker:
        """Start a symbol's actor; it begins with clearing the market."""
        instrument = Instrument(symbol, symbol[:3], "USDT", Decimal("0.1"), Decimal("0.00001"), Decimal(5))
        restored = Restored(
            replace(self._config, symbol=symbol),
            instrument,
            State.PAUSED,
            "test",
            "test",
            None,
            Decimal(0),
            Inventory(),
            (),
            IdSeed(time.monotonic_ns(), 1_790_000_000_000, time.monotonic_ns()),
        )
        return self.supervisor.start(restored, Tenure(None, None))

    def tell(self, symbol: str, event: Event) -> None:
        """Put any event into the symbol's mailbox."""
        self.supervisor.sinks[symbol].deliver(event)

    def show_book(self, symbol: str, mid: int = MID) -> None:
        """A whole book of others around a mid in ticks, true as of now."""
        self._sequences[symbol] = sequence = self._sequences.get(symbol, 0) + 1
        now_ns = time.monotonic_ns()
        bids = tuple((mid - distance, LOTS) for distance in (20, 30, 40))
        asks = tuple((mid + distance, LOTS) for distance in (20, 30, 40))
        book = BookSnapshot(now_ns, now_ns, sequence, bids, asks, exchange_us=time.time_ns() // 1000)
        self.tell(symbol, book)

    async def ask(self, symbol: str, cause: Cause, reason: str = "test") -> Reply:
        """An operator's request and the engine's reply."""
        request_id, reply = self._controls.open()
        self.supervisor.ask(symbol, request_id, cause, "operator", reason)
        return await reply

    async def activate(self, symbol: str) -> None:
        """Wait for the proof of zero, then show a book and enable."""
        worker = self.worker(symbol)
        await until(lambda: worker.engine.is_clear)
        self.show_book(symbol)
        reply = await self.ask(symbol, Cause.ENABLE)
        assert not reply.problems, reply.problems

    def worker(self, symbol: str) -> Worker:
        """The symbol's worker."""
        worker = self.supervisor.worker(symbol)
        assert worker is not None
        return worker


def _ignore(_something: object) -> None:
    """Nobody needs to know."""


@asynccontextmanager
async def trading_side(
    url: str,
    config: SymbolConfig,
    limits: EngineLimits,
    on_report: OnReport = _ignore,
    store: Store | None = None,
) -> AsyncIterator[TradingSide]:
    """Run the parts, and end them. `on_report` is told what the client reports."""
    side = TradingSide(url, config, limits, on_report, store if store is not None else InstantStore())
    side.meters.loop_lag.start()
    writing = asyncio.get_running_loop().create_task(side.journal.run())
    try:
        await side.client.warm()
        yield side
    finally:
        await side.supervisor.close()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await side.client.close()
        side.meters.loop_lag.stop()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something is so, without keeping the loop busy."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- engines change in steps that announce themselves to nobody
            await asyncio.sleep(0.0005)


def _refused(symbol: str, reason: str) -> None:
    raise AssertionError(f"{symbol}: {reason}")


def _fenced(symbol: str, epoch: int) -> None:
    raise AssertionError(f"{symbol}: epoch {epoch} is over")
