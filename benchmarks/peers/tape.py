"""A market as a file that both engines read: every change as the bytes that each of them gets on its wire.

Lines of JSON: the instrument and the book at the beginning, then a line a change. Reading is not measured.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

RawLevels = list[tuple[str, str]]
"""Price and quantity as texts, absolute quantities; "0" removes."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The instrument, and the whole book before the first change."""

    name: str
    symbol: str
    tick: str
    lot: str
    min_notional: str
    sequence: int
    bids: RawLevels
    asks: RawLevels


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the book."""

    at_ns: int
    """Its time on the tape, since the tape's beginning."""
    levels: int
    avro: bytes
    """As `md.orderbook.delta.v1` carries it: what the service reads from Kafka."""
    binance: bytes
    """As Binance's websocket sends it: what NautilusTrader's own adapter reads."""


@dataclass(frozen=True, slots=True)
class Tape:
    """A whole market."""

    opening: Opening
    changes: list[Change]

    @property
    def levels(self) -> int:
        """Changed levels of all changes."""
        return sum(change.levels for change in self.changes)


def write(path: Path, tape: Tape) -> None:
    """Write a tape."""
    path.write_text("\n".join(_lines(tape)))


def read(path: Path) -> Tape:
    """Read a tape."""
    lines = path.read_text().splitlines()
    return Tape(Opening(**json.loads(lines[0])), list(_changes(lines[1:])))


def _lines(tape: Tape) -> Iterator[str]:
    yield json.dumps(asdict(tape.opening))
    for change in tape.changes:
        yield json.dumps([change.at_ns, change.levels, change.avro.hex(), change.binance.decode()])


def _changes(lines: Iterable[str]) -> Iterator[Change]:
    for line in lines:
        at_ns, levels, avro, binance = json.loads(line)
        yield Change(at_ns, levels, bytes.fromhex(avro), binance.encode())
