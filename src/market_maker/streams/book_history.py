"""Books as the topics already tell them, for symbols that were just taken.

The reading consumer starts market data at the end, and a symbol whose actor has just begun would wait for its
next snapshot. The last one and every delta since stand in the topics. They are read back here by a consumer
of its own, in no group, so that nothing of what other symbols read is read twice.

The core's own order book puts them together. Only what it calls a book from a snapshot with an unbroken
sequence, up to the partition's end, is told: as one snapshot at the last sequence, on which the deltas that
came meanwhile follow. Whatever is missing, unreadable or late: nothing is told, and the next snapshot is
waited for.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from market_maker.core.book.order_book import BookChange, OrderBook
from market_maker.core.events import BookDelta, BookSnapshot
from market_maker.core.side import Side
from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.batch import Arrival, Batch, Item, TopicPartitionKey
from market_maker.streams.client_log import ClientLog
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.consumer_positions import topic_partitions
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.order_book_processor import OrderBookProcessor
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT

LOOKS: Final = ((64, 1_000), (512, 16_000))
"""How many of a partition's last snapshots and deltas are read, and if that was not enough."""
READ_S_MAX: Final = 1.0
"""For each look."""
_POLL_S: Final = 0.05
_BATCH_MESSAGES: Final = 500
_TAIL_BASE: Final = -2_000
"""librdkafka's RD_KAFKA_OFFSET_TAIL_BASE: so many under it is that many before the end of the partition."""

_FOLLOWS: Final = (BookChange.APPLIED, BookChange.DUPLICATE)
_log = logging.getLogger(__name__)


class BookHistory:
    """Reads on the calling thread, one call at a time."""

    def __init__(
        self, options: ConsumerOptions, registry: SchemaRegistry, instruments: InstrumentTable
    ) -> None:
        """Only books of symbols in the table can be read, on its grids."""
        self._options = options
        self._processor = OrderBookProcessor(AvroDecoder(registry), instruments)

    def read(self, symbols: Mapping[int, Collection[str]]) -> dict[str, BookSnapshot]:
        """The present book of each symbol, given by partition, of which there is a proof; blocks.

        Its time of arrival is that of the call.
        """
        found: dict[str, BookSnapshot] = {}
        arrival = Arrival.now()
        client_log = ClientLog(_log)
        consumer = Consumer(
            {**self._options.reader(), "auto.offset.reset": "earliest", **client_log.options()}
        )
        try:
            for topic in (ORDER_BOOK_SNAPSHOT, ORDER_BOOK_DELTA):
                # Without knowing the leaders the client asks for the ends again after half a second.
                consumer.list_topics(topic, READ_S_MAX)
            for snapshots, deltas in LOOKS:
                left = {number: names for number, of in symbols.items() if (names := set(of) - found.keys())}
                if left:
                    found |= self._look(consumer, left, snapshots, deltas, arrival)
        except KafkaException as error:
            _log.warning("kafka: no book is read back: %s", error)
        finally:  # a broker that is silent holds it
            threading.Thread(target=consumer.close, name="kafka-close", daemon=True).start()
        return found

    def _look(
        self,
        consumer: Consumer,
        symbols: Mapping[int, Collection[str]],
        snapshots: int,
        deltas: int,
        arrival: Arrival,
    ) -> dict[str, BookSnapshot]:
        wanted = {symbol.encode(): symbol for names in symbols.values() for symbol in names}
        begins: dict[bytes, Message] = {}
        follow: dict[bytes, list[Message]] = defaultdict(list)
        starts = {(ORDER_BOOK_SNAPSHOT, number): _TAIL_BASE - snapshots for number in symbols}
        starts |= {(ORDER_BOOK_DELTA, number): _TAIL_BASE - deltas for number in symbols}
        for message in _to_the_end(consumer, starts):
            key = message.key()
            if key not in wanted:
                continue
            if message.topic() == ORDER_BOOK_SNAPSHOT:
                begins[key] = message
            else:
                follow[key].append(message)
        books = {wanted[key]: self._book([begin, *follow[key]], arrival) for key, begin in begins.items()}
        return {symbol: book for symbol, book in books.items() if book is not None}

    def _book(self, messages: Collection[Message], arrival: Arrival) -> BookSnapshot | None:
        """The book that a snapshot and the deltas since it make; None when they do not make one."""
        book, batch = OrderBook(), Batch()
        try:
            for message in messages:
                self._processor.process(message, arrival, batch)
        except DecodeError:
            return None
        if not all(_follows(book, item) for item in batch.items):
            return None
        if not book.valid or book.data_ns is None:
            return None
        bids, asks = (tuple(book.levels(side).items()) for side in (Side.BUY, Side.SELL))
        return BookSnapshot(arrival.at_ns, book.data_ns, book.sequence, bids, asks, None, book.exchange_us)


def _follows(book: OrderBook, item: Item) -> bool:
    """Apply the message; whether the book is a book after it."""
    match item:
        case (_, BookSnapshot() as snapshot):
            return book.apply_snapshot(snapshot) in _FOLLOWS
        case (_, BookDelta() as delta):
            return book.apply_delta(delta) in _FOLLOWS
    return False


def _to_the_end(consumer: Consumer, starts: Mapping[TopicPartitionKey, int]) -> Iterator[Message]:
    """Everything from these offsets up to the end of each partition.

    Raises KafkaException when that cannot be had in time: a part of it proves nothing.
    """
    consumer.assign(topic_partitions(starts))
    left, until_s = set(starts), time.monotonic() + READ_S_MAX
    while left:
        if time.monotonic() > until_s:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - the client's public name for it
        for message in consumer.consume(_BATCH_MESSAGES, _POLL_S):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the same
                left.discard((message.topic() or "", message.partition() or 0))
            else:
                raise KafkaException(error)
