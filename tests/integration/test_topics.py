"""Topics on Apache Kafka: made by the sandbox's admin client, and which partition a symbol is in."""

import asyncio
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.support.intake import Desk
from tests.support.kafka import until

from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from lab.processes import ServerProcess
from market_maker.streams.partitioner import partition_of
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import CONSUMED, PUBLISHED, dead_letter_topic
from tradex_sandbox import topics as sandbox
from tradex_sandbox.topic_creation import ensure_topics

SYMBOLS = [f"{base}USDT" for base in ("BTC", "ETH", "SOL", "X", "PEPE1000", "A" * 28)]


@pytest.fixture
def bare(kafka: ApacheKafka) -> Topics:
    """A broker without any topic."""
    topics = Topics(kafka.address)
    topics.remove(topics.names())
    return topics


def test_the_sandbox_makes_every_topic_with_its_partitions_and_leaves_those_that_exist(bare: Topics) -> None:
    bare.make(["engine.event.v1"], 7)
    ensure_topics(bare.address, 3)
    wanted = {*CONSUMED, *PUBLISHED, *map(dead_letter_topic, CONSUMED)}
    bare.await_leaders(wanted)
    assert wanted == set(sandbox.EVERY) == bare.names()
    assert {name: bare.partitions(name) for name in wanted} == dict.fromkeys(wanted, 3) | {
        "engine.event.v1": 7
    }
    ensure_topics(bare.address, 12)
    assert bare.partitions("md.trades.v1") == 3


def test_two_sandboxes_that_start_together_do_not_mind_each_other(bare: Topics) -> None:
    with ThreadPoolExecutor(4) as together:
        list(together.map(lambda _: ensure_topics(bare.address, 2), range(4)))
    bare.await_leaders(sandbox.EVERY)
    assert set(sandbox.EVERY) == bare.names()


def test_a_refusal_of_the_broker_is_one_line_that_names_the_topic_and_the_reason(
    start_kafka: Callable[..., ApacheKafka], tmp_path: Path
) -> None:
    strict = start_kafka("strict-kafka", {"default.replication.factor": "3"})
    try:
        with pytest.raises(AssertionError, match="did not start") as failure:
            ServerProcess("tradex_sandbox", "--broker", strict.address, directory=tmp_path)
    finally:
        strict.close()
    [line] = str(failure.value).splitlines()[1:]
    assert line.startswith("market-maker sandbox: --broker: Kafka refuses to create the topic md.")
    assert "replicate" in line or "replication" in line


async def test_a_consumer_that_started_before_its_topics_gets_them_when_they_are_made(
    bare: Topics, registry: SchemaRegistry
) -> None:
    desk = Desk(bare.address, registry)
    async with AsyncExitStack() as running:
        starting = asyncio.ensure_future(running.enter_async_context(desk.running()))
        await until(lambda: bool(desk.reports))
        await asyncio.to_thread(bare.make, CONSUMED, 2)
        await starting
        assert len(desk.intake.consumer.assignment.partitions) == 2 * len(CONSUMED)


# --- partitions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 4, 12, 50])
def test_the_partition_of_a_symbol_is_where_librdkafka_and_the_java_client_put_it(
    count: int, topics: Topics, jars: Path
) -> None:
    topic = f"partitions-{count}"
    topics.make([topic], count)
    by_librdkafka = Producer({"bootstrap.servers": topics.address, "partitioner": "murmur2_random"})
    for symbol in SYMBOLS:
        by_librdkafka.produce(topic, b"librdkafka", symbol.encode())
    assert by_librdkafka.flush(10) == 0
    produce_with_java(jars, topics.address, topic)
    expected = {(symbol, partition_of(symbol, count)) for symbol in SYMBOLS}
    found = messages(topics.address, topic, count)
    assert {(key, partition) for key, value, partition in found if value == "librdkafka"} == expected
    assert {(key, partition) for key, value, partition in found if value == "java"} == expected


def produce_with_java(jars: Path, address: str, topic: str) -> None:
    """One message for each symbol, by Kafka's own console producer."""
    command = [
        "java",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{jars}/*",
        "org.apache.kafka.tools.ConsoleProducer",
    ]
    command += ["--bootstrap-server", address, "--topic", topic]
    command += ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"]
    subprocess.run(
        command,
        input="".join(f"{symbol}:java\n" for symbol in SYMBOLS),
        text=True,
        capture_output=True,
        check=True,
        timeout=60,
    )


def messages(address: str, topic: str, partitions: int) -> list[tuple[str, str, int]]:
    """(key, value, partition) of everything in a topic."""
    reader = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.partition.eof": True})
    reader.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    found, ended = [], 0
    while ended < partitions:
        message = reader.poll(10)
        assert message is not None
        if message.error() is not None:
            ended += 1
        else:
            key, value = message.key() or b"", message.value() or b""
            found.append((key.decode(), value.decode(), message.partition() or 0))
    reader.close()
    return found
