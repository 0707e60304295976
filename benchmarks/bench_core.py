"""What the core's arithmetic costs: book updates and quotes, each beside its budget.

The markets are made from a seed in the likeness of the recorded ones: a wandering touch, most changes
near it, half of them removals, and as many levels per message.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from benchmarks.report import Row
from market_maker.core.book.order_book import OrderBook
from market_maker.core.config import SymbolConfig
from market_maker.core.events import BookDelta, BookSnapshot, Levels
from market_maker.core.instrument import Instrument
from market_maker.core.pricing.quoting import QuotingEngine
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.pricing.waterfall import waterfall
from market_maker.core.side import Side

RUNS = 9
"""Every figure is the median of so many runs."""

LEVEL_BUDGET_NS = 100
QUOTE_BUDGET_US = {1: 5.0, 5: 12.0, 20: 40.0}
"""With the risk checks, which are not measured here: the quote itself should take half of it."""

LEVELS_PER_MARKET = 30_000
TOUCH_MOVES_PER_LEVEL = 0.03
"""How often the best prices move; in the recorded markets 1 to 2 of 100 levels do it."""
QUOTES = 2_000


@dataclass(frozen=True)
class MarketShape:
    """What a synthetic market looks like; distances in ticks."""

    name: str
    levels_per_delta: int
    depth: int
    """Levels per side of the snapshot."""
    spacing: int
    """Mean distance between neighbouring levels of the snapshot."""
    reach: float
    """Mean distance of a change from the touch."""


SHAPES = (
    MarketShape("dense, 1 level per delta", 1, 1000, 1, 8),
    MarketShape("dense, 3 levels per delta", 3, 1000, 1, 8),
    MarketShape("like the perpetual: dense, 68 per delta", 68, 1000, 1, 60),
    MarketShape("like spot: sparse, 36 per delta", 36, 1000, 12, 900),
)


def make_market(shape: MarketShape, seed: int = 1) -> tuple[BookSnapshot, list[BookDelta]]:
    """A snapshot and deltas of LEVELS_PER_MARKET changed levels that never cross the book."""
    rng = random.Random(seed)
    middle = 5_000_000
    known: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    for side, levels in known.items():
        for number in range(shape.depth):
            levels[middle - side.sign * (1 + number * shape.spacing)] = rng.randrange(1, 100_000)
    snapshot = BookSnapshot(0, 0, 0, tuple(known[Side.BUY].items()), tuple(known[Side.SELL].items()))
    deltas = []
    for sequence in range(1, LEVELS_PER_MARKET // shape.levels_per_delta + 1):
        if rng.random() < TOUCH_MOVES_PER_LEVEL * shape.levels_per_delta:
            middle += rng.choice((-1, 1))
        bids, asks = _changes(shape, rng, middle, known)
        deltas.append(BookDelta(sequence, sequence, sequence - 1, sequence, bids, asks))
    return snapshot, deltas


def _changes(
    shape: MarketShape, rng: random.Random, middle: int, known: dict[Side, dict[int, int]]
) -> tuple[Levels, Levels]:
    changed: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    for side in Side:
        passed = [middle + near * side.sign for near in (0, 1, 2) if middle + near * side.sign in known[side]]
        changed[side].update((ticks, 0) for ticks in passed)
    while sum(map(len, changed.values())) < shape.levels_per_delta:
        side = rng.choice((Side.BUY, Side.SELL))
        ticks = middle - side.sign * (1 + int(rng.expovariate(1 / shape.reach)))
        removed = ticks in known[side] and rng.random() < 0.6
        changed[side][ticks] = 0 if removed else rng.randrange(1, 100_000)
    for side, levels in changed.items():
        for ticks, lots in levels.items():
            if lots:
                known[side][ticks] = lots
            else:
                known[side].pop(ticks, None)
    return tuple(changed[Side.BUY].items()), tuple(changed[Side.SELL].items())


def median_ns(run: Callable[[], int]) -> float:
    """The median of RUNS results of `run`, which times itself, without the garbage collector."""
    results = []
    for _ in range(RUNS):
        gc.collect()
        gc.disable()
        results.append(run())
        gc.enable()
    return statistics.median(results)


def bench_book() -> list[Row]:
    """Deltas applied to a book, one row per market.

    Each delta also pays for the sequence rule, freshness and the crossing check, about 150 ns: the
    budget per level is meant for messages in which that is spread over many.
    """
    rows: list[Row] = []
    for shape in SHAPES:
        snapshot, deltas = make_market(shape)
        levels = sum(len(delta.bids) + len(delta.asks) for delta in deltas)

        def run(snapshot: BookSnapshot = snapshot, deltas: list[BookDelta] = deltas) -> int:
            book = OrderBook()
            book.apply_snapshot(snapshot)
            started = time.perf_counter_ns()
            for delta in deltas:
                book.apply_delta(delta)
            elapsed = time.perf_counter_ns() - started
            assert book.valid, book.invalid_reason
            assert book.deltas == len(deltas)
            return elapsed

        elapsed = median_ns(run)
        rows.append(Row(f"book: {shape.name}, per level", elapsed / levels, "ns", LEVEL_BUDGET_NS))
        rows.append(Row(f"book: {shape.name}, deltas", len(deltas) * 1e9 / elapsed, "/s"))
    return rows


def bench_quotes() -> list[Row]:
    """Quote sets whose mid and volatility factor change every time and position every tenth time."""
    instrument = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
    config = SymbolConfig("BTCUSDT")
    mids = [ReferenceMid(11_400_001 + number, 2, MidSource.BOOK) for number in range(QUOTES)]
    held = [Decimal(number // 10 % 40 - 20).scaleb(-3) for number in range(QUOTES)]
    rows = []
    for levels, budget_us in QUOTE_BUDGET_US.items():
        engine = QuotingEngine(replace(config, num_levels=levels), instrument)

        def run(engine: QuotingEngine = engine) -> int:
            started = time.perf_counter_ns()
            for number in range(QUOTES):
                engine.quote(mids[number], held[number], 1_000_000 + number, 5_700_000, 5_700_001)
            return time.perf_counter_ns() - started

        name = f"quote: {levels} level{'s' if levels > 1 else ''} per side"
        rows.append(Row(name, median_ns(run) / QUOTES / 1000, "us", budget_us))
    return rows


def bench_waterfall() -> Row:
    """The explanation of one quote set of five levels, built only when somebody asks."""
    instrument = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
    config = SymbolConfig("BTCUSDT", num_levels=5)
    engine = QuotingEngine(config, instrument)
    mid = ReferenceMid(11_400_001, 2, MidSource.BOOK)
    quote_set = engine.quote(mid, Decimal("0.02"), 1_300_000, 5_700_000, 5_700_001)

    def run() -> int:
        started = time.perf_counter_ns()
        for _ in range(20):
            waterfall(quote_set, config, instrument)
        return time.perf_counter_ns() - started

    return Row("waterfall: 5 levels per side, only when asked", median_ns(run) / 20 / 1000, "us")


def rows() -> list[Row]:
    """Every row."""
    return [*bench_book(), *bench_quotes(), bench_waterfall()]
