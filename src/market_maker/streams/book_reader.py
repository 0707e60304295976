"""The specialised reader of order book messages.

It knows the contract's layout, skips the envelope without building it, and turns each level's raw
text into ticks and lots by one look-up each. It reads a message in about half the time that a
general Avro reader needs. Anything unusual (a long string, an odd block) raises NotPlainError, and the
general reader takes over: this file only has to be right about what it accepts.
"""

from typing import NamedTuple

from market_maker.core.events import Levels
from market_maker.core.instrument import OffGridError
from market_maker.streams.avro_codec import HEADER_BYTES
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.level_reader import LevelReader, UnitCache

_SHORT = 0x81
"""Bits that are clear in the length byte of a string of up to 63 bytes."""
_SHIFT_MAX = 63
"""A long of more than ten bytes is not a long."""


class NotPlainError(Exception):
    """The message may be good, but not for this reader."""


class BookFields(NamedTuple):
    """What a book message says; `prev_sequence` is -1 for a snapshot."""

    reader: LevelReader
    timestamp_us: int
    trace_id: bytes
    prev_sequence: int
    sequence: int
    bids: Levels
    asks: Levels


def read_book(value: bytes, *, is_delta: bool, instruments: InstrumentTable) -> BookFields | None:
    """Read a message in wire format whose writer schema has the contract's layout.

    None when the symbol is not in the table, or its grid is superseded. NotPlainError when the general
    reader must look; DecodeError for a level that is off the grid or not a number.
    """
    try:
        at = HEADER_BYTES
        for _ in range(3):  # event_id, event_type, source_service
            at = _end_of_string(value, at)
        start, at = at, _end_of_string(value, at)
        trace_id = value[start + 1 : at]
        timestamp_us, at = _long(value, at)
        _version, at = _long(value, at)
        at = _end_of_string(value, at + 1) if value[at] == 2 else at + 1  # hmac
        start, at = at, _end_of_string(value, at)
        reader = instruments.reader(value[start + 1 : at])
        if reader is None or reader.superseded:
            return None
        prev_sequence, at = _long(value, at) if is_delta else (-1, at)
        sequence, at = _long(value, at)
        bids, asks, at = _both_sides(value, at, reader)
    except IndexError:
        raise NotPlainError from None
    if at != len(value):
        raise NotPlainError
    return BookFields(reader, timestamp_us, trace_id, prev_sequence, sequence, bids, asks)


def _both_sides(value: bytes, at: int, reader: LevelReader) -> tuple[Levels, Levels, int]:
    try:
        bids, at = _levels(value, at, reader.tick_cache, reader.lot_cache)
        asks, at = _levels(value, at, reader.tick_cache, reader.lot_cache)
    except (OffGridError, UnicodeDecodeError) as error:
        raise DecodeError(f"level: {error}", reader.symbol) from error
    return bids, asks, at


def _end_of_string(value: bytes, at: int) -> int:
    length = value[at]
    if length & _SHORT:
        raise NotPlainError
    return at + 1 + (length >> 1)


def _long(value: bytes, at: int) -> tuple[int, int]:
    byte = value[at]
    at += 1
    number = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift > _SHIFT_MAX:
            raise NotPlainError
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
    return (number >> 1) ^ -(number & 1), at


def _levels(value: bytes, at: int, ticks: UnitCache, lots: UnitCache) -> tuple[Levels, int]:
    levels: list[tuple[int, int]] = []
    while True:
        count, at = _long(value, at)
        if count == 0:
            return tuple(levels), at
        if count < 0 or count > len(value):
            raise NotPlainError
        for _ in range(count):
            length = value[at]
            price_end = at + 1 + (length >> 1)
            quantity_length = value[price_end]
            if (length | quantity_length) & _SHORT:
                raise NotPlainError
            quantity_end = price_end + 1 + (quantity_length >> 1)
            if quantity_end > len(value):
                raise NotPlainError
            levels.append((ticks[value[at + 1 : price_end]], lots[value[price_end + 1 : quantity_end]]))
            at = quantity_end
