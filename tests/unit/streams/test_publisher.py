import asyncio

import pytest
from tests.support.kafka import TRACE_ID, TopicReader, until

from market_maker.streams.avro_codec import AvroDecoder, AvroEncoder
from market_maker.streams.batch import Undecodable
from market_maker.streams.dead_letters import DeadLetters
from market_maker.streams.publisher import KafkaPublisher, PublishError
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.simulated_quotes import SimulatedQuotePublisher
from market_maker.streams.topics import QUOTE_SIMULATED

TOO_LARGE = b"x" * 1_100_000

QUOTE = {
    "symbol": "BTCUSDT",
    "quote_id": 1,
    "book_sequence": 42,
    "mid": "100.15",
    "mid_source": "book",
    "volatility_factor": "1",
    "spread": "0.10",
    "bias": "0",
    "position": "0",
    "inventory_usdt": "0",
    "levels": [
        {
            "side": "BUY",
            "level": 0,
            "raw_price": "100.1",
            "price": "100.10",
            "quantity": "0.5",
            "verdict": "quoted",
            "detail": "",
        }
    ],
}


async def test_a_message_is_published_when_the_broker_acknowledged_it(
    publisher: KafkaPublisher, kafka_broker: str
) -> None:
    await publisher.publish("publisher-test", "BTCUSDT", b"value", [("a", b"b")])
    [message] = await asyncio.to_thread(TopicReader(kafka_broker, "publisher-test").read, 1)
    assert (message.key(), message.value(), message.headers()) == (b"BTCUSDT", b"value", [("a", b"b")])


async def test_a_message_that_is_refused_is_an_error(publisher: KafkaPublisher) -> None:
    with pytest.raises(PublishError, match="publisher-test"):
        await publisher.publish("publisher-test", "BTCUSDT", TOO_LARGE, [])
    publisher.publish_later("publisher-test", None, TOO_LARGE, [])
    assert publisher.failed["publisher-test"] == 1


async def test_a_broker_that_is_not_there_is_an_error_in_time(unused_tcp_port: int) -> None:
    lost = KafkaPublisher(f"127.0.0.1:{unused_tcp_port}", asyncio.get_running_loop(), message_timeout_ms=200)
    running = asyncio.ensure_future(lost.run())
    lost.publish_later("t", None, b"", [])
    with pytest.raises(PublishError, match="timed out"):
        await lost.publish("t", "BTCUSDT", b"value", [])
    await until(lambda: lost.failed["t"] == 1)
    assert await lost.flush(0.1) == 0
    lost.stop()
    await running


async def test_a_dead_letter_is_the_message_as_it_was_and_where_it_came_from(
    publisher: KafkaPublisher, kafka_broker: str
) -> None:
    headers = (("traceparent", b"00-a-b-01"),)
    DeadLetters(publisher).send(
        Undecodable("letters.v1", 3, 17, 1, b"BTCUSDT", b"\xff", headers, None, "what is wrong", 0)
    )
    [message] = await asyncio.to_thread(TopicReader(kafka_broker, "letters.v1.dlq").read, 1)
    assert (message.key(), message.value()) == (b"BTCUSDT", b"\xff")
    assert message.headers() == [
        ("traceparent", b"00-a-b-01"),
        ("error", b"what is wrong"),
        ("original.topic", b"letters.v1"),
        ("original.partition", b"3"),
        ("original.offset", b"17"),
    ]


async def test_a_flood_of_dead_letters_is_logged_once_a_second(
    publisher: KafkaPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    letters = DeadLetters(publisher)
    for at_ns in (0, 1, 2, 1_000_000_000):
        letters.send(Undecodable("flood.v1", 0, 0, 1, None, b"", (), None, "wrong", at_ns))
    assert len([record for record in caplog.records if "cannot be used" in record.message]) == 2


async def test_a_simulated_quote_is_published_directly(
    publisher: KafkaPublisher, kafka_broker: str, registry: SchemaRegistry
) -> None:
    encoder = AvroEncoder(registry, (QUOTE_SIMULATED,))
    await asyncio.to_thread(encoder.register)
    quotes = SimulatedQuotePublisher(encoder, publisher)
    quotes.publish("BTCUSDT", QUOTE, TRACE_ID)
    [message] = await asyncio.to_thread(TopicReader(kafka_broker, QUOTE_SIMULATED).read, 1)
    record = await asyncio.to_thread(AvroDecoder(registry).read, message.value())
    assert record["data"] == QUOTE
    assert message.key() == b"BTCUSDT"
    assert quotes.dropped == 0


async def test_a_simulated_quote_that_cannot_be_published_is_counted(
    publisher: KafkaPublisher, registry: SchemaRegistry
) -> None:
    encoder = AvroEncoder(registry, (QUOTE_SIMULATED,))
    quotes = SimulatedQuotePublisher(encoder, publisher)
    quotes.publish("BTCUSDT", QUOTE)
    await asyncio.to_thread(encoder.register)
    quotes.publish("BTCUSDT", {"symbol": "BTCUSDT"})
    assert quotes.dropped == 2
