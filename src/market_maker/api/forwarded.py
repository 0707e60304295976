"""Where a request came from: by this instance's own socket, or sent on by another instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from market_maker.api.security import Principal

FORWARDED_SENDER: Final = "forwarded_sender"
"""In the state of a request that another instance sent on: its sender, as verified there."""
_CARRIED_THERE = ("content-type", "accept")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as far as another instance must know it."""

    headers: Mapping[str, str]
    client: str
    """Address of the peer that sent it first."""
    is_forwarded: bool
    """Whether another instance sent it on."""


def origin_of(request: Request) -> Origin:
    """Where a request came from."""
    return Origin(
        {name: request.headers[name] for name in _CARRIED_THERE if name in request.headers},
        request.client.host if request.client else "",
        forwarded_sender(request) is not None,
    )


def forwarded_sender(request: Request) -> Principal | None:
    """Who sent a request that another instance sent on; None for one that came by itself."""
    sender: Principal | None = request.scope.get("state", {}).get(FORWARDED_SENDER)
    return sender
