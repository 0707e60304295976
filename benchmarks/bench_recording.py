"""What recording costs: the symbol's worker per step, the writer's thread per line, and a checkpoint.

Steps are those of a recorded market. The worker's share is measured without the thread, whose own time
stands beside it; a checkpoint is taken once per file, of an engine that remembers as much as it can.
"""

import gc
import time
from collections import deque
from decimal import Decimal

from benchmarks import bench_engine
from benchmarks.report import Row
from market_maker.core import events as ev
from market_maker.core.commands import Command
from market_maker.core.config import TRADE_KEYS_MAX, EngineLimits
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.ids import IdSeed
from market_maker.core.orders.order_tracker import RECENT_ORDERS_MAX, Order
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.replay.beginning import Beginning
from market_maker.replay.checkpoint import Checkpoint
from market_maker.replay.record import step_line
from market_maker.replay.recording import Recording, Waiting

RUNS = 5
EVENTS_MAX = 40_000


def rows() -> list[Row]:
    """Three rows; none when the captures are not there."""
    paths = sorted(bench_engine.CAPTURES.glob("*.gz")) if bench_engine.CAPTURES.is_dir() else []
    if not paths:
        return [Row("recording: no capture under ../shared, not measured", 0, "us")]
    market = bench_engine.read(paths[0])
    events = market.events[:EVENTS_MAX]
    restored = Restored(
        bench_engine.CONFIG,
        market.instrument,
        State.PAUSED,
        "",
        "bench",
        None,
        Decimal(0),
        Inventory(),
        tuple((f"trade-{number:012d}", "BUY") for number in range(TRADE_KEYS_MAX)),
        IdSeed(1, 1, 0),
    )
    engine = SymbolEngine(restored, EngineLimits())
    beginning = Beginning.of(restored, EngineLimits(), ())
    _remember_orders(engine)
    return [
        Row("recording, per step, on the event loop", _step_us(engine, beginning, events), "us", 0.5),
        Row("recording, per line, on the writer's thread", _line_us(events), "us", 15),
        Row(
            f"checkpoint: {TRADE_KEYS_MAX:,} trades, {RECENT_ORDERS_MAX:,} orders",
            _checkpoint_ms(engine),
            "ms",
            20,
        ),
    ]


def _step_us(engine: SymbolEngine, beginning: Beginning, events: list[ev.Event]) -> float:
    best = float("inf")
    for _ in range(RUNS):
        waiting: Waiting = deque()
        recording = Recording(engine, beginning, waiting)
        said: list[list[Command]] = [[] for _ in events]
        gc.collect()
        began = time.perf_counter_ns()
        for event, commands in zip(events, said, strict=True):
            recording.step(event, commands)
            recording.settle()
        best = min(best, (time.perf_counter_ns() - began) / len(events) / 1e3)
        assert len(waiting) == len(events)
    return best


def _line_us(events: list[ev.Event]) -> float:
    best = float("inf")
    for _ in range(RUNS):
        began = time.perf_counter_ns()
        for event in events:
            step_line(event, ())
        best = min(best, (time.perf_counter_ns() - began) / len(events) / 1e3)
    return best


def _remember_orders(engine: SymbolEngine) -> None:
    """As many orders as an engine ever remembers, and then some that are open."""
    for number in range(RECENT_ORDERS_MAX):
        price, quantity = Decimal(number + 1) / 10, Decimal(number + 1) / 1000
        order = Order(
            f"client-{number:020d}",
            Side.BUY,
            0,
            number + 1,
            1,
            price,
            quantity,
            number,
            order_id=f"x-{number}",
        )
        engine.symbol.orders.add(order)


def _checkpoint_ms(engine: SymbolEngine) -> float:
    best = float("inf")
    for _ in range(RUNS):
        began = time.perf_counter_ns()
        Checkpoint.of(engine)
        best = min(best, (time.perf_counter_ns() - began) / 1e6)
    return best
