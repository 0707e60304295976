"""How the Kafka consumer reaches the brokers, and what correctness needs of the client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REBALANCE_MS_MAX = 30_000
"""How long the group waits for a member that lives but does not poll, and how long librdkafka waits for its
answer to a join that a broker has lost: the default of five minutes left an instance without symbols."""
HEARTBEATS_PER_SESSION = 4
"""Two may get lost without harm."""
HEARTBEAT_MS_MAX = 200
"""A heartbeat's answer tells of a rebalance, and all wait until the last member has heard of it."""

WAKE_MS = 100
"""librdkafka looks whether a heartbeat or a join is due when something wakes it, when idle up to a second
later. Its timer for statistics, which nobody reads, wakes it."""


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How to reach the brokers and how to read.

    `extra` are further librdkafka properties (security); they cannot change what correctness needs.
    """

    bootstrap_servers: str
    group_id: str = "market-maker"
    client_id: str = "market-maker"
    fetch_wait_max_ms: int = 10
    instance_id: str | None = None
    """The member's place in the group: whoever comes with it within the session gets its partitions back, and
    a second process with it takes them from the first. None: each start is a new member."""
    session_timeout_ms: int = 6000
    """After so long without a heartbeat the group gives this consumer's partitions to others. Without
    `instance_id` a process that starts again after a crash waits for that too: the group still counts its
    dead predecessor."""
    batch_messages_max: int = 500
    commit_interval_s: float = 0.2
    revoke_timeout_s: float = 5.0
    """How long a rebalance waits for the shell to cancel and to become durable."""
    close_timeout_s: float = 1.2
    """How long `stop` waits for the broker: half for the last commit, half to leave the group."""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def member(self) -> dict[str, Any]:
        """The librdkafka configuration of the consumer that is in the group and reads nothing."""
        place = {"group.instance.id": self.instance_id} if self.instance_id is not None else {}
        heartbeat_ms = min(HEARTBEAT_MS_MAX, self.session_timeout_ms // HEARTBEATS_PER_SESSION)
        return {
            **self._common(),
            **place,
            "session.timeout.ms": self.session_timeout_ms,
            "max.poll.interval.ms": max(REBALANCE_MS_MAX, self.session_timeout_ms),
            "heartbeat.interval.ms": heartbeat_ms,
            "statistics.interval.ms": WAKE_MS,
            "partition.assignment.strategy": "cooperative-sticky",
        }

    def reader(self) -> dict[str, Any]:
        """The librdkafka configuration of the consumer that reads what it is given."""
        return {
            "fetch.wait.max.ms": self.fetch_wait_max_ms,
            "fetch.queue.backoff.ms": 2,
            "fetch.min.bytes": 1,
            **self._common(),
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
        }

    def _common(self) -> dict[str, Any]:
        return {
            "client.id": self.client_id,
            **self.extra,
            "bootstrap.servers": self.bootstrap_servers,
            "group.id": self.group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
        }
