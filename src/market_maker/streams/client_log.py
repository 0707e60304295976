"""What librdkafka has to say, without the flood.

While a broker is away the library repeats itself many times a second, on every connection.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

PAUSE_S = 10.0
LOG_LEVEL = 2
"""librdkafka's own lines: critical only. Errors come through ClientLog instead."""


class ClientLog:
    """An `error_cb`: each kind of error once, and again after a pause."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._due_s: dict[int, float] = {}

    def options(self) -> dict[str, Any]:
        """The part of a client's configuration that says where its lines go."""
        return {"error_cb": self, "logger": self._log, "log_level": LOG_LEVEL}

    def __call__(self, error: KafkaError) -> None:
        """Log an error of the client, unless one of its kind was logged a moment ago."""
        now_s = self._clock()
        if now_s >= self._due_s.get(error.code(), now_s):
            self._due_s[error.code()] = now_s + PAUSE_S
            self._log.warning("kafka: %s: %s", error.name(), error.str())
