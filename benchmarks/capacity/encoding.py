"""Book messages as bytes, written by hand: the generator shares the machine with what it loads.

The same bytes as a general Avro writer makes (tests/unit/benchmarks), at a fifth of its cost.
"""

from functools import cache
from typing import Final

from benchmarks.capacity.market import Changes

TICKS_PER_UNIT: Final = 100
LOTS_PER_UNIT: Final = 1_000
_MAGIC: Final = b"\x00"
_NO_HMAC: Final = b"\x00"
_END: Final = b"\x00"
_VERSION: Final = b"\x02"
EVENT_IDS: Final = "0197f2d4-0000-7000-8000-"
TRACE_IDS: Final = "0197f2d40000700080000000"


class BookEncoder:
    """Messages of one topic."""

    def __init__(self, topic: str, schema_id: int) -> None:
        self._begin = _MAGIC + schema_id.to_bytes(4, "big")
        self._type = text(topic) + text("market-data")

    def delta(self, symbol: bytes, number: int, at_us: int, sequence: int, changes: Changes) -> bytes:
        """The change that leads to `sequence`; `symbol` as `text` gives it, `number` unlike any other's."""
        return b"".join(
            (self._head(number, at_us), symbol, long(sequence - 1), long(sequence), *_sides(changes))
        )

    def snapshot(self, symbol: bytes, number: int, at_us: int, sequence: int, levels: Changes) -> bytes:
        """The whole book at `sequence`."""
        return b"".join((self._head(number, at_us), symbol, long(sequence), *_sides(levels)))

    def _head(self, number: int, at_us: int) -> bytes:
        unique = b"%012x" % number
        return b"".join(
            (
                self._begin,
                _EVENT_ID,
                unique,
                self._type,
                _TRACE_ID,
                unique[-8:],
                long(at_us),
                _VERSION,
                _NO_HMAC,
            )
        )


def text(value: str) -> bytes:
    """An Avro string."""
    raw = value.encode()
    return long(len(raw)) + raw


def long(value: int) -> bytes:
    """An Avro long: zigzag, seven bits a byte, lowest first."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


_EVENT_ID: Final = long(36) + EVENT_IDS.encode()
_TRACE_ID: Final = long(32) + TRACE_IDS.encode()


def _sides(changes: Changes) -> list[bytes]:
    out: list[bytes] = []
    for levels in changes:
        if levels:
            out.append(long(len(levels)))
            for ticks, lots in levels:
                out += (_price(ticks), _quantity(lots))
        out.append(_END)
    return out


@cache
def _price(ticks: int) -> bytes:
    whole, rest = divmod(ticks, TICKS_PER_UNIT)
    return text(f"{whole}.{rest:02d}")


@cache
def _quantity(lots: int) -> bytes:
    whole, rest = divmod(lots, LOTS_PER_UNIT)
    return text(f"{whole}.{rest:03d}" if lots else "0")
