"""What an instance says of itself once a second, and the text that it is said in."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

ID: Final = re.compile(r"[\x21-\x39\x3b-\x7e]{1,200}")
"""Ids of instances and guards: visible ASCII without a colon, since they are a part of keys and channels."""


SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,31}")
"""As configurations have them; anything else could be a part of somebody's page or stream."""
SYMBOLS_MAX: Final = 10_000
_BEAT_MAX: Final = (1 << 63) - 1
_VERSION: Final = re.compile(r"[\x21-\x7e]{1,100}")


class GarbledError(ValueError):
    """A text from Redis is not what its place is for; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life of one instance."""

    instance_id: str
    beat: int
    """Rises with every sign; who watches it needs no clock but his own."""
    started_at: datetime
    """UTC."""
    symbols: tuple[str, ...]
    """What the instance owned when it said so."""
    version: str

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(
            {
                "instance_id": self.instance_id,
                "beat": self.beat,
                "started_at": self.started_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "symbols": list(self.symbols),
                "version": self.version,
            },
            separators=(",", ":"),
        ).encode()

    @classmethod
    def decode(cls, text: bytes) -> "Heartbeat":
        """From JSON; fields that are not known are passed over. Raises GarbledError."""
        found = json_object(text)
        started_at = _field(found, "started_at", str)
        symbols = _field(found, "symbols", list)
        are_symbols = all(isinstance(symbol, str) and SYMBOL.fullmatch(symbol) for symbol in symbols)
        if not are_symbols or len(symbols) > SYMBOLS_MAX:
            raise GarbledError(f"symbols: must be a list of symbols, {SYMBOLS_MAX} at most")
        beat, version = _field(found, "beat", int), _field(found, "version", str)
        if not 0 <= beat <= _BEAT_MAX or not _VERSION.fullmatch(version):
            raise GarbledError("beat: must be a whole number of 64 bits, and version a short text")
        try:
            since = datetime.fromisoformat(started_at)
        except ValueError:
            raise GarbledError(f"started_at: {started_at[:40]!r} is not a time in RFC 3339") from None
        if since.tzinfo is None:
            raise GarbledError(f"started_at: {started_at[:40]!r} has no time zone")
        return cls(
            known_id(found, "instance_id"),
            beat,
            since,
            tuple(symbols),
            version,
        )


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises GarbledError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GarbledError(f"not JSON: {error}"[:200]) from None
    if not isinstance(found, dict):
        raise GarbledError(f"must be a JSON object, not {type(found).__name__}")
    return found


def known_id(found: dict[str, Any], name: str) -> str:
    """A field that holds an id. Raises GarbledError."""
    value: str = _field(found, name, str)
    if not ID.fullmatch(value):
        raise GarbledError(f"{name}: {value[:40]!r} is not an id")
    return value


def _field(found: dict[str, Any], name: str, kind: type) -> Any:
    value = found.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise GarbledError(f"{name}: must be of type {kind.__name__}, not {type(value).__name__}")
    return value
