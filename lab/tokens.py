"""Tokens that a running service must refuse, made from one that it accepts."""

import base64
import hashlib
import hmac
import json
from typing import Any


def unsigned(token: str) -> str:
    """The same claims under `alg: none`."""
    header, payload, _ = _parts(token)
    return f"{_packed({**header, 'alg': 'none'})}.{payload}."


def with_other_claims(token: str, **claims: Any) -> str:
    """The signature of other claims."""
    _, payload, signature = _parts(token)
    head = token.split(".", 1)[0]
    return f"{head}.{_packed({**_unpacked(payload), **claims})}.{signature}"


def by_shared_secret(token: str, secret: bytes) -> str:
    """The same claims under HS256, with something public as the secret."""
    header, payload, _ = _parts(token)
    signed = f"{_packed({**header, 'alg': 'HS256'})}.{payload}"
    return f"{signed}.{_encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def by_unknown_key(token: str, kid: str = "nobody-1") -> str:
    """A key id that the Auth Service does not publish."""
    header, payload, signature = _parts(token)
    return f"{_packed({**header, 'kid': kid})}.{payload}.{signature}"


def _parts(token: str) -> tuple[dict[str, Any], str, str]:
    header, payload, signature = token.split(".")
    return _unpacked(header), payload, signature


def _unpacked(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _packed(content: dict[str, Any]) -> str:
    return _encoded(json.dumps(content, separators=(",", ":")).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
