"""Topics of a real Kafka, by its admin API: made anew for a test, configured, and how far they reach."""

import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # most names are re-exported silently
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

ANSWER_S_MAX = 10.0
LOOK_EVERY_S = 0.05


class Topics:
    """The topics of the broker at `address`. Its methods block."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._admin = AdminClient({"bootstrap.servers": address, "log_level": 0})

    def names(self) -> set[str]:
        """The topics that exist, without Kafka's own."""
        return {name for name in self._admin.list_topics(timeout=ANSWER_S_MAX).topics if name[0] != "_"}

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return len(self._admin.list_topics(timeout=ANSWER_S_MAX).topics[topic].partitions)

    def remove(self, names: Iterable[str]) -> None:
        """Delete topics; returns once the broker, which hears of it late, no longer shows them."""
        wanted = sorted(names)
        if not wanted:
            return
        _settle(self._admin.delete_topics(wanted))
        deadline = time.monotonic() + ANSWER_S_MAX
        while left := self.names().intersection(wanted):
            assert time.monotonic() < deadline, f"{sorted(left)} are still there"
            time.sleep(LOOK_EVERY_S)

    def make(self, names: Iterable[str], partitions: int) -> None:
        """Create topics, with nothing in them even if they existed."""
        wanted = sorted(names)
        self.remove(self.names() & set(wanted))
        _settle(self._admin.create_topics([NewTopic(name, num_partitions=partitions) for name in wanted]))
        self.await_leaders(wanted)

    def await_leaders(self, names: Iterable[str]) -> None:
        """Wait until each partition answers: the controller knows a new topic before the broker does."""
        wanted = sorted(names)
        deadline = time.monotonic() + ANSWER_S_MAX
        while not self._all_answer(wanted):
            assert time.monotonic() < deadline, f"{wanted} have no leaders"
            time.sleep(LOOK_EVERY_S)

    def configure(self, topic: str, **settings: str) -> None:
        """Change a topic's settings; a dot in a name is written as two underscores."""
        entries = [
            ConfigEntry(name.replace("__", "."), value, incremental_operation=AlterConfigOpType.SET)
            for name, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        _settle(self._admin.incremental_alter_configs([resource]))

    def reach(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is still there, and the one that the next message gets."""
        reader = Consumer({"bootstrap.servers": self.address, "group.id": "reach", "log_level": 0})
        try:
            first, end = reader.get_watermark_offsets(TopicPartition(topic, partition), ANSWER_S_MAX)
        finally:
            reader.close()
        return int(first), int(end)

    def retain_nothing(self, topic: str, partition: int) -> None:
        """Let the broker's own retention remove every message that is there now."""
        self.configure(topic, retention__ms="1")
        deadline = time.monotonic() + ANSWER_S_MAX
        while True:
            first, end = self.reach(topic, partition)
            if first == end:
                break
            assert time.monotonic() < deadline, f"{topic}[{partition}] still has {first}..{end}"
            time.sleep(LOOK_EVERY_S)
        self.configure(topic, retention__ms="604800000")

    def _all_answer(self, names: list[str]) -> bool:
        topics = self._admin.list_topics(timeout=ANSWER_S_MAX).topics
        if not set(names) <= topics.keys():
            return False
        asked = {
            TopicPartition(name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]  # its annotation is missing
            for name in names
            for number in topics[name].partitions
        }
        answers = self._admin.list_offsets(asked, request_timeout=ANSWER_S_MAX)
        return all(answer.exception() is None for answer in answers.values())


def _settle(futures: dict[Any, "Future[None]"]) -> None:
    for what, future in futures.items():
        try:
            future.result(ANSWER_S_MAX)
        except KafkaException as error:
            failure: KafkaError = error.args[0]
            raise AssertionError(f"{what}: {failure.str()}") from error
