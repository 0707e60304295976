"""The service's registry client and codec against Apicurio Registry, which speaks Confluent's protocol."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from tests.support.kafka import envelope, trade_event, wire

from lab.apicurio import Apicurio
from lab.maven import NoJavaServerError, registry_folder
from market_maker.streams.avro_codec import AvroDecoder, AvroEncoder
from market_maker.streams.errors import RegistryError
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT, PUBLISHED, STATE_CHANGED
from tradex_contracts import avro_schema, subject


@pytest.fixture(scope="module")
def apicurio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    try:
        folder = registry_folder()
    except NoJavaServerError as error:
        pytest.skip(str(error))
    server = Apicurio(folder, tmp_path_factory.mktemp("registry"))
    yield server
    server.close()


@pytest.fixture
def client(apicurio: Apicurio) -> Iterator[SchemaRegistry]:
    made = SchemaRegistry(apicurio.url, timeout_s=10)  # its first answers take a second
    yield made
    made.close()


def state_changed(**changes: Any) -> dict[str, Any]:
    data = {"symbol": "BTCUSDT", "from": "PAUSED", "to": "ACTIVE", "reason": "test", "actor": "test"}
    return envelope(STATE_CHANGED, {**data, **changes})


def test_every_schema_is_taken_and_registering_again_changes_nothing(client: SchemaRegistry) -> None:
    ids = {topic: client.register(topic) for topic in (*CONSUMED, *PUBLISHED)}
    assert {topic: client.register(topic) for topic in ids} == ids
    for topic, number in ids.items():
        assert client.schema(number) == json.loads(json.dumps(avro_schema(topic)))


def test_what_one_service_writes_another_reads(client: SchemaRegistry, apicurio: Apicurio) -> None:
    encoder = AvroEncoder(client, PUBLISHED)
    encoder.register()
    value = encoder.encode(STATE_CHANGED, state_changed())
    other = SchemaRegistry(apicurio.url, timeout_s=10)
    assert AvroDecoder(other).read(value)["data"] == state_changed()["data"]
    other.close()


def test_an_engine_event_of_another_writer_is_read_by_the_id_in_it(client: SchemaRegistry) -> None:
    number = client.register(ENGINE_EVENT)
    value = wire(number, avro_schema(ENGINE_EVENT), envelope(ENGINE_EVENT, trade_event("t1")))
    assert AvroDecoder(client).read(value)["data"]["trade"]["trade_id"] == "t1"


def test_a_schema_that_old_readers_could_not_follow_is_refused(
    client: SchemaRegistry, apicurio: Apicurio
) -> None:
    client.register(STATE_CHANGED)
    changed = json.loads(json.dumps(avro_schema(STATE_CHANGED)))
    changed["fields"].append({"name": "without_a_default", "type": "string"})
    with (
        closing(SchemaRegistryClient({"url": apicurio.url, "max.retries": 0})) as writer,
        pytest.raises(SchemaRegistryError) as refused,
    ):
        writer.register_schema(subject(STATE_CHANGED), Schema(json.dumps(changed), "AVRO"))
    assert refused.value.http_status_code == 409


def test_an_unknown_id_is_a_registry_error(client: SchemaRegistry) -> None:
    with pytest.raises(RegistryError, match="schema 4711"):
        client.schema(4711)
