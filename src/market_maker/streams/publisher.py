"""Kafka out: one idempotent producer, its delivery reports polled on a thread of its own."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from market_maker.streams.client_log import ClientLog
from market_maker.streams.daemon_thread import run_in_daemon_thread

POLL_S = 0.2
MESSAGE_TIMEOUT_MS = 5000

HeaderList = list[tuple[str, str | bytes | None]]
_log = logging.getLogger(__name__)


class PublishError(Exception):
    """The broker did not acknowledge a message."""


class KafkaPublisher:
    """Produces messages keyed by symbol, to the partition that the Java client would choose.

    `run` must be running for acknowledgements to arrive. `message_timeout_ms` bounds how long a
    message is tried before it counts as failed.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        loop: asyncio.AbstractEventLoop,
        *,
        extra: Mapping[str, Any] | None = None,
        message_timeout_ms: int = MESSAGE_TIMEOUT_MS,
    ) -> None:
        self._producer = Producer(
            {
                "client.id": "market-maker",
                "linger.ms": 0,
                "message.timeout.ms": message_timeout_ms,
                **(extra or {}),
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                **ClientLog(_log).options(),
            }
        )
        self._loop = loop
        self._stopping = threading.Event()
        self.failed: Counter[str] = Counter()
        """Messages sent without waiting that the broker did not acknowledge, by topic."""

    async def run(self) -> None:
        """Poll for acknowledgements until `stop`."""
        await run_in_daemon_thread("kafka-publish", self._poll_loop, self.stop)

    def stop(self) -> None:
        """End `run`; may be called from any thread."""
        self._stopping.set()

    async def publish(self, topic: str, key: str, value: bytes, headers: HeaderList) -> None:
        """Send a message and wait for the broker's acknowledgement; PublishError without one."""
        acknowledged: asyncio.Future[None] = self._loop.create_future()

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            self._loop.call_soon_threadsafe(_settle, acknowledged, error)

        try:
            self._producer.produce(topic, value, key.encode(), headers=headers, on_delivery=on_delivery)
        except (BufferError, KafkaException) as error:
            raise PublishError(f"{topic}: {error}") from error
        await acknowledged

    def publish_later(self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList) -> None:
        """Send a message without waiting; a failure is counted in `failed` and logged."""

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._count_failure(topic, error)

        try:
            self._producer.produce(topic, value, key, headers=headers, on_delivery=on_delivery)
        except (BufferError, KafkaException) as error:
            self._count_failure(topic, error)

    async def flush(self, timeout_s: float) -> int:
        """Wait for what was sent; returns how many messages are still not acknowledged."""
        return await asyncio.to_thread(self._producer.flush, timeout_s)

    def _poll_loop(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(POLL_S)

    def _count_failure(self, topic: str, error: object) -> None:
        self.failed[topic] += 1
        _log.warning("kafka: a message for %s was not acknowledged: %s", topic, error)


def _settle(acknowledged: "asyncio.Future[None]", error: KafkaError | None) -> None:
    if acknowledged.done():
        return
    if error is None:
        acknowledged.set_result(None)
    else:
        acknowledged.set_exception(PublishError(str(error)))
