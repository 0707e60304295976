"""What the fleet leaves in Redis, signed: who can write there cannot speak for an instance.

A seal holds for one key or channel, so that a text cannot be taken to another place, and for a few seconds of
Redis' own clock, so that an old one cannot be put back. It hides nothing: Redis is to be reached by TLS.
"""

import hashlib
import hmac
from typing import Final

from market_maker.fleet.heartbeat import GarbledError

AGE_MS_MAX: Final = 10_000
"""Either way: clocks of processes are set by Redis' once a second."""
_MAC_CHARS: Final = 64
_TIME_CHARS: Final = 13
HEAD_BYTES: Final = _MAC_CHARS + 1 + _TIME_CHARS + 1
"""What a seal adds to a text."""


class Seal:
    """The fleet's secret at work."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sealed(self, place: str, text: bytes, now_ms: int) -> bytes:
        """The text for a key or channel, signed now, by Redis' clock."""
        at = b"%013d" % now_ms
        return b"%b %b %b" % (self._mac(place, at, text), at, text)

    def opened(self, place: str, sealed: bytes, now_ms: int) -> bytes:
        """The text. Raises GarbledError when nobody with our secret signed it for this place just now."""
        mac, at, text = sealed[:_MAC_CHARS], sealed[_MAC_CHARS + 1 : HEAD_BYTES - 1], sealed[HEAD_BYTES:]
        if not hmac.compare_digest(mac, self._mac(place, at, text)):
            raise GarbledError(
                "not signed with our FLEET_SECRET, which has to be the same for the whole fleet"
            )
        if abs(now_ms - int(at)) > AGE_MS_MAX:
            raise GarbledError(f"signed {(now_ms - int(at)) / 1000:.0f} s ago, by Redis' clock")
        return text

    def _mac(self, place: str, at: bytes, text: bytes) -> bytes:
        signed = b"%b\0%b\0%b" % (place.encode(), at, text)
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest().encode()
