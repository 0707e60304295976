import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import fastavro
import grpc
import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.support.sandbox import SandboxClient, SandboxServers, new_order

from lab.processes import ServerProcess
from tradex_contracts import avro_schema, metadata_pb2
from tradex_contracts.metadata_pb2_grpc import MetadataServiceStub
from tradex_sandbox import topic_creation, topics
from tradex_sandbox.__main__ import main
from tradex_sandbox.embedded_broker import DEFAULT_PARTITIONS, PARENT_CHECK_S

READ_TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One broker for the tests that leave it as it was."""
    process = ServerProcess("tradex_sandbox.embedded_broker", directory=tmp_path_factory.mktemp("broker"))
    yield process
    process.close()


@pytest.fixture(scope="module")
def moving(broker: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServers]:
    """One exchange with two moving markets for the tests that only look or trade."""
    address = broker.ready["kafka"]
    process = ServerProcess(
        "tradex_sandbox", "--broker", address, directory=tmp_path_factory.mktemp("sandbox")
    )
    yield SandboxServers(process, address, process.ready["control"], process.ready["metadata"])
    process.close()


@pytest.fixture
async def client(moving: SandboxServers) -> AsyncIterator[SandboxClient]:
    async with aiohttp.ClientSession() as session:
        yield SandboxClient(session, moving)


@pytest.fixture
def consumer(broker: ServerProcess) -> Iterator[Consumer]:
    consumer = reader_of(broker)
    yield consumer
    consumer.close()


def reader_of(broker: ServerProcess) -> Consumer:
    """A reader of every topic from its beginning."""
    return Consumer(
        {
            "bootstrap.servers": broker.ready["kafka"],
            "group.id": "test",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 5,
            "log_level": 2,
        }
    )


def read_until(consumer: Consumer, done: Callable[[str, Any], bool]) -> list[tuple[str, Any]]:
    """Messages of all topics, decoded, from the beginning until `done` says so of one."""
    partitions = range(DEFAULT_PARTITIONS)
    consumer.assign([TopicPartition(topic, number, 0) for topic in topics.FILLED for number in partitions])
    found: list[tuple[str, Any]] = []
    deadline = time.monotonic() + READ_TIMEOUT_S
    while time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None:
            continue
        assert message.error() is None, message.error()
        topic, value = message.topic(), message.value()
        assert topic is not None
        assert value is not None
        assert message.key() in (b"BTCUSDT", b"ETHUSDT")
        envelope: Any = fastavro.schemaless_reader(BytesIO(value[5:]), avro_schema(topic), None)
        found.append((topic, envelope["data"]))
        if done(topic, envelope["data"]):
            return found
    raise AssertionError(f"not seen within {READ_TIMEOUT_S} s among {len(found)} messages")


async def test_a_market_moves_on_kafka_and_every_delta_follows_the_one_before(
    client: SandboxClient, consumer: Consumer
) -> None:
    symbols = {"BTCUSDT", "ETHUSDT"}
    awaited = {
        (topic, s) for topic in (topics.INSTRUMENT_CREATED, topics.SNAPSHOT, topics.DELTA) for s in symbols
    }

    def all_moved(topic: str, data: Any) -> bool:
        if topic != topics.DELTA or data["sequence"] >= 20:
            awaited.discard((topic, data["symbol"]))
        return not awaited

    found = await asyncio.to_thread(read_until, consumer, all_moved)
    for symbol in symbols:
        deltas = [data for topic, data in found if topic == topics.DELTA and data["symbol"] == symbol]
        assert [data["prev_sequence"] for data in deltas] == list(range(1, len(deltas) + 1))
    first = next(data for topic, data in found if topic == topics.SNAPSHOT and data["symbol"] == "BTCUSDT")
    top = (await client.tops("BTCUSDT", 1))["1"]
    assert (first["bids"][0]["price"], first["asks"][0]["price"]) == (top["best_bid"], top["best_ask"])


async def test_an_order_is_on_kafka_in_the_order_of_what_happened_to_it(
    client: SandboxClient, consumer: Consumer
) -> None:
    order = new_order("ETHUSDT", "buy", "1500.00", "0.01")
    entered = await client.ask("POST", "/v1/orders", order)
    await client.ask("DELETE", f"/v1/orders/{entered['order_id']}")
    found = await asyncio.to_thread(
        read_until, consumer, lambda _, data: data.get("kind") == "ORDER_CANCELED"
    )
    told = [
        data for topic, data in found if topic == topics.ENGINE and data["order_id"] == entered["order_id"]
    ]
    assert [data["kind"] for data in told] == ["ORDER_ACCEPTED", "ORDER_CANCELED"]
    assert told[0]["sequence"] < told[1]["sequence"]


async def test_every_topic_of_tradex_exists_before_anyone_asks(
    client: SandboxClient, consumer: Consumer
) -> None:
    found = await asyncio.to_thread(consumer.list_topics, timeout=5)
    sizes = {name: len(topic.partitions) for name, topic in found.topics.items()}
    assert sizes == dict.fromkeys(topics.EVERY, DEFAULT_PARTITIONS)


async def test_metadata_is_served_beside_the_orders(moving: SandboxServers) -> None:
    async with grpc.aio.insecure_channel(moving.metadata) as channel:
        stub = MetadataServiceStub(channel)  # type: ignore[no-untyped-call] # generated
        answer = await stub.ListInstruments(metadata_pb2.ListInstrumentsRequest())
    assert [instrument.symbol for instrument in answer.instruments] == ["BTCUSDT", "ETHUSDT"]


async def test_a_paused_market_repeats_its_book_and_moves_when_told(
    start_sandbox: Callable[..., SandboxServers], embedded_broker: ServerProcess
) -> None:
    servers = start_sandbox("--symbols", "BTCUSDT", "--start-paused", "--snapshot-interval", "0.05")
    consumer = reader_of(embedded_broker)
    snapshots = 0

    def third_snapshot(topic: str, _data: Any) -> bool:
        nonlocal snapshots
        snapshots += topic == topics.SNAPSHOT
        return snapshots == 3

    found = await asyncio.to_thread(read_until, consumer, third_snapshot)
    assert {data["sequence"] for topic, data in found if topic == topics.SNAPSHOT} == {1}
    assert not [topic for topic, _ in found if topic == topics.DELTA]
    async with aiohttp.ClientSession() as session:
        await SandboxClient(session, servers).start()
    await asyncio.to_thread(read_until, consumer, lambda topic, _: topic == topics.DELTA)
    consumer.close()


async def test_orders_are_answered_while_the_broker_is_frozen_and_told_when_it_is_back(
    sandbox: SandboxClient, embedded_broker: ServerProcess
) -> None:
    embedded_broker.freeze()
    order = new_order("BTCUSDT", "buy", "30000.00", "0.001")
    entered = await sandbox.ask("POST", "/v1/orders", order)
    embedded_broker.thaw()
    consumer = reader_of(embedded_broker)
    await asyncio.to_thread(read_until, consumer, lambda _, data: data.get("order_id") == entered["order_id"])
    consumer.close()


def test_sigterm_and_a_told_stop_end_the_process_cleanly(
    start_sandbox: Callable[..., SandboxServers], embedded_broker: ServerProcess
) -> None:
    servers = start_sandbox("--symbols", "BTCUSDT")
    assert servers.process.terminate() == 0
    assert servers.process.log.read_text("utf-8") == ""
    embedded_broker.process.send_signal(signal.SIGINT)
    assert embedded_broker.process.wait(10) == 0


def test_a_sandbox_ends_with_the_process_that_started_it(broker: ServerProcess) -> None:
    starter = (
        "import subprocess, sys; child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE);"
        " line = child.stdout.readline(); sys.stdout.buffer.write(line)"
    )
    arguments = ["-m", "tradex_sandbox", "--broker", broker.ready["kafka"], "--exit-with-parent"]
    done = subprocess.run(
        [sys.executable, "-c", starter, sys.executable, *arguments],
        capture_output=True,
        check=True,
        text=True,
    )
    port = int(done.stdout.split('"http": ')[1].split(",")[0])
    deadline = time.monotonic() + READ_TIMEOUT_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"port {port} still listens after the parent's end")


@pytest.mark.parametrize("option", ["--http-port", "--grpc-port"])
def test_a_port_in_use_is_one_clear_error(
    broker: ServerProcess, option: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--broker", broker.ready["kafka"], option, str(port)]) == 1
    problem = (
        f"{option}: cannot listen on 127.0.0.1:{port} (Address already in use); choose another port, or 0"
    )
    assert capfd.readouterr() == ("", f"market-maker sandbox: {problem}\n")


def test_a_wrong_option_ends_with_2_and_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--broker", "nowhere"]) == 2
    assert capfd.readouterr().err == (
        "market-maker sandbox: --broker: 'nowhere' is not HOST:PORT, for example 127.0.0.1:9092\n"
    )


def test_an_instrument_that_no_market_lists_ends_with_2(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--broker", "127.0.0.1:1", "--instrument", "SOLUSDT:0.01:0.01:5"]) == 2
    assert capfd.readouterr().err.startswith("market-maker sandbox: --instrument: SOLUSDT is not listed")


def test_a_broken_capture_ends_with_2_and_names_the_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "broken.gz"
    capture.write_bytes(b"not gzip")
    assert main(["--broker", "127.0.0.1:1", "--capture", str(capture)]) == 2
    errors = capfd.readouterr().err
    assert errors.startswith(f"market-maker sandbox: --capture: {capture}, line 1: not a sound gzip file")
    assert errors.count("\n") == 1


def test_a_broker_that_does_not_answer_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(topic_creation, "ANSWER_S_MAX", 0.2)
    assert main(["--broker", "127.0.0.1:1"]) == 1
    assert "--broker: Kafka at 127.0.0.1:1 does not answer" in capfd.readouterr().err


def test_a_broker_that_was_frozen_for_longer_than_its_own_pulse_goes_on(
    embedded_broker: ServerProcess,
) -> None:
    embedded_broker.freeze()
    with pytest.raises(subprocess.TimeoutExpired):
        embedded_broker.process.wait(1.5 * PARENT_CHECK_S)
    embedded_broker.thaw()
    with pytest.raises(subprocess.TimeoutExpired):
        embedded_broker.process.wait(1.5 * PARENT_CHECK_S)
    embedded_broker.process.send_signal(signal.SIGINT)
    assert embedded_broker.process.wait(10) == 0
