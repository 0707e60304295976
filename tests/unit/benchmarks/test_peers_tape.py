from decimal import Decimal
from pathlib import Path

import orjson
from benchmarks.bench_engine import active_engine
from benchmarks.peers import tape as files
from benchmarks.peers.command import Compared, told
from benchmarks.peers.ours import FIRST_NS, LIMITS, Ours, Reader, config, instrument_of, snapshot_of
from benchmarks.peers.tapes import generated
from benchmarks.peers.worker import figures

from market_maker.core.book.grid import GridCache
from market_maker.core.events import BookDelta, Levels
from market_maker.core.side import Side

TAPE = generated()


def levels(grid: GridCache, side: list[list[str]]) -> Levels:
    return tuple((grid.ticks(Decimal(price)), grid.lots(Decimal(quantity))) for price, quantity in side)


def test_both_engines_read_the_same_changes() -> None:
    instrument = instrument_of(TAPE.opening)
    reader, grid = Reader(instrument), GridCache(instrument)
    for number, change in enumerate(TAPE.changes[:200]):
        delta = reader.event(reader.message(change.avro, number), FIRST_NS + change.at_ns)
        theirs = orjson.loads(change.binance)["data"]
        assert isinstance(delta, BookDelta)
        assert (delta.bids, delta.asks) == (levels(grid, theirs["b"]), levels(grid, theirs["a"]))
        assert delta.sequence == theirs["u"]
        assert change.levels == len(delta.bids) + len(delta.asks)
        assert delta.data_ns == delta.at_ns


def test_a_tape_is_read_as_it_was_written(tmp_path: Path) -> None:
    files.write(tmp_path / "tape", TAPE)
    read = files.read(tmp_path / "tape")
    assert read.changes == TAPE.changes
    assert read.opening.name == TAPE.opening.name
    assert [tuple(level) for level in read.opening.bids] == TAPE.opening.bids


def test_the_rule_of_both_is_the_quote_of_our_engine() -> None:
    instrument = instrument_of(TAPE.opening)
    opening = snapshot_of(TAPE.opening, instrument)
    engine = active_engine(instrument, opening, FIRST_NS, config(TAPE.opening.symbol), LIMITS)
    mid = Decimal(opening.bids[0][0] + opening.asks[0][0]) / 2
    bid, ask = (engine.symbol.orders.live(side)[0].price_ticks for side in (Side.BUY, Side.SELL))
    assert bid == mid * Decimal("0.9995") // 1
    assert ask == -(-mid * Decimal("1.0005") // 1)


def test_every_change_is_measured_once() -> None:
    short = files.Tape(TAPE.opening, TAPE.changes[:500])
    quiet, decided, orders = Ours().way(short)
    assert len(quiet) + len(decided) == 500
    assert 2 * len(decided) >= orders >= len(decided) > 0


def test_a_ratio_above_one_says_that_the_service_is_faster() -> None:
    ours = {"p50_ns": 2_000.0, "p99_ns": 8_000.0, "count": 3, "orders": 0}
    theirs = {"p50_ns": 5_000.0, "p99_ns": 4_000.0, "count": 3, "orders": 0}
    assert "ratio  2.50 /  0.50" in told(Compared("book", "a market", ours, theirs))


def test_percentiles_of_a_round() -> None:
    found = figures(list(range(1, 101)))
    assert (found.p50_ns, found.count) == (50.5, 100)
    assert 99 <= found.p99_ns <= 100
