"""The tapes: the recorded captures where they are there, and always a generated market of small changes."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from benchmarks.bench_core import SHAPES, make_market
from benchmarks.bench_decode import encoded
from benchmarks.bench_engine import CAPTURES
from benchmarks.peers.tape import Change, Opening, RawLevels, Tape
from market_maker.core.events import Levels
from market_maker.streams.topics import ORDER_BOOK_DELTA
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.market_events import BookDelta

SYMBOL: Final = "BTCUSDT"
EVERY_NS: Final = 100_000_000
"""A generated change comes as often as those of the recorded markets."""
START_US: Final = 1_000_000_000
GENERATED: Final = SHAPES[1]
GENERATED_CHANGES: Final = 5_000
TICK, LOT, MIN_NOTIONAL = Decimal("0.01"), Decimal("0.00001"), Decimal(5)


def tapes() -> Iterator[Tape]:
    """Every tape that can be made here."""
    yield generated()
    for path in sorted(CAPTURES.glob("*.gz")) if CAPTURES.is_dir() else []:
        yield recorded(path)


def generated() -> Tape:
    """A dense book, three levels a change, a touch that moves."""
    snapshot, deltas = make_market(GENERATED)
    opening = Opening(
        f"generated, {GENERATED.levels_per_delta} levels a change",
        SYMBOL,
        str(TICK),
        str(LOT),
        str(MIN_NOTIONAL),
        snapshot.sequence,
        _texts(snapshot.bids),
        _texts(snapshot.asks),
    )
    changes = [
        change(number * EVERY_NS, SYMBOL, delta.sequence, _texts(delta.bids), _texts(delta.asks))
        for number, delta in enumerate(deltas[:GENERATED_CHANGES], 1)
    ]
    return Tape(opening, changes)


def recorded(path: Path) -> Tape:
    """A capture, as the sandbox plays it."""
    exchange = Exchange()
    symbol = exchange.add_recorded(path)
    exchange.start(START_US)
    listed, book = exchange.instrument(symbol), exchange.snapshot(symbol)
    opening = Opening(
        path.name,
        symbol,
        str(listed.tick_size),
        str(listed.lot_size),
        str(listed.min_notional),
        0,
        [(str(price), str(quantity)) for price, quantity in book.bids],
        [(str(price), str(quantity)) for price, quantity in book.asks],
    )
    return Tape(opening, list(_played(exchange, symbol)))


def _played(exchange: Exchange, symbol: str) -> Iterator[Change]:
    sequence = 0
    while (now_us := exchange.next_event_us()) is not None:
        for event in exchange.advance(now_us):
            if isinstance(event, BookDelta):
                sequence += 1
                bids = [(str(price), str(quantity)) for price, quantity in event.bids]
                asks = [(str(price), str(quantity)) for price, quantity in event.asks]
                yield change((now_us - START_US) * 1000, symbol, sequence, bids, asks)


def change(at_ns: int, symbol: str, sequence: int, bids: RawLevels, asks: RawLevels) -> Change:
    """The same change on both wires."""
    sides = {
        side: [{"price": price, "quantity": quantity} for price, quantity in levels]
        for side, levels in (("bids", bids), ("asks", asks))
    }
    numbers = {"symbol": symbol, "prev_sequence": sequence - 1, "sequence": sequence}
    at_us = START_US + at_ns // 1000
    avro = encoded(ORDER_BOOK_DELTA, {**numbers, **sides}, at_us)
    depth = {
        "e": "depthUpdate",
        "E": at_us // 1000,
        "s": symbol,
        "U": sequence,
        "u": sequence,
        "b": bids,
        "a": asks,
    }
    message = {"stream": f"{symbol.lower()}@depth@100ms", "data": depth}
    return Change(at_ns, len(bids) + len(asks), avro, json.dumps(message, separators=(",", ":")).encode())


def _texts(levels: Levels) -> RawLevels:
    return [(str(ticks * TICK), str(lots * LOT)) for ticks, lots in levels]
