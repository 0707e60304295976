"""The market data of S symbols, R deltas a second each, as a process of its own."""

import time
from collections.abc import Sequence
from ctypes import c_double, c_longlong
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from typing import Any, Final

from confluent_kafka import Producer

from benchmarks.capacity.encoding import BookEncoder, text
from benchmarks.capacity.market import SyntheticBook

DELTA: Final = "md.orderbook.delta.v1"
SNAPSHOT: Final = "md.orderbook.snap.v1"
SNAPSHOT_EVERY_S: Final = 1.0
PAUSE_S: Final = 0.002
BEHIND_MAX: Final = 20_000
"""Messages owed; a generator that cannot keep up drops what is beyond, so that it never sends a flood."""
QUEUE_MAX: Final = 200_000


@dataclass(frozen=True, slots=True)
class Dial:
    """Shared memory between the generator and who steers it."""

    rate: Any
    """Deltas per second and symbol; 0: nothing, negative: end."""
    sent: Any
    """Deltas handed to Kafka's client so far."""
    bytes: Any
    """Bytes of all messages so far, keys and record overhead not counted."""
    snapshot_every_s: float

    @classmethod
    def make(cls, context: SpawnContext, snapshot_every_s: float) -> "Dial":
        """At rest."""
        sent, sent_bytes = context.Value(c_longlong, 0), context.Value(c_longlong, 0)
        return cls(context.Value(c_double, 0.0), sent, sent_bytes, snapshot_every_s)


class Symbol:
    """One symbol's place in the stream."""

    __slots__ = ("book", "key", "name", "next_snapshot_s", "sequence")

    def __init__(self, name: str, first_snapshot_s: float) -> None:
        self.book = SyntheticBook(name)
        self.key = name.encode()
        self.name = text(name)
        self.sequence = 1
        self.next_snapshot_s = first_snapshot_s


class Generator:
    """Produces in turn for every symbol, as many as time allows at the dial's rate."""

    def __init__(self, broker: str, schema_ids: dict[str, int], symbols: Sequence[str], dial: Dial) -> None:
        self._dial = dial
        self._encoders = {topic: BookEncoder(topic, schema_ids[topic]) for topic in (DELTA, SNAPSHOT)}
        now_s = time.monotonic()
        step_s = dial.snapshot_every_s / len(symbols)
        self._symbols = [Symbol(name, now_s + step_s * place) for place, name in enumerate(symbols)]
        self._number = 0
        self._producer = Producer(
            {
                "bootstrap.servers": broker,
                "enable.idempotence": True,
                "linger.ms": 2,
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": QUEUE_MAX,
                "log_level": 2,
            }
        )

    def run(self) -> None:
        """Until the dial says end."""
        owed, turn, last_s = 0.0, 0, time.monotonic()
        while (rate := self._dial.rate.value) >= 0:
            now_s = time.monotonic()
            owed = min(BEHIND_MAX, owed + (now_s - last_s) * rate * len(self._symbols))
            last_s = now_s
            size = 0
            for _ in range(int(owed)):
                size += self._delta(self._symbols[turn], rate)
                turn = (turn + 1) % len(self._symbols)
            self._dial.sent.value += int(owed)
            owed -= int(owed)
            self._dial.bytes.value += size + self._snapshots(now_s)
            self._producer.poll(0)
            time.sleep(PAUSE_S)
        self._producer.flush(5)

    def _delta(self, symbol: Symbol, rate: float) -> int:
        symbol.sequence += 1
        changes = symbol.book.change(rate)
        self._number += 1
        at_us = time.time_ns() // 1000
        value = self._encoders[DELTA].delta(symbol.name, self._number, at_us, symbol.sequence, changes)
        return self._produce(DELTA, symbol, value)

    def _snapshots(self, now_s: float) -> int:
        size = 0
        for symbol in self._symbols:
            if now_s >= symbol.next_snapshot_s:
                symbol.next_snapshot_s += self._dial.snapshot_every_s
                self._number += 1
                at_us, levels = time.time_ns() // 1000, symbol.book.levels()
                value = self._encoders[SNAPSHOT].snapshot(
                    symbol.name, self._number, at_us, symbol.sequence, levels
                )
                size += self._produce(SNAPSHOT, symbol, value)
        return size

    def _produce(self, topic: str, symbol: Symbol, value: bytes) -> int:
        while True:
            try:
                self._producer.produce(topic, value, symbol.key)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return len(value)


def generate(broker: str, schema_ids: dict[str, int], symbols: Sequence[str], dial: Dial) -> None:
    """The process's whole life."""
    Generator(broker, schema_ids, symbols, dial).run()
