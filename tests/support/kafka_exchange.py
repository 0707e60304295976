"""A sandbox exchange on a real Apache Kafka."""

from dataclasses import dataclass

from tests.support.sandbox import SandboxServers

from lab.apache_kafka import ApacheKafka


@dataclass(frozen=True, slots=True)
class KafkaExchange(SandboxServers):
    """The sandbox and its broker."""

    broker: ApacheKafka
