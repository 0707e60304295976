import socket

import pytest
from tests.support.kafka import RegistryServer

from tradex_contracts import avro_schema, subject
from tradex_sandbox.external_registry import RegistryUnavailable, register_at
from tradex_sandbox.topics import FILLED


def test_every_schema_of_what_is_published_gets_the_other_registrys_id(
    registry_server: RegistryServer,
) -> None:
    ids = register_at(f"{registry_server.url}/", FILLED)
    assert set(ids) == set(FILLED)
    for topic, number in ids.items():
        assert registry_server.store.version(subject(topic), "latest").schema_id == number
    assert register_at(registry_server.url, FILLED) == ids, "again changes nothing"


def test_a_registry_that_refuses_or_is_away_is_named_with_the_option(registry_server: RegistryServer) -> None:
    topic = FILLED[0]
    registry_server.register(topic, {**avro_schema(topic), "fields": []})
    registry_server.store.set_level("FULL", subject(topic))
    with pytest.raises(RegistryUnavailable, match=rf"--registry: http://.* refuses {subject(topic)}: "):
        register_at(registry_server.url, [topic])
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(RegistryUnavailable, match=f"--registry: {url} does not answer"):
            register_at(url, [topic])
