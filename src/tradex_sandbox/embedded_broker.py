"""A Kafka broker in a process of its own: librdkafka's built-in mock cluster of one broker.

    python -m tradex_sandbox.embedded_broker --ready-file PATH

It is a process so that a test can stop it (SIGSTOP, SIGCONT, kill). Nothing is stored on disk, and a
new process has another port, so a killed broker does not come back. What differs from Apache Kafka,
as measured with librdkafka 2.16:

- Topics come into being with the first metadata request or message, always with 4 partitions; the
  admin API has no controller to talk to and every call times out.
- A partition keeps at most 5 MiB or 100,000 message sets, whichever is reached first, and forgets the
  oldest beyond that. A message of 400 bytes published alone is one set: about 12,500 are kept. The
  engine's events of an hour at 3 a second fit; a reader of market data has to keep up. Each fetch walks
  through all of them, so of books only the last 2000 are kept here, where librdkafka lets itself be told.
- A fetch returns one message set per partition and never waits for data to arrive: an empty one
  answers after the client's whole `fetch.wait.max.ms`. Latency is therefore that setting (default
  500 ms; use 5), and catching up is 14,000 messages a second when each was sent alone, 230,000 when
  the producer lingered 5 ms.
- Consumer groups work (cooperative too), and committed offsets last as long as the broker. A group waits
  3 s for more members before its first assignment; here 100 ms, where librdkafka lets itself be told.
- Transactions are accepted but mean nothing: aborted messages are visible under `read_committed`.
- Idempotent producing is accepted; sequence numbers are checked for transactional producers only.
- No authentication, no TLS, no compaction, no quotas.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Producer

from tradex_sandbox.lifetime import Parent, announce
from tradex_sandbox.mock_cluster import MockCluster

DEFAULT_PARTITIONS = 4
"""Partitions of every topic; the mock cluster offers no setting for it."""
START_TIMEOUT_S = 10
PARENT_CHECK_S = 0.5
GROUP_DELAY_MS = 100
TRIM_EVERY_S = 5.0
MARKET_DATA = "md.orderbook."
MARKET_DATA_MAX = 2000
"""Messages that a partition of a book's topic keeps; old books are of no use."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a broker until SIGTERM or SIGINT; prints `{"kafka": "HOST:PORT", "pid": n}` when it listens."""
    parser = argparse.ArgumentParser(prog="tradex_sandbox.embedded_broker", description="A Kafka broker.")
    parser.add_argument(
        "--ready-file", type=Path, metavar="PATH", help="default: one line on standard output"
    )
    parser.add_argument("--exit-with-parent", action="store_true")
    options = parser.parse_args(arguments)
    endings = (signal.SIGTERM, signal.SIGINT)
    ended = threading.Event()
    for ending in endings:
        signal.signal(ending, lambda *_: ended.set())
    # Blocked while librdkafka starts its threads, which inherit the mask: they leave the signals to us.
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    parent = Parent()
    cluster = MockCluster.start(GROUP_DELAY_MS) or _plain_cluster()
    announce({"kafka": _address(cluster), "pid": os.getpid()}, options.ready_file)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, endings)
    # Not sigtimedwait: Python 3.11 returns from it with garbage when the process was frozen for longer.
    trimmed_s = time.monotonic()
    while not ended.wait(PARENT_CHECK_S):
        if options.exit_with_parent and parent.is_gone:
            break
        if isinstance(cluster, MockCluster) and time.monotonic() >= trimmed_s + TRIM_EVERY_S:
            cluster.trim(MARKET_DATA, MARKET_DATA_MAX)
            trimmed_s = time.monotonic()
    return 0


def _plain_cluster() -> Producer:
    """The mock cluster that the Python client makes."""
    return Producer({"test.mock.num.brokers": 1, "log_level": 3}, logger=logging.getLogger("embedded_broker"))


def _address(cluster: MockCluster | Producer) -> str:
    """Where the mock cluster listens: a free port of 127.0.0.1 that librdkafka chose."""
    if isinstance(cluster, MockCluster):
        return cluster.address
    broker = next(iter(cluster.list_topics(timeout=START_TIMEOUT_S).brokers.values()))
    return f"{broker.host}:{broker.port}"


if __name__ == "__main__":
    sys.exit(main())
