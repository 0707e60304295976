"""Order book snapshots and deltas."""

from typing import Any

from confluent_kafka import Message

from market_maker.core.events import BookDelta, BookSnapshot, Levels
from market_maker.core.instrument import OffGridError
from market_maker.streams import envelope
from market_maker.streams.avro_codec import HEADER_BYTES, AvroDecoder
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.book_reader import BookFields, NotPlainError, read_book
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.level_reader import LevelReader
from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT
from market_maker.streams.writer_schema import layout
from tradex_contracts import avro_schema


class OrderBookProcessor:
    """`md.orderbook.snap.v1` and `md.orderbook.delta.v1` to BookSnapshot and BookDelta."""

    def __init__(self, decoder: AvroDecoder, instruments: InstrumentTable) -> None:
        self._decoder = decoder
        self._instruments = instruments
        self._contract = {
            topic: layout(avro_schema(topic)) for topic in (ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT)
        }
        self._plain: dict[str, dict[bytes, bool]] = {topic: {} for topic in self._contract}
        """By topic and header of the value (its schema), whether the specialised reader knows its layout."""

    def process(self, message: Message, arrival: Arrival, batch: Batch) -> None:
        """Append a BookDelta or BookSnapshot."""
        topic = message.topic() or ""
        fields = self._read(topic, message.value())
        if fields is None:
            return  # an unknown symbol, or one whose grid is changing
        reader, timestamp_us, trace_id, prev_sequence, sequence, bids, asks = fields
        at_ns, data_ns = arrival.at_ns, envelope.data_ns(arrival, timestamp_us)
        trace = envelope.trace_of(message.headers(), trace_id.decode("ascii", "replace"))
        event = (
            BookDelta(at_ns, data_ns, prev_sequence, sequence, bids, asks, trace, timestamp_us)
            if topic == ORDER_BOOK_DELTA
            else BookSnapshot(at_ns, data_ns, sequence, bids, asks, trace, timestamp_us)
        )
        batch.items.append((reader.symbol, event))

    def _read(self, topic: str, value: bytes | None) -> BookFields | None:
        is_delta = topic == ORDER_BOOK_DELTA
        header = (value or b"")[:HEADER_BYTES]
        plain = self._plain[topic].get(header)
        if plain is None:
            plain = self._decoder.schema(value).layout == self._contract[topic]
            self._plain[topic][header] = plain
        if plain and value:
            try:
                return read_book(value, is_delta=is_delta, instruments=self._instruments)
            except NotPlainError:
                pass  # the general reader decides whether it is good
        return self._read_any(self._decoder.read(value), is_delta=is_delta)

    def _read_any(self, record: envelope.Record, *, is_delta: bool) -> BookFields | None:
        data = envelope.part(record, "data")
        symbol = envelope.text(data, "symbol")
        reader = self._instruments.reader(symbol.encode())
        if reader is None or reader.superseded:
            return None
        try:
            return (
                reader,
                envelope.integer(record, "timestamp"),
                (envelope.optional_text(record, "trace_id") or "").encode(),
                envelope.integer(data, "prev_sequence") if is_delta else -1,
                envelope.integer(data, "sequence"),
                _levels(data, "bids", reader),
                _levels(data, "asks", reader),
            )
        except (DecodeError, OffGridError) as error:
            raise DecodeError(str(error), symbol) from error


def _levels(data: envelope.Record, side: str, reader: LevelReader) -> Levels:
    levels: Any = data.get(side)
    if not isinstance(levels, list):
        raise DecodeError(f"{side}: expected an array of levels, got {levels!r:.80}")
    try:
        return tuple([(reader.ticks(level["price"]), reader.lots(level["quantity"])) for level in levels])
    except (KeyError, TypeError) as error:
        raise DecodeError(f"{side}: a level needs price and quantity as string, decimal or double") from error
