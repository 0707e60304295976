"""A whole recorded market through one ACTIVE engine: every book delta and trade of the capture.

The events are made before the clock starts. The exchange around the engine answers at once and never
fills: what is measured is the engine with book, volatility, quoting, checks and order handling.
"""

import gc
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from benchmarks.report import Row
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.book.grid import GridCache
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.ids import IdSeed
from market_maker.core.states import Cause, State
from tradex_sandbox import market_events as sandbox
from tradex_sandbox.exchange import Exchange

CAPTURES = Path(__file__).parent.parent.parent / "shared/data/binance"
RUNS = 3
START_US = 1_000_000_000
CONFIG = SymbolConfig("BTCUSDT", enabled=True, base_spread_bps=Decimal(2), num_levels=2)
LIMITS = EngineLimits()


@dataclass(frozen=True, slots=True)
class Recording:
    """The market events of one capture, ready for an engine."""

    instrument: Instrument
    events: list[ev.Event]
    opening: ev.BookSnapshot

    def snapshot(self, at_ns: int) -> ev.BookSnapshot:
        """The opening book as of `at_ns`."""
        return replace(self.opening, at_ns=at_ns, data_ns=at_ns)


def rows() -> list[Row]:
    """One row a capture; none when the captures are not there."""
    found = []
    for path in sorted(CAPTURES.glob("*.gz")) if CAPTURES.is_dir() else []:
        recording = read(path)
        rate = statistics.median(run(recording) for _ in range(RUNS))
        found.append(Row(f"engine, {path.name}: {len(recording.events):,} events", rate, "/s"))
    return found or [Row("engine: no capture under ../shared, not measured", 0, "/s")]


def read(path: Path) -> Recording:
    """Play a capture through the sandbox and keep what it publishes."""
    exchange = Exchange()
    symbol = exchange.add_recorded(path)
    exchange.start(START_US)
    listed = exchange.instrument(symbol)
    instrument = Instrument(
        symbol,
        listed.base_currency,
        listed.quote_currency,
        listed.tick_size,
        listed.lot_size,
        listed.min_notional,
    )
    opening = exchange.snapshot(symbol)
    grid = GridCache(instrument)
    book = ev.BookSnapshot(0, 0, opening.sequence, _levels(grid, opening.bids), _levels(grid, opening.asks))
    return Recording(instrument, list(_events(exchange, grid)), book)


def _levels(grid: GridCache, side: sandbox.Levels) -> ev.Levels:
    return tuple((grid.ticks(price), grid.lots(quantity)) for price, quantity in side)


def _events(exchange: Exchange, grid: GridCache) -> Iterator[ev.Event]:
    while (now_us := exchange.next_event_us()) is not None:
        at_ns = now_us * 1000
        for event in exchange.advance(now_us):
            if isinstance(event, sandbox.BookDelta):
                bids, asks = _levels(grid, event.bids), _levels(grid, event.asks)
                yield ev.BookDelta(at_ns, at_ns, event.prev_sequence, event.sequence, bids, asks)
            elif isinstance(event, sandbox.PublicTrade):
                yield ev.PublicTrade(at_ns, at_ns, event.price, event.trade_id)
            elif isinstance(event, sandbox.MarkPrice):
                yield ev.MarkPrice(at_ns, at_ns, event.price)


def run(recording: Recording) -> float:
    """Events per second of one pass, answers and ticks not counted as events but paid for."""
    first_ns = recording.events[0].at_ns
    snapshot = recording.snapshot(first_ns)
    engine = active_engine(recording.instrument, snapshot, first_ns)
    gc.collect()
    began = time.perf_counter()
    for event in recording.events:
        answer(engine, engine.handle(event), event.at_ns)
    elapsed = time.perf_counter() - began
    assert engine.symbol.stats.quotes_computed > 100
    assert engine.symbol.book.gaps == 0
    return len(recording.events) / elapsed


def active_engine(
    instrument: Instrument,
    snapshot: ev.Event,
    now_ns: int,
    config: SymbolConfig = CONFIG,
    limits: EngineLimits = LIMITS,
) -> SymbolEngine:
    """An engine that quotes from the snapshot on."""
    restored = Restored(
        config, instrument, State.PAUSED, "", "bench", None, Decimal(0), Inventory(), (), IdSeed(1, 1, now_ns)
    )
    engine = SymbolEngine(restored, limits)
    engine.start()
    engine.handle(ev.CancelAllAnswer(now_ns, ev.RequestOutcome.OK))
    engine.handle(ev.OpenOrdersAnswer(now_ns, now_ns, ev.RequestOutcome.OK))
    engine.handle(snapshot)
    answer(engine, engine.handle(ev.Control(now_ns, 1, Cause.ENABLE, "bench")), now_ns)
    assert engine.symbol.state is State.ACTIVE
    return engine


def answer(engine: SymbolEngine, commands: list[cmd.Command], now_ns: int) -> None:
    """The exchange says yes to everything."""
    for command in commands:
        if isinstance(command, cmd.PlaceOrder):
            client_id = command.order.client_order_id
            engine.handle(ev.PlaceAnswer(now_ns, client_id, ev.RequestOutcome.OK, f"x-{client_id}"))
        elif isinstance(command, cmd.CancelOrder):
            engine.handle(ev.CancelAnswer(now_ns, command.client_order_id, ev.RequestOutcome.OK))
            kind = ev.OrderEventKind.CANCELED
            engine.handle(ev.OrderEvent(now_ns, kind, command.order_id, command.client_order_id, None, 0))
        elif isinstance(command, cmd.QueryOpenOrders):
            engine.handle(_open_orders(engine, now_ns))


def _open_orders(engine: SymbolEngine, now_ns: int) -> ev.OpenOrdersAnswer:
    listed = tuple(
        ev.ExchangeOrder(
            order.order_id or "",
            order.client_order_id,
            order.side,
            order.price,
            order.quantity,
            order.filled,
            ev.ExchangeStatus.OPEN,
        )
        for order in engine.symbol.orders
        if order.rests
    )
    return ev.OpenOrdersAnswer(now_ns, now_ns, ev.RequestOutcome.OK, listed)
