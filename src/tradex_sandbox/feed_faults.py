"""A feed that misbehaves: between the exchange and Kafka, messages are lost, doubled or spoilt.

The engine's events are never lost or doubled here: what the exchange did must stay countable.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tradex_sandbox import topics
from tradex_sandbox.messages import Message

UNDECODABLE = b"\xff\xfe not avro"
UNKNOWN_SCHEMA_ID = 2_000_000_000
UNKNOWN_SCHEMA = b"\x00" + UNKNOWN_SCHEMA_ID.to_bytes(4, "big") + b"\x02\x02\x02"


class FeedFault(Enum):
    """What can be done to a symbol's feed."""

    GAP = "gap"
    """The next deltas are not sent."""
    DUPLICATE = "duplicate"
    """The next deltas are sent twice."""
    OFF_GRID = "off_grid"
    """The next deltas carry a price between two ticks."""
    CROSSED = "crossed"
    """The next deltas carry a bid far above the best ask."""
    UNDECODABLE = "undecodable"
    """A message that is no Avro, at once, on any topic."""
    UNKNOWN_SCHEMA = "unknown_schema"
    """A message whose schema id nobody registered, at once, on any topic."""
    STOP = "stop"
    """No market data until `resume`."""
    RESUME = "resume"
    """Market data again, from a snapshot on."""


RAW_VALUES = {FeedFault.UNDECODABLE: UNDECODABLE, FeedFault.UNKNOWN_SCHEMA: UNKNOWN_SCHEMA}


@dataclass(frozen=True, slots=True)
class SpoiltLevel:
    """A bid that makes a delta wrong, as decimal strings."""

    price: str
    quantity: str


@dataclass(slots=True)
class _Feed:
    stopped: bool = False
    gaps: int = 0
    duplicates: int = 0
    spoilt: deque[SpoiltLevel] = field(default_factory=deque)


class FeedFaults:
    """What is currently wrong with each symbol's feed. Without faults messages pass untouched."""

    def __init__(self) -> None:
        self._feeds: dict[str, _Feed] = {}

    def drop_deltas(self, symbol: str, count: int) -> None:
        """Do not send the next `count` deltas."""
        self._feed(symbol).gaps += count

    def duplicate_deltas(self, symbol: str, count: int) -> None:
        """Send the next `count` deltas twice."""
        self._feed(symbol).duplicates += count

    def spoil_deltas(self, symbol: str, level: SpoiltLevel, count: int) -> None:
        """Add a wrong bid to the next `count` deltas."""
        self._feed(symbol).spoilt.extend([level] * count)

    def stop(self, symbol: str) -> None:
        """Send no market data of the symbol any more."""
        self._feed(symbol).stopped = True

    def resume(self, symbol: str) -> None:
        """Send market data again."""
        self._feed(symbol).stopped = False

    def clear(self) -> None:
        """Every feed is sound again."""
        self._feeds.clear()

    def describe(self) -> dict[str, dict[str, Any]]:
        """What is wrong, per symbol."""
        return {
            symbol: {
                "stopped": feed.stopped,
                "gaps": feed.gaps,
                "duplicates": feed.duplicates,
                "spoilt": len(feed.spoilt),
            }
            for symbol, feed in self._feeds.items()
        }

    def apply(self, message: Message) -> Iterable[Message]:
        """The messages that are really sent for one that should be."""
        feed = self._feeds.get(message.symbol)
        if feed is None or message.raw is not None or message.topic not in topics.MARKET_DATA:
            return (message,)
        if feed.stopped:
            return ()
        return self._spoilt(feed, message) if message.topic == topics.DELTA else (message,)

    @staticmethod
    def _spoilt(feed: _Feed, message: Message) -> Iterable[Message]:
        if feed.gaps:
            feed.gaps -= 1
            return ()
        if feed.spoilt:
            level = feed.spoilt.popleft()
            bids = [*message.data["bids"], {"price": level.price, "quantity": level.quantity}]
            return (replace(message, data={**message.data, "bids": bids}),)
        if feed.duplicates:
            feed.duplicates -= 1
            return (message, message)
        return (message,)

    def _feed(self, symbol: str) -> _Feed:
        return self._feeds.setdefault(symbol, _Feed())
