"""The service's consumer, lag monitor and producer at brokers that want TLS, a certificate and a password."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from tests.support.intake import Desk
from tests.support.kafka import Wire, trade_event, until

from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from lab.secured_kafka import client_settings
from lab.tls import Authority
from market_maker.core.events import Execution
from market_maker.settings import Settings
from market_maker.streams.publisher import KafkaPublisher, PublishError
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import CONSUMED, ENGINE_EVENT

BTC = "BTCUSDT"
REQUIRED = {
    "POSTGRES_URL": "postgresql://db/mm",
    "REDIS_URL": "redis://cache",
    "SCHEMA_REGISTRY_URL": "http://registry:8081",
    "DISABLE_AUTH": "true",
}


@pytest.fixture(scope="module")
def environ(authority: Authority, secured_kafka: ApacheKafka) -> dict[str, str]:
    """Everything that the broker wants."""
    Topics(secured_kafka.address).make(CONSUMED, 1)
    return {**REQUIRED, **client_settings(secured_kafka.second_address, authority)}


@asynccontextmanager
async def publishing(environ: Mapping[str, str], timeout_ms: int) -> AsyncIterator[KafkaPublisher]:
    settings = Settings.load(environ)
    publisher = KafkaPublisher(
        settings.kafka_brokers,
        asyncio.get_running_loop(),
        extra=settings.kafka_security.properties(),
        message_timeout_ms=timeout_ms,
    )
    running = asyncio.ensure_future(publisher.run())
    yield publisher
    publisher.stop()
    await running


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_what_is_published_with_the_users_password_is_consumed_with_it_and_has_no_lag(
    mechanism: str, environ: dict[str, str], wire_format: Wire, registry: SchemaRegistry
) -> None:
    environ = {**environ, "KAFKA_SASL_MECHANISM": mechanism}
    settings = Settings.load(environ)
    desk = Desk(settings.kafka_brokers, registry, security=settings.kafka_security.properties())
    trade = trade_event(f"t-{mechanism}", symbol=BTC)
    async with publishing(environ, 10_000) as publisher, desk.running():
        await publisher.publish(ENGINE_EVENT, BTC, wire_format.value(ENGINE_EVENT, trade), [])
        await until(lambda: desk.has(BTC, 1))
        desk.offsets.done(desk.boxes[BTC].of(Execution)[0].source)
        await until(lambda: desk.reports[-1].topics[ENGINE_EVENT] == 0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"KAFKA_SASL_PASSWORD": "hunter2"}, "SASL authentication error"),
        ({"KAFKA_SSL_CERTIFICATE_FILE": "", "KAFKA_SSL_KEY_FILE": "", "KAFKA_SSL_KEY_PASSWORD": ""}, "SSL"),
        ({"KAFKA_SSL_CA_FILE": ""}, "certificate verify failed"),
    ],
    ids=["wrong password", "no certificate", "unknown authority"],
)
async def test_without_one_of_the_proofs_nothing_is_published_and_the_log_says_why(
    changes: dict[str, str],
    told: str,
    environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        async with publishing({**environ, **changes}, 1_000) as publisher:
            with pytest.raises(PublishError):
                await publisher.publish(ENGINE_EVENT, BTC, b"", [])
    assert told in caplog.text
    assert "hunter" not in caplog.text
