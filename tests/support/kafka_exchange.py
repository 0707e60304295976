"""A sandbox exchange on a real Apache Kafka."""

from dataclasses import dataclass

from tests.support.apache_kafka import ApacheKafka
from tests.support.sandbox import SandboxServers


@dataclass(frozen=True, slots=True)
class KafkaExchange(SandboxServers):
    """The sandbox and its broker."""

    broker: ApacheKafka
