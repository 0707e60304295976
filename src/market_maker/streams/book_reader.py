"""The specialised reader of order book messages.

The contract's layout is written down as one regular expression over the message's bytes: it checks every
length and finds every field in one step, in a quarter of the time that stepping through the bytes takes.
Then each level's texts are looked up. Anything unusual (a long string, a level of anything but digits and
dots, an array in several blocks) raises NotPlainError, and the general reader takes over: this file only has
to be right about what it accepts.
"""

import re

from market_maker.core.events import Levels
from market_maker.core.instrument import OffGridError
from market_maker.streams.avro_codec import HEADER_BYTES
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.level_reader import LevelReader, UnitCache

_OFTEN = (36, 32, 22, 21, 11, 7, 8)
"""Lengths that nearly every message has: alternatives are tried in order."""


def _text(lengths: range, byte: bytes) -> bytes:
    """A string of one of these lengths, up to 63, with the byte that tells its length."""
    often = [length for length in _OFTEN if length in lengths]
    ordered = (*often, *(length for length in lengths if length not in often))
    return b"(?:%s)" % b"|".join(
        re.escape(bytes([length << 1])) + b"%s{%d}" % (byte, length) for length in ordered
    )


_TEXT = _text(range(64), b".")
_NUMBER = _text(range(1, 23), b"[0-9.]")
_LONG = rb"(?:[\x80-\xff]{0,8}[\x00-\x7f]|[\x80-\xff]{9}[\x00\x01])"
"""A whole number of 64 bits: of a tenth byte one bit is left."""
_ARRAY = rb"(?:([\x80-\xff]{0,2}[\x01-\x7f])((?:%s%s)++))?\x00" % (_NUMBER, _NUMBER)
"""How many levels, and their bytes; possessive, since there is only one way to read them."""


def _layout(*, is_delta: bool) -> re.Pattern[bytes]:
    """Trace id, timestamp, symbol, prev_sequence (empty in a snapshot), sequence, and both arrays."""
    return re.compile(
        b"(?s).{%d}" % HEADER_BYTES
        + _TEXT * 3  # event_id, event_type, source_service
        + b"(%s)(%s)%s" % (_TEXT, _LONG, _LONG)  # trace_id, timestamp, version
        + rb"(?:\x00|\x02%s)" % _TEXT  # hmac
        + b"(%s)(%s)(%s)" % (_TEXT, _LONG if is_delta else b"", _LONG)
        + _ARRAY * 2
        + rb"\Z"
    )


_DELTA, _SNAPSHOT = _layout(is_delta=True), _layout(is_delta=False)

_BETWEEN_NUMBERS = bytes(byte if byte in b"0123456789." else ord(" ") for byte in range(256))

_LOW_BYTES = 3
_LOW_CONTINUED = 0x80 >> 1 | 0x80 << 6 | 0x80 << 13
"""What the bits of a long's first three bytes come to that say that it goes on."""
_PARTS_MAX = 4096


def _unsigned(raw: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(raw))


class _Shorts(dict[bytes, int]):
    """The bytes of a long of up to three bytes -> the number; its lowest bit is the sign."""

    __slots__ = ()

    def __missing__(self, raw: bytes) -> int:
        if len(self) >= _PARTS_MAX:
            self.clear()
        number = _unsigned(raw)
        self[raw] = signed = (number >> 1) ^ -(number & 1)
        return signed


class _HighParts(dict[bytes, int]):
    """A longer one's fourth and further bytes -> their part of the number, less `_LOW_CONTINUED`.

    Sequences and times count upwards, so these bytes stay the same for a second or more.
    """

    __slots__ = ()

    def __missing__(self, high: bytes) -> int:
        if len(self) >= _PARTS_MAX:
            self.clear()
        self[high] = part = (_unsigned(high) << 7 * _LOW_BYTES - 1) - _LOW_CONTINUED
        return part


_SHORTS, _HIGH_PARTS = _Shorts(), _HighParts()


class NotPlainError(Exception):
    """The message may be good, but not for this reader."""


BookFields = tuple[LevelReader, int, bytes, int, int, Levels, Levels]
"""Reader of the symbol, envelope timestamp (us), trace id, prev_sequence (-1 in a snapshot), sequence,
bids, asks. A plain tuple: anything with names costs a tenth of the message."""


def read_book(value: bytes, *, is_delta: bool, instruments: InstrumentTable) -> BookFields | None:
    """Read a message in wire format whose writer schema has the contract's layout.

    None when the symbol is not in the table, or its grid is superseded. NotPlainError when the general
    reader must look; DecodeError for a level that is off the grid or not a number.
    """
    found = (_DELTA if is_delta else _SNAPSHOT).match(value)
    if found is None:
        raise NotPlainError
    trace_id, timestamp, symbol, previous, sequence, bid_count, bids, ask_count, asks = found.groups()
    reader = instruments.reader(symbol[1:])
    if reader is None or reader.superseded:
        return None
    ticks, lots = reader.tick_cache, reader.lot_cache
    try:
        return (
            reader,
            _long(timestamp),
            trace_id[1:],
            _long(previous) if is_delta else -1,
            _long(sequence),
            _levels(bid_count, bids, ticks, lots) if bids else (),
            _levels(ask_count, asks, ticks, lots) if asks else (),
        )
    except OffGridError as error:
        raise DecodeError(f"level: {error}", reader.symbol) from error


def _long(raw: bytes) -> int:
    """A whole number of Avro, from its bytes."""
    if len(raw) <= _LOW_BYTES:
        return _SHORTS[raw]
    half = (raw[0] >> 1) + (raw[1] << 6) + (raw[2] << 13) + _HIGH_PARTS[raw[_LOW_BYTES:]]
    return ~half if raw[0] & 1 else half


def _levels(count: bytes, numbers: bytes, ticks: UnitCache, lots: UnitCache) -> Levels:
    texts = numbers.translate(_BETWEEN_NUMBERS).split()
    if len(texts) != 2 * _SHORTS[count]:
        raise NotPlainError
    if len(texts) == 2:  # as most changes are
        return ((ticks[texts[0]], lots[texts[1]]),)
    levels, each = [], iter(texts)
    for price in each:  # a comprehension would cost as much as two levels
        levels.append((ticks[price], lots[next(each)]))  # noqa: PERF401 -- the reason above
    return tuple(levels)
