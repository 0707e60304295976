import asyncio
import json
import socket
from collections.abc import Callable

import pytest
from tests.support.kafka import RegistryServer

from market_maker.streams.avro_codec import AvroEncoder
from market_maker.streams.errors import EncodeError, RegistryAwayError, RegistryError
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import PUBLISHED, RISK_TRIGGERED, STATE_CHANGED
from tradex_contracts import avro_schema, subject


def test_a_schema_is_asked_for_once(registry: SchemaRegistry, registry_server: RegistryServer) -> None:
    number = registry_server.register(STATE_CHANGED)
    assert registry.schema(number)["name"] == "StateChanged"
    asked = registry_server.requests
    assert registry.schema(number)["name"] == "StateChanged"
    assert registry_server.requests == asked


def test_an_unknown_id_is_not_asked_again_before_the_pause_is_over(registry_server: RegistryServer) -> None:
    now = [0.0]
    registry = SchemaRegistry(registry_server.url, retry_pause_s=2.0, clock=lambda: now[0])
    for _ in range(3):
        with pytest.raises(RegistryError, match="schema 99") as unknown:
            registry.schema(99)
        assert not isinstance(unknown.value, RegistryAwayError)
    assert registry_server.requests == 1
    now[0] = 2.5
    with pytest.raises(RegistryError, match="schema 99"):
        registry.schema(99)
    assert registry_server.requests == 2
    registry.close()


def test_a_registry_that_recovers_is_used_again(registry_server: RegistryServer) -> None:
    now = [0.0]
    registry = SchemaRegistry(registry_server.url, clock=lambda: now[0])
    number = registry_server.register(STATE_CHANGED)
    registry_server.down = True
    for _ in range(2):
        with pytest.raises(RegistryAwayError, match="the registry is down"):
            registry.schema(number)
    registry_server.down = False
    now[0] = 10.0
    assert registry.schema(number)["name"] == "StateChanged"
    registry.close()


def test_a_registry_that_does_not_listen_is_a_registry_error() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        registry = SchemaRegistry(f"http://127.0.0.1:{reserved.getsockname()[1]}", timeout_s=0.5)
        with pytest.raises(RegistryAwayError, match=r"schema 1: registry http://127\.0\.0\.1"):
            registry.schema(1)
        with pytest.raises(RegistryError, match=r"subject mm\.state\.changed\.v1-value"):
            registry.register(STATE_CHANGED)
        registry.close()


def test_no_error_tells_the_password_of_the_registry() -> None:
    registry = SchemaRegistry("http://mm:hunter2@127.0.0.1:1", timeout_s=0.5)
    with pytest.raises(RegistryError) as asked:
        registry.schema(1)
    with pytest.raises(RegistryError) as registering:
        registry.register(STATE_CHANGED)
    for error in (asked.value, registering.value):
        assert "127.0.0.1:1" in str(error)
        assert "hunter2" not in str(error)
    registry.close()


@pytest.mark.parametrize(
    "answer", [b"not json", b"[]", b"{}", b'{"schema": "\\"string\\""}', b'{"schema": "{"}']
)
async def test_a_garbled_answer_is_a_registry_error(
    answer: bytes, unused_tcp_port_factory: Callable[[], int]
) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + answer)
        await writer.drain()
        writer.close()

    port = unused_tcp_port_factory()
    async with await asyncio.start_server(reply, "127.0.0.1", port):
        registry = SchemaRegistry(f"http://127.0.0.1:{port}")
        with pytest.raises(RegistryError, match="schema 5"):
            await asyncio.to_thread(registry.schema, 5)
        registry.close()


def test_published_topics_are_registered_backward_compatible(
    registry: SchemaRegistry, registry_server: RegistryServer
) -> None:
    encoder = AvroEncoder(registry, PUBLISHED)
    encoder.register()
    for topic in PUBLISHED:
        assert registry_server.store.level(subject(topic)) == "BACKWARD"
        assert json.loads(registry_server.store.version(subject(topic), "latest").text) == avro_schema(topic)
    asked = registry_server.requests
    encoder.register()
    assert registry_server.requests == asked


def test_an_incompatible_schema_is_refused_by_name(
    registry: SchemaRegistry, registry_server: RegistryServer
) -> None:
    other = {"type": "record", "name": "StateChanged", "fields": [{"name": "event_id", "type": "bytes"}]}
    registry_server.register(STATE_CHANGED, other)
    with pytest.raises(RegistryError, match=r"subject mm\.state\.changed\.v1-value"):
        registry.register(STATE_CHANGED)


def test_what_was_registered_before_a_failure_is_kept(
    registry: SchemaRegistry, registry_server: RegistryServer
) -> None:
    registry_server.register(STATE_CHANGED, {"type": "record", "name": "X", "fields": []})
    encoder = AvroEncoder(registry, (RISK_TRIGGERED, STATE_CHANGED))
    with pytest.raises(RegistryError):
        encoder.register()
    with pytest.raises(EncodeError):
        encoder.encode(RISK_TRIGGERED, {})
    with pytest.raises(RegistryError, match="not registered yet"):
        encoder.encode(STATE_CHANGED, {})


def test_a_record_that_does_not_fit_its_schema_is_refused(registry: SchemaRegistry) -> None:
    encoder = AvroEncoder(registry, (STATE_CHANGED,))
    encoder.register()
    with pytest.raises(EncodeError, match=r"mm\.state\.changed\.v1"):
        encoder.encode(STATE_CHANGED, {"event_id": 5})
    with pytest.raises(EncodeError, match="no declared schema"):
        encoder.encode("mm.other.v1", {})
