"""A symbol's messages stand in the same partition of every topic only if all have as many partitions."""

from collections import Counter
from collections.abc import Mapping

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from market_maker.streams.topics import CONSUMED

ASK_S_MAX = 2.0
"""For a broker's answer about topics and offsets."""


class TopicsDifferError(Exception):
    """The consumed topics have different numbers of partitions."""


def partition_counts(client: Consumer | AdminClient) -> dict[str, int]:
    """How many partitions each consumed topic has that exists. Blocks; raises KafkaException."""
    topics = client.list_topics(timeout=ASK_S_MAX).topics
    found = {name: len(topics[name].partitions) for name in CONSUMED if name in topics}
    return {name: count for name, count in found.items() if count}


def differing(counts: Mapping[str, int]) -> str:
    """Which topics have another number of partitions than most, and what to do; empty when none has.

    `counts` is the number of partitions by topic; topics that do not exist are left out.
    """
    if len(set(counts.values())) <= 1:
        return ""
    usual, _ = Counter(counts.values()).most_common(1)[0]
    others = ", ".join(f"{topic} has {count}" for topic, count in sorted(counts.items()) if count != usual)
    return (
        f"the consumed topics must have equally many partitions, {usual} like most of them: {others}; "
        "make them equal (kafka-topics --alter can only add partitions), then start again"
    )
