"""Copies of messages that could not be used, kept in `<topic>.dlq` with the reason."""

import logging
from collections import Counter

from market_maker.streams.batch import Undecodable
from market_maker.streams.publisher import KafkaPublisher
from market_maker.streams.topics import dead_letter_topic

LOG_PAUSE_NS = 1_000_000_000

_log = logging.getLogger(__name__)


class DeadLetters:
    """Publishes dead letters: key, value and headers as they were, and where they came from."""

    def __init__(self, publisher: KafkaPublisher) -> None:
        self._publisher = publisher
        self._logged_ns: dict[str, int] = {}
        self.sent: Counter[str] = Counter()
        """Messages copied so far, by the topic that they were found in."""

    def send(self, message: Undecodable) -> None:
        """Copy a message; does not block. A failure is counted by the publisher."""
        origin: list[tuple[str, str | bytes | None]] = [
            ("error", message.detail),
            ("original.topic", message.topic),
            ("original.partition", str(message.partition)),
            ("original.offset", str(message.offset)),
        ]
        self._publisher.publish_later(
            dead_letter_topic(message.topic), message.key, message.value, [*message.headers, *origin]
        )
        self.sent[message.topic] += 1
        self._log(message)

    def _log(self, message: Undecodable) -> None:
        last_ns = self._logged_ns.get(message.topic)
        if last_ns is None or message.at_ns - last_ns >= LOG_PAUSE_NS:
            self._logged_ns[message.topic] = message.at_ns
            _log.warning("a message cannot be used and was copied to its dead letters: %s", message.detail)
