"""How the Kafka consumer reaches the brokers, and what correctness needs of the client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REBALANCE_MS_MAX = 30_000
"""How long the group waits for a member that lives but does not poll, and how long librdkafka waits for its
answer to a join that a broker has lost: the default of five minutes left an instance without symbols."""
HEARTBEATS_PER_SESSION = 4
"""Two may get lost without harm; and a heartbeat's answer is how a consumer learns of a rebalance."""


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How to reach the brokers and how to read.

    `extra` are further librdkafka properties (security); they cannot change what correctness needs.
    """

    bootstrap_servers: str
    group_id: str = "market-maker"
    client_id: str = "market-maker"
    fetch_wait_max_ms: int = 10
    session_timeout_ms: int = 6000
    """After so long without a heartbeat the group gives this consumer's partitions to others. A process
    that starts again after a crash waits for that too: the group still counts its dead predecessor."""
    batch_messages_max: int = 500
    commit_interval_s: float = 0.2
    revoke_timeout_s: float = 5.0
    """How long a rebalance waits for the shell to cancel and to become durable."""
    close_timeout_s: float = 1.2
    """How long `stop` waits for the broker: half for the last commit, half to leave the group."""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def properties(self) -> dict[str, Any]:
        """The librdkafka configuration."""
        return {
            "client.id": self.client_id,
            "fetch.wait.max.ms": self.fetch_wait_max_ms,
            "fetch.queue.backoff.ms": 2,
            "fetch.min.bytes": 1,
            **self.extra,
            "bootstrap.servers": self.bootstrap_servers,
            "group.id": self.group_id,
            "session.timeout.ms": self.session_timeout_ms,
            "max.poll.interval.ms": max(REBALANCE_MS_MAX, self.session_timeout_ms),
            "heartbeat.interval.ms": self.session_timeout_ms // HEARTBEATS_PER_SESSION,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "range",
            "auto.offset.reset": "error",
        }
