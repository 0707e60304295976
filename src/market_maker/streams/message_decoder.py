"""One poll's messages to one batch: each through the processor of its topic."""

import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, Message

from market_maker.core.events import Source
from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.batch import Arrival, Batch, Position, TopicPartitionKey, Undecodable
from market_maker.streams.engine_events import EngineEventReader
from market_maker.streams.envelope import header_pairs
from market_maker.streams.errors import DecodeError, SchemaAwayError
from market_maker.streams.instrument_processor import InstrumentProcessor
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.order_book_processor import OrderBookProcessor
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import (
    ENGINE_EVENT,
    INSTRUMENT_TOPICS,
    MARK,
    ORDER_BOOK_DELTA,
    ORDER_BOOK_SNAPSHOT,
    TRADES,
)
from market_maker.streams.trade_processor import TradeProcessor

Processor = Callable[[Message, Arrival, Batch], None]
"""Appends a message's events to the batch, or counts why it has none. DecodeError when it cannot be used."""


def make_processors(
    registry: SchemaRegistry, instruments: InstrumentTable, account_id: str
) -> dict[str, Processor]:
    """The processor of each consumed topic, for the account whose executions count."""
    decoder = AvroDecoder(registry)
    books = OrderBookProcessor(decoder, instruments).process
    trades = TradeProcessor(decoder, EngineEventReader(account_id), instruments).process
    lifecycle = InstrumentProcessor(decoder, instruments).process
    return {
        ORDER_BOOK_SNAPSHOT: books,
        ORDER_BOOK_DELTA: books,
        TRADES: trades,
        MARK: trades,
        ENGINE_EVENT: trades,
        **dict.fromkeys(INSTRUMENT_TOPICS, lifecycle),
    }


class MessageDecoder:
    """Decodes on the poll thread. Never raises for what a message contains."""

    def __init__(self, processors: Mapping[str, Processor]) -> None:
        self._processors = processors

    def decode(self, messages: Sequence[Message], arrival: Arrival) -> Batch:
        """The events of all messages, in their order; what cannot be used becomes an Undecodable.

        Engine events whose schema cannot be had while the registry is away are not given up: the batch is
        `unjudged` then.
        """
        batch = Batch()
        last: dict[TopicPartitionKey, Message] = {}
        consumed = batch.consumed
        processors = self._processors
        for message in messages:
            error = message.error()
            topic, partition = message.topic() or "", message.partition() or 0
            if error is None:
                consumed[topic] = consumed.get(topic, 0) + 1
                try:
                    processors[topic](message, arrival, batch)
                except SchemaAwayError as problem:
                    if topic == ENGINE_EVENT:
                        return Batch(unjudged=str(problem))
                    _add_undecodable(message, problem, arrival, batch)
                except DecodeError as problem:
                    _add_undecodable(message, problem, arrival, batch)
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's public name for the end
                batch.errors.append(message)
                continue
            last[topic, partition] = message
        batch.read_ns, batch.decoded_ns = arrival.at_ns, time.monotonic_ns()
        batch.positions = {key: _position(message, arrival) for key, message in last.items()}
        return batch


def _position(message: Message, arrival: Arrival) -> Position:
    """Where the partition goes on after its last message of a batch, or where its end was seen."""
    offset = message.offset() or 0
    generation = arrival.generation_of(message.topic() or "", message.partition() or 0)
    if message.error() is not None:
        return Position(offset, generation, None, arrival.at_ns)
    kind, timestamp_ms = message.timestamp()
    return Position(offset + 1, generation, timestamp_ms if kind else None, arrival.at_ns)


def _add_undecodable(message: Message, problem: DecodeError, arrival: Arrival, batch: Batch) -> None:
    topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    generation = arrival.generation_of(topic, partition)
    if topic == ENGINE_EVENT:
        batch.in_flight.append(Source(partition, offset, generation))
    batch.items.append(
        Undecodable(
            topic=topic,
            partition=partition,
            offset=offset,
            generation=generation,
            key=message.key(),
            value=message.value(),
            headers=tuple(header_pairs(message.headers())),
            symbol=problem.symbol,
            detail=f"{topic}[{partition}]@{offset}: {problem}",
            at_ns=arrival.at_ns,
        )
    )
