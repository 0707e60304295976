import asyncio
import json
from collections.abc import Callable, Mapping

import pytest
from confluent_kafka.schema_registry import (
    RegisteredSchema,
    Schema,
    SchemaRegistryClient,
    SchemaRegistryError,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.support.sandbox_http import Servers

from tradex_contracts import avro_schema, subject
from tradex_sandbox import topics
from tradex_sandbox.avro import Encoder
from tradex_sandbox.messages import Message

# Confluent's client blocks: each test does its part on another thread, while this one serves.


def schema(*fields: Mapping[str, object]) -> Schema:
    return Schema(json.dumps({"type": "record", "name": "Thing", "fields": list(fields)}), "AVRO")


async def with_client(servers: Servers, ask: Callable[[SchemaRegistryClient], None]) -> None:
    def run() -> None:
        with SchemaRegistryClient({"url": servers.url}) as client:
            ask(client)

    await asyncio.to_thread(run)


def id_of(registered: RegisteredSchema) -> int:
    assert registered.schema_id is not None
    return registered.schema_id


SYMBOL = {"name": "symbol", "type": "string"}
REQUIRED = {"name": "venue", "type": "string"}
OPTIONAL = {"name": "venue", "type": "string", "default": ""}


async def test_confluents_client_finds_every_contract_by_subject_and_by_id(servers: Servers) -> None:
    def ask(client: SchemaRegistryClient) -> None:
        assert set(client.get_subjects()) == {subject(topic) for topic in topics.WITH_SCHEMA}
        for topic in topics.WITH_SCHEMA:
            latest = client.get_latest_version(subject(topic))
            by_id = client.get_schema(id_of(latest))
            assert json.loads(by_id.schema_str or "") == avro_schema(topic)
            assert client.get_versions(subject(topic)) == [1]
            assert client.get_version(subject(topic), 1).schema_id == latest.schema_id

    await with_client(servers, ask)


async def test_registering_again_gives_the_same_id_and_looking_up_finds_it(servers: Servers) -> None:
    def ask(client: SchemaRegistryClient) -> None:
        first = client.register_schema("things-value", schema(SYMBOL))
        with SchemaRegistryClient({"url": servers.url}) as forgetful:
            assert forgetful.register_schema("things-value", schema(SYMBOL)) == first
        assert client.register_schema("others-value", schema(SYMBOL)) == first
        assert client.get_versions("things-value") == [1]
        assert client.lookup_schema("things-value", schema(SYMBOL)).schema_id == first

    await with_client(servers, ask)


async def test_a_backward_incompatible_schema_is_refused_with_409_and_the_reason(servers: Servers) -> None:
    def ask(client: SchemaRegistryClient) -> None:
        client.register_schema("things-value", schema(SYMBOL))
        assert not client.test_compatibility("things-value", schema(SYMBOL, REQUIRED))
        with pytest.raises(SchemaRegistryError, match="venue: a new field needs a default") as refused:
            client.register_schema("things-value", schema(SYMBOL, REQUIRED))
        assert refused.value.http_status_code == 409
        assert client.test_compatibility("things-value", schema(SYMBOL, OPTIONAL))
        client.register_schema("things-value", schema(SYMBOL, OPTIONAL))
        assert client.get_latest_version("things-value").version == 2

    await with_client(servers, ask)


async def test_a_subject_may_have_its_own_compatibility_level(servers: Servers) -> None:
    def ask(client: SchemaRegistryClient) -> None:
        client.register_schema("things-value", schema(SYMBOL))
        assert client.get_compatibility() == "BACKWARD"
        client.set_compatibility("things-value", "NONE")
        assert client.get_compatibility("things-value") == "NONE"
        client.register_schema("things-value", schema(SYMBOL, REQUIRED))
        client.set_compatibility("things-value", "FULL")
        with pytest.raises(SchemaRegistryError) as refused:
            client.register_schema("things-value", schema(REQUIRED))
        assert refused.value.http_status_code == 409
        with pytest.raises(SchemaRegistryError) as invalid:
            client.set_compatibility("things-value", "SIDEWAYS")
        assert invalid.value.error_code == 42203

    await with_client(servers, ask)


async def test_what_does_not_exist_is_answered_with_the_registrys_error_codes(servers: Servers) -> None:
    def ask(client: SchemaRegistryClient) -> None:
        with pytest.raises(SchemaRegistryError) as no_subject:
            client.get_latest_version("nothing-value")
        with pytest.raises(SchemaRegistryError) as no_version:
            client.get_version(subject(topics.DELTA), 9)
        with pytest.raises(SchemaRegistryError) as no_schema:
            client.get_schema(9999)
        with pytest.raises(SchemaRegistryError) as not_avro:
            client.register_schema("things-value", Schema('{"type": "wreckord"}', "AVRO"))
        errors = [no_subject, no_version, no_schema, not_avro]
        assert [error.value.error_code for error in errors] == [40401, 40402, 40403, 42201]

    await with_client(servers, ask)


async def test_confluents_serializer_and_ours_read_each_other(servers: Servers) -> None:
    data = {
        "symbol": "BTCUSDT",
        "mark_price": "60000.5",
        "index_price": None,
        "timestamp": 1_700_000_000_000_001,
    }
    context = SerializationContext(topics.MARK, MessageField.VALUE)

    def ask(client: SchemaRegistryClient) -> None:
        schema_id = id_of(client.get_latest_version(subject(topics.MARK)))
        value, _ = Encoder({topics.MARK: schema_id}).encode(
            Message(topics.MARK, "BTCUSDT", 1_700_000_000_000_002, data)
        )
        decoded = AvroDeserializer(client)(value, context)
        assert isinstance(decoded, dict)
        assert decoded["event_type"] == topics.MARK
        assert decoded["data"]["mark_price"] == "60000.5"
        assert decoded["timestamp"].isoformat() == "2023-11-14T22:13:20.000002+00:00"
        again = AvroSerializer(client, json.dumps(avro_schema(topics.MARK)))(decoded, context)
        assert again == value

    await with_client(servers, ask)


async def test_the_registry_can_be_told_to_be_out(servers: Servers) -> None:
    fault = {"operation": "registry", "kind": "error", "status": 503, "message": "down"}
    async with servers.session.post(f"{servers.url}/sandbox/faults", json=fault) as told:
        assert told.status == 200
    async with servers.session.get(f"{servers.url}/subjects") as response:
        assert response.status == 503
        assert response.content_type == "application/vnd.schemaregistry.v1+json"
        assert await response.json(content_type=None) == {"error_code": 50001, "message": "down"}
