"""On real Apache Kafka (`make test-integration`): tests at once, each process with brokers of its own."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.support.apache_intake import MakeDesk
from tests.support.deployment import stages
from tests.support.image_root import ImageRoot, NoNamespacesError
from tests.support.intake import Desk, Exchange
from tests.support.kafka import Wire
from tests.support.kafka_exchange import KafkaExchange
from tests.support.one_by_one import OneByOne
from xdist.remote import Producer

from lab.apache_kafka import ApacheKafka
from lab.kafka_topics import Topics
from lab.maven import NoJavaServerError, kafka_jars
from lab.processes import ServerProcess
from lab.secured_kafka import LISTENER, let_in, secured
from lab.tls import Authority
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import CONSUMED, PUBLISHED

PARTITIONS = 4
TOGETHER = {
    "a broker": ("test_intake.py", "test_intake_group.py", "test_lag.py", "test_relay.py", "test_topics.py"),
    "an image": ("test_image.py", "test_compose.py"),
    "a recorded market": ("test_fleet_loss.py",),
    "a secured broker": ("test_security.py", "test_secured_service.py"),
    "a registry": ("test_registry.py",),
    "hftbacktest": ("test_hftbacktest.py",),
}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneByOne:
    """Instead of the one that `--dist` names."""
    return OneByOne(config, log, TOGETHER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands in this folder is an integration test."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("integration")


@pytest.fixture(scope="session")
def jars() -> Path:
    """Apache Kafka's jars; without Java or Maven the test is skipped and says so."""
    try:
        return kafka_jars()
    except NoJavaServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def start_kafka(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ApacheKafka]]:
    """Start a broker: `start_kafka("name", {"broker.property": "value"})`."""
    started: list[ApacheKafka] = []

    def start(name: str, settings: Mapping[str, str] | None = None, listener: str = "") -> ApacheKafka:
        broker = ApacheKafka(jars, tmp_path_factory.mktemp(name), settings, listener)
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in started:
        broker.close()


@pytest.fixture(scope="session")
def kafka(start_kafka: Callable[..., ApacheKafka]) -> ApacheKafka:
    """The broker of the tests that need no exchange; one that stops it starts it again."""
    return start_kafka("kafka")


@pytest.fixture
def topics(kafka: ApacheKafka) -> Topics:
    """All topics of the service, empty, with PARTITIONS each."""
    made = Topics(kafka.address)
    made.make((*CONSUMED, *PUBLISHED), PARTITIONS)
    return made


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for every server that speaks TLS, and for the service."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def secured_kafka(
    authority: Authority, start_kafka: Callable[..., ApacheKafka], tmp_path_factory: pytest.TempPathFactory
) -> ApacheKafka:
    """A broker that has a secured listener too, at its second address, and knows the service's user."""
    broker = start_kafka("secured", secured(authority, tmp_path_factory.mktemp("store")), LISTENER)
    let_in(broker.address)
    return broker


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageRoot]:
    """What the Dockerfile builds; skipped where no root directory of our own can be made."""
    try:
        root = ImageRoot(tmp_path_factory.mktemp("image"))
    except NoNamespacesError as error:
        pytest.skip(str(error))
    for stage in stages():
        root.build(stage)
    yield root
    shutil.rmtree(root.path)


@pytest.fixture(scope="session")
def exchange_kafka(start_kafka: Callable[..., ApacheKafka]) -> ApacheKafka:
    """The broker of the whole exchange; a test that stops it starts it again."""
    return start_kafka("exchange-kafka")


@pytest.fixture(scope="session")
def shared_exchange(exchange_kafka: ApacheKafka, service_directory: Path) -> Iterator[KafkaExchange]:
    """Simulated BTCUSDT, ETHUSDT, SOLUSDT and BNBUSDT on Apache Kafka, where no topic was made before."""
    address = exchange_kafka.address
    arguments = ("--symbols", "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT", "--seed", "7", "--snapshot-interval", "1")
    process = ServerProcess("tradex_sandbox", "--broker", address, *arguments, directory=service_directory)
    Topics(address).await_leaders((*CONSUMED, *PUBLISHED))
    yield KafkaExchange(process, address, process.ready["control"], process.ready["metadata"], exchange_kafka)
    process.close()


@pytest.fixture
def exchange(topics: Topics, wire_format: Wire) -> Iterator[Exchange]:
    made = Exchange(topics.address, wire_format)
    yield made
    made.close()


@pytest.fixture
def make_desk(exchange: Exchange, registry: SchemaRegistry) -> MakeDesk:
    return lambda listener=None, **options: Desk(exchange.broker, registry, listener, **options)
