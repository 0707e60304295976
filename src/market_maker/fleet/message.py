"""A request to another instance, or its answer, as it travels through Redis."""

import json
from dataclasses import dataclass

from market_maker.fleet.heartbeat import GarbledError, json_object, known_id


@dataclass(frozen=True, slots=True)
class FleetMessage:
    """A request, or the answer that carries the same id."""

    id: str
    sender: str
    """The instance that sent it: where an answer goes."""
    body: bytes
    expires_ms: int | None = None
    """When nobody waits for an answer any more: milliseconds of Redis' own clock. None: an answer."""

    def encode(self) -> bytes:
        """As JSON. Any bytes survive: what is not UTF-8 becomes lone surrogates and is found again."""
        fields: dict[str, object] = {
            "id": self.id,
            "from": self.sender,
            "body": self.body.decode("utf-8", "surrogateescape"),
        }
        if self.expires_ms is not None:
            fields["expires_ms"] = self.expires_ms
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, text: bytes) -> "FleetMessage":
        """From JSON. Raises GarbledError."""
        found = json_object(text)
        body, expires_ms = found.get("body"), found.get("expires_ms")
        if not isinstance(body, str):
            raise GarbledError(f"body: must be text, not {type(body).__name__}")
        if expires_ms is not None and (not isinstance(expires_ms, int) or isinstance(expires_ms, bool)):
            raise GarbledError(f"expires_ms: must be a whole number, not {type(expires_ms).__name__}")
        try:
            content = body.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise GarbledError("body: holds half a character") from None
        return cls(known_id(found, "id"), known_id(found, "from"), content, expires_ms)
