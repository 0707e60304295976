"""The trading part of one service in virtual time, put together as `bootstrap.service` does it.

What is replaced is what would wait for the outside: Kafka's client by batches made here, the Order
Service by `exchange`, PostgreSQL by a store that takes everything after two milliseconds.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, Final

from benchmarks.capacity.market import START_TICKS, SyntheticBook
from benchmarks.soak.exchange import MemoryExchange
from benchmarks.soak.virtual_loop import VirtualLoop
from market_maker.actors.changes import ChangeFeed
from market_maker.actors.controls import Controls
from market_maker.actors.journal import Journal
from market_maker.actors.observer import StepObserver
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tenure import Tenure
from market_maker.bootstrap.meters import Meters
from market_maker.core.config import TRADE_KEYS_MAX, EngineLimits, SymbolConfig
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import (
    BookDelta,
    BookSnapshot,
    Event,
    Execution,
    JournalMeasured,
    LagMeasured,
    MarkPrice,
    OrderEvent,
    Source,
)
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.ids import IdSeed
from market_maker.core.side import Side
from market_maker.core.states import Cause, State
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import WriteResult
from market_maker.streams.batch import Batch, Position, Undecodable
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.router import Destinations, KafkaRouter
from market_maker.streams.topics import ENGINE_EVENT, MARK, ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT
from market_maker.telemetry.tracing import make_tracing

CHANGES_PER_S: Final = 4.0
HIT_SHARE: Final = 0.1
"""Of the book's changes, those with which somebody trades with us."""
SNAPSHOT_EVERY_S: Final = 5.0
DESK_PAUSE_S: Final = 8.0
"""Between two orders of the desk: after a reset the book is only there with the next snapshot."""
WRITE_S: Final = 0.002
LOOK_S: Final = 1.0
COMMIT_S: Final = 0.2
SECOND_NS: Final = 1_000_000_000
TICK, LOT = Decimal("0.01"), Decimal("0.001")
GENERATION: Final = 1
ENGINE_PARTITION: Final = 0


class QuickStore:
    """PostgreSQL's stand-in: everything is durable after a moment, and nothing is kept."""

    async def write(self, entries: Sequence[JournalEntry], /) -> WriteResult:
        """Take the entries."""
        await asyncio.sleep(WRITE_S)
        return WriteResult(len(entries), 0)


class NoDeadLetters:
    """Nothing here is undecodable."""

    def send(self, message: Undecodable) -> None:
        """An error of the soak itself."""
        raise AssertionError(message.detail)


