"""Topics that do not fit together prevent the start, before anybody's orders are touched."""

from pathlib import Path
from uuid import uuid4

from tests.support.sandbox import SandboxServers
from tests.support.service import service_environment, service_process

from lab.kafka_topics import Topics
from market_maker.streams.topics import ENGINE_EVENT, TRADES


def test_topics_with_different_numbers_of_partitions_are_told_by_name(
    topics: Topics,
    shared_exchange: SandboxServers,
    database_url: str,
    valkey_url: str,
    service_directory: Path,
) -> None:
    topics.make([TRADES], 6)
    topics.make([ENGINE_EVENT], 3)
    environment = service_environment(shared_exchange, database_url, valkey_url, str(uuid4()))
    service = service_process({**environment, "KAFKA_BROKERS": topics.address}, service_directory)
    service.start()
    assert service.wait() == 1
    said = service.log_tail()
    assert "KAFKA_BROKERS: the consumed topics must have equally many partitions, 4" in said
    assert f"{ENGINE_EVENT} has 3, {TRADES} has 6" in said
    assert "Traceback" not in said
