"""Topics come into being before anybody writes: by the admin API, or by asking where asking creates them."""

import logging

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tradex_sandbox import topics

MOCK_CLUSTER_PREFIX = "mockCluster"
"""How librdkafka's built-in broker names its cluster; it has no admin API but makes topics on demand."""
ANSWER_S_MAX = 10.0

log = logging.getLogger(__name__)


class BrokerUnavailable(Exception):  # noqa: N818 - names the state that the operator has to mend
    """The broker did not answer at start."""


class TopicRefused(Exception):  # noqa: N818 - names the state that the operator has to mend
    """The broker answered, and will not create a topic."""


def ensure_topics(broker: str, partitions: int) -> None:
    """Make every topic exist, each new one with so many partitions; those that exist stay as they are.

    Raises BrokerUnavailable naming the address, TopicRefused naming the topic.
    """
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 3}, logger=log)
    try:
        metadata = admin.list_topics(timeout=ANSWER_S_MAX)
        missing = [topic for topic in topics.EVERY if topic not in metadata.topics]
        if (metadata.cluster_id or "").startswith(MOCK_CLUSTER_PREFIX):
            for topic in missing:
                admin.list_topics(topic, timeout=ANSWER_S_MAX)
        elif missing:
            _create(admin, missing, partitions)
    except KafkaException as error:
        raise BrokerUnavailable(
            f"--broker: Kafka at {broker} does not answer ({error.args[0].str()});"
            " start it or mend the address"
        ) from error


def _create(admin: AdminClient, missing: list[str], partitions: int) -> None:
    created = admin.create_topics(
        [NewTopic(topic, num_partitions=partitions) for topic in missing], request_timeout=ANSWER_S_MAX
    )
    for topic, future in created.items():
        try:
            future.result()
        except KafkaException as error:
            _require_existing(topic, error.args[0])


def _require_existing(topic: str, failure: KafkaError) -> None:
    """Somebody else may have created it since we looked."""
    if failure.code() != KafkaError.TOPIC_ALREADY_EXISTS:
        raise TopicRefused(
            f"--broker: Kafka refuses to create the topic {topic} ({failure.str()});"
            " create it by hand, or with other --partitions"
        )
