"""Kafka message to applied book on one core: Apache Kafka's client, decoding, the router and a book.

The messages are there before the clock starts. This process may use one core only, the broker the others.
Beside the rate stands how many a second of this process' CPU pays for, all of the client's threads included:
on a machine that does other things it is the one that can be compared.
"""

import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from benchmarks.bench_decode import LocalRegistry, encoded, instruments, levels
from benchmarks.report import Row
from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from lab.maven import NoJavaServerError, kafka_jars
from market_maker.core.book.order_book import OrderBook
from market_maker.core.events import BookDelta, BookSnapshot, Event
from market_maker.streams.batch import Arrival, Undecodable
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.message_decoder import MessageDecoder, make_processors
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.router import Destinations, KafkaRouter
from market_maker.streams.topics import ORDER_BOOK_DELTA

SYMBOL = "BTCUSDT"
MESSAGES = 100_000
DIFFERENT = 5_000
PER_SECOND_MIN = 60_000.0
POLL_S = 10.0


@dataclass(slots=True)
class BookSink:
    """Applies what the router delivers."""

    book: OrderBook

    def deliver(self, event: Event) -> bool:
        """Apply a delta."""
        assert isinstance(event, BookDelta)
        self.book.apply_delta(event)
        return True


class NoLetters:
    """There are none."""

    def send(self, message: Undecodable) -> None:
        """Never."""
        raise AssertionError(message)


def rows() -> list[Row]:
    """The two rates; none without Java."""
    try:
        jars = kafka_jars()
    except NoJavaServerError as error:
        return [Row(f"Kafka message to book: not measured, {error}", 0, "/s")]
    with tempfile.TemporaryDirectory() as directory:
        kafka = ApacheKafka(jars, Path(directory))
        kafka.start()
        try:
            Topics(kafka.address).make([ORDER_BOOK_DELTA], 1)
            _produce(kafka.address)
            wall_s, cpu_s = _consume(kafka.address)
        finally:
            kafka.close()
    return [
        Row("Kafka message to applied book", MESSAGES / wall_s, "/s", PER_SECOND_MIN, at_least=True),
        Row("the same by this process' CPU", MESSAGES / cpu_s, "/s", PER_SECOND_MIN, at_least=True),
    ]


def _produce(address: str) -> None:
    """Deltas of one symbol, each on the one before; what they change repeats."""
    noise = random.Random(7)
    sides = [
        (levels(noise, noise.choice((1, 1, 1, 2, 2))), levels(noise, noise.choice((0, 1, 1, 2, 2)), 61_300))
        for _ in range(DIFFERENT)
    ]
    producer = Producer(
        {"bootstrap.servers": address, "linger.ms": 5, "queue.buffering.max.messages": MESSAGES}
    )
    for number in range(MESSAGES):
        bids, asks = sides[number % DIFFERENT]
        data = {"symbol": SYMBOL, "prev_sequence": number, "sequence": number + 1, "bids": bids, "asks": asks}
        producer.produce(ORDER_BOOK_DELTA, encoded(ORDER_BOOK_DELTA, data), SYMBOL)
    left = producer.flush(60)
    assert left == 0, f"{left} messages were not written"


def _consume(address: str) -> tuple[float, float]:
    """Seconds on the clock and of CPU from the first message to the last."""
    book = OrderBook()
    book.apply_snapshot(BookSnapshot(0, 0, 0, ((6_090_000, 1),), ((6_160_000, 1),)))
    decoder = MessageDecoder(make_processors(LocalRegistry(), instruments(), "no account"))
    to = Destinations({SYMBOL: BookSink(book)}, NoLetters(), _stray)
    router = KafkaRouter(to, OffsetTracker(), lambda _: 1)
    options = ConsumerOptions(address)
    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everything)})
    consumer = Consumer(options.reader())
    try:
        consumer.assign([TopicPartition(ORDER_BOOK_DELTA, 0, 0)])
        first = consumer.poll(POLL_S)
        began, cpu = time.perf_counter(), time.process_time()
        while first is not None and book.deltas < MESSAGES:
            messages = [first, *consumer.consume(options.batch_messages_max - 1, 0)]
            router.dispatch(decoder.decode(messages, Arrival.now()))
            first = consumer.poll(POLL_S)
        took = time.perf_counter() - began, time.process_time() - cpu
    finally:
        consumer.close()
        os.sched_setaffinity(0, everything)
    assert book.valid, book.invalid_reason
    if book.deltas < MESSAGES:
        raise KafkaException(f"only {book.deltas} of {MESSAGES} messages came")
    return took


def _stray(symbol: str, event: Event) -> None:
    raise AssertionError((symbol, event))
