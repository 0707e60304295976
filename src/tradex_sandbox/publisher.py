"""Messages to Kafka: in order per symbol, without ever waiting for the broker."""

import logging
import time
from collections import deque
from collections.abc import Iterable

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as KafkaMessage

from tradex_sandbox.avro import Encoder
from tradex_sandbox.messages import Message

FLUSH_STEP_S = 0.1
TRACE_EVERY = 100
"""One message in so many begins a sampled trace by itself; the others leave it to the consumer."""

Headers = list[tuple[str, str | bytes | None]]

log = logging.getLogger(__name__)


class Publisher:
    """One producer for all topics.

    Messages wait in `backlog` while librdkafka's queue of `queue_messages_max` is full (the broker is
    away for long), so that none is lost and none overtakes another.
    """

    def __init__(self, broker: str, encoder: Encoder, queue_messages_max: int = 100_000) -> None:
        self._encoder = encoder
        self._backlog: deque[Message] = deque()
        self._count = 0
        self.failures = 0
        """Messages that librdkafka gave up."""
        self._producer = Producer(
            {
                "bootstrap.servers": broker,
                "enable.idempotence": True,
                "linger.ms": 0,
                "queue.buffering.max.messages": queue_messages_max,
                "partitioner": "murmur2_random",
                "delivery.report.only.error": True,
                "on_delivery": self._failed,
                "error_cb": _log_error,
                "log_level": 2,
            },
            logger=log,
        )

    @property
    def backlog(self) -> int:
        """Messages that wait for room in librdkafka's queue."""
        return len(self._backlog)

    @property
    def in_flight(self) -> int:
        """Messages that the broker has not acknowledged."""
        return len(self._producer)

    def send(self, messages: Iterable[Message]) -> None:
        """Hand messages over; returns at once."""
        self._backlog.extend(messages)
        while self._backlog:
            if not self._produce(self._backlog[0]):
                break
            self._backlog.popleft()
        self._producer.poll(0)

    def close(self, timeout_s: float) -> int:
        """Wait for acknowledgements; how many messages were left over when the time ran out."""
        deadline = time.monotonic() + timeout_s
        left = 1
        while left and time.monotonic() < deadline:
            self.send(())
            left = int(self._producer.flush(FLUSH_STEP_S)) + len(self._backlog)
        return left

    def _produce(self, message: Message) -> bool:
        value, trace_id = (message.raw, "") if message.raw is not None else self._encoder.encode(message)
        self._count += 1
        traceparent = message.traceparent
        if traceparent is None and trace_id and self._count % TRACE_EVERY == 0:
            traceparent = f"00-{trace_id}-{trace_id[16:]}-01"
        headers: Headers | None = [("traceparent", traceparent)] if traceparent else None
        try:
            self._producer.produce(message.topic, value, message.symbol.encode(), headers=headers)
        except BufferError:
            return False
        return True

    def _failed(self, error: KafkaError | None, message: KafkaMessage) -> None:
        self.failures += 1
        log.error("message to %s not delivered: %s", message.topic(), error)


def _log_error(error: KafkaError) -> None:
    # Each refused connection is told too, many times a second; the outage as such once.
    if error.code() == KafkaError._ALL_BROKERS_DOWN or error.fatal():  # noqa: SLF001 - the client's own name
        log.warning("Kafka: %s; messages wait until it is back", error.str())