class VirtualService:
    """Symbols that quote and are hit, and a desk that now and then stops and starts them."""

    def __init__(self, loop: VirtualLoop, symbols: Sequence[str]) -> None:
        self._clock_ns = loop.clock_ns
        self._symbols = symbols
        self._tasks: list[asyncio.Task[None]] = []
        self._engine_offset = 0
        self._random = Random("hits")
        self.offsets = OffsetTracker()
        self.offsets.assign([(ENGINE_EVENT, ENGINE_PARTITION)], GENERATION)
        self.exchange = MemoryExchange(self._clock_ns, self._engine_told)
        self._meters = Meters(shadow_mode=False)
        self._controls = Controls()
        self._changes = ChangeFeed()
        self._observer = StepObserver(
            self._meters.metrics,
            self._meters.latencies,
            self._controls,
            self._meters.kills,
            self._changes.publish,
            lambda _worker, _quote: None,
        )
        self._journal = Journal(
            QuickStore(), self._clock_ns, self.offsets.done, lambda: None, _refused, _fenced
        )
        self.supervisor = Supervisor(
            EngineLimits(quote_update_interval_ns=SECOND_NS // 2),
            self.exchange,
            self._journal,
            self._observer,
            make_tracing(None),
            self._meters.placed,
            self._clock_ns,
        )
        self._router = KafkaRouter(
            Destinations(self.supervisor.sinks, NoDeadLetters(), _stray), self.offsets, lambda _topic: 1
        )

    async def start(self) -> None:
        """Start every symbol and all that moves it."""
        self._run(self._journal.run())
        self._run(self._look())
        self._run(self._commit())
        for symbol in self._symbols:
            instrument = Instrument(symbol, symbol.removesuffix("USDT"), "USDT", TICK, LOT, Decimal(5))
            self.supervisor.start(_restored(symbol, instrument, self._clock_ns()), Tenure(None, None))
            self._run(self._market(symbol))
        await asyncio.sleep(SNAPSHOT_EVERY_S)
        await self.desk(Cause.ENABLE)

    async def desk(self, *causes: Cause) -> None:
        """Let the desk do these with every symbol, one after the other; AssertionError when refused."""
        for cause in causes:
            for symbol in self._symbols:
                request_id, reply = self._controls.open()
                self.supervisor.ask(symbol, request_id, cause, "desk", "soak", rebase_pnl=True)
                answer = await reply
                assert not answer.problems, f"{symbol}: {cause.value} refused: {answer.problems}"
            await asyncio.sleep(DESK_PAUSE_S)

    async def stop(self) -> None:
        """End everything; what failed meanwhile is raised."""
        for task in self._tasks:
            task.cancel()
        for found in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(found, Exception):
                raise found
        await self.supervisor.close()

    def require_quoting(self) -> None:
        """AssertionError for a symbol that does not quote any more."""
        for task in self._tasks:
            if task.done():
                task.result()
        for worker in self.supervisor:
            symbol = worker.engine.symbol
            assert symbol.is_active, f"{worker.name} is {symbol.state.value}: {symbol.state_reason}"

    # --- what moves it ---------------------------------------------------------------------------

    async def _market(self, symbol: str) -> None:
        book, sequence, next_snapshot_ns = SyntheticBook(symbol), 0, 0
        while True:
            now_ns = self._clock_ns()
            if now_ns >= next_snapshot_ns:
                next_snapshot_ns = now_ns + int(SNAPSHOT_EVERY_S * SECOND_NS)
                bids, asks = book.levels()
                snapshot = BookSnapshot(
                    now_ns, now_ns, sequence, tuple(bids), tuple(asks), exchange_us=now_ns // 1_000
                )
                self._market_told(ORDER_BOOK_SNAPSHOT, symbol, snapshot)
                mark = MarkPrice(now_ns, now_ns, TICK * START_TICKS)
                self._market_told(MARK, symbol, mark)
            bids, asks = book.change(CHANGES_PER_S)
            delta = BookDelta(
                now_ns, now_ns, sequence, sequence + 1, tuple(bids), tuple(asks), exchange_us=now_ns // 1_000
            )
            sequence += 1
            self._market_told(ORDER_BOOK_DELTA, symbol, delta)
            if self._random.random() < HIT_SHARE:
                self.exchange.hit(symbol)
            await asyncio.sleep(1 / CHANGES_PER_S)

    def _market_told(self, topic: str, symbol: str, event: Event) -> None:
        batch = Batch(items=[(symbol, event)])
        batch.consumed[topic] += 1
        self._router.dispatch(batch)

    def _engine_told(self, symbol: str, event: Execution | OrderEvent) -> None:
        """As the poll thread: the offset is in flight before the event is delivered."""
        source = Source(ENGINE_PARTITION, self._engine_offset, GENERATION)
        self._engine_offset += 1
        key = (ENGINE_EVENT, ENGINE_PARTITION)
        position = Position(self._engine_offset, GENERATION, None, self._clock_ns())
        batch = Batch(items=[(symbol, _with(event, source))], positions={key: position}, in_flight=[source])
        self.offsets.consumed(batch.positions, batch.in_flight)
        self._router.dispatch(batch)

    async def _commit(self) -> None:
        while True:
            self.offsets.committed(self.offsets.committable())
            await asyncio.sleep(COMMIT_S)

    async def _look(self) -> None:
        """What gauges and the lag monitor do."""
        while True:
            now_ns = self._clock_ns()
            for worker in self.supervisor:
                self._observer.count_totals(worker, self._observer.metrics_of(worker.name))
                self.supervisor.tell(worker.name, LagMeasured(now_ns, 0, ENGINE_EVENT))
            self.supervisor.tell_all(JournalMeasured(now_ns, self._journal.lag_ns(), failed=False, detail=""))
            await asyncio.sleep(LOOK_S)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))


def _restored(symbol: str, instrument: Instrument, now_ns: int) -> Restored:
    # Two levels, so that one of them is left when the other has just been taken.
    config = SymbolConfig(
        symbol, num_levels=2, max_position_usdt=Decimal(10**9), max_loss_usdt=Decimal(10**9)
    )
    ids = IdSeed(now_ns, 1_790_000_000_000, now_ns)
    # As after a restart of a service that has traded for long: what it remembers is at its bound.
    keys = tuple((f"earlier-{number:06d}", Side.BUY.value) for number in range(TRADE_KEYS_MAX))
    return Restored(
        config, instrument, State.PAUSED, "soak", "soak", None, Decimal(0), Inventory(), keys, ids
    )


def _with(event: Execution | OrderEvent, source: Source) -> Execution | OrderEvent:
    return replace(event, source=source)


def _refused(symbol: str, reason: str) -> None:
    raise AssertionError(f"{symbol}: records refused: {reason}")


def _fenced(symbol: str, epoch: int) -> None:
    raise AssertionError(f"{symbol}: records of epoch {epoch} dropped")


def _stray(symbol: str, _event: Execution | OrderEvent) -> None:
    raise AssertionError(f"{symbol}: an event that nobody expects")
