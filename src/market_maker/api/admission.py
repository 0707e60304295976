"""Who is let in: from a page of ours, with a token that opens the route, and not too often."""

import math
import time
from collections import OrderedDict
from http import HTTPStatus

from fastapi import Request

from market_maker.api.audit import entry
from market_maker.api.denials import AttemptKind, Entry
from market_maker.api.forwarded import forwarded_sender
from market_maker.api.problems import ProblemError
from market_maker.api.security import NEVER_HELD_BACK, Principal, RoleMissingError, authorise, permitted
from market_maker.api.strangers import LET_IN
from market_maker.api.tokens import token_of
from market_maker.repositories.audit import AuditEntry

PER_SECOND = 200.0
BURST = 400.0
PEERS_MAX = 1_000


class RateLimit:
    """Token buckets. Peers not seen for longest are forgotten first; a forgotten one starts full."""

    def __init__(self, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Peer -> (calls left, monotonic seconds of the last call)."""

    def wait_s(self, peer: str, now_s: float) -> float:
        """Count a call: 0 when it may go on, else how long until one may."""
        left, last_s = self._buckets.pop(peer, (self._burst, now_s))
        left = min(self._burst, left + (now_s - last_s) * self._per_second)
        allowed = left >= 1
        self._buckets[peer] = (left - 1 if allowed else left, now_s)
        if len(self._buckets) > PEERS_MAX:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second


async def admit(request: Request, path: str) -> Principal:
    """The sender of a request to the route of this path template. ProblemError 401, 403, 429 or 503."""
    state = request.app.state
    sender = forwarded_sender(request)
    if sender is None:
        state.sites.refuse_others(request)
    principal = await _authorised(request, path, sender)
    who = principal.actor if state.authenticator.required else _address(request)
    if (request.method, path) not in NEVER_HELD_BACK:
        _refuse_too_many(request, who)
    if principal.is_known:
        setattr(request.state, LET_IN, who)
        connection = getattr(request.state, "connection", None)
        if connection is not None:
            connection.let_in(who)
    return principal


async def _authorised(request: Request, path: str, sender: Principal | None) -> Principal:
    """Who sends it; `sender` when another instance has verified it.

    A denied attempt is told; one of a known sender to change something is audited, too.
    """
    authenticator = request.app.state.authenticator
    try:
        if sender is not None:
            return permitted(sender, request.method, path)
        token = token_of(request) if authenticator.required else None
        return await authorise(authenticator, request.method, path, token)
    except ProblemError as denied:
        note_denied(request, f"{request.method} {path}", denied)
        raise


def note_denied(request: Request, route: str, denied: ProblemError) -> None:
    """Tell of a denied attempt."""
    state = request.app.state
    if not isinstance(denied, RoleMissingError):
        state.denials.add(AttemptKind(_address(request), route, None, denied.detail), None)
        return
    symbol = request.path_params.get("symbol")
    known = symbol if symbol in state.desk.symbols() else None
    kind = AttemptKind(denied.principal.actor, route, known, f"needs the role {denied.role.value}")
    state.denials.add(kind, _row(denied.principal, kind) if request.method != "GET" else None)


def _row(principal: Principal, kind: AttemptKind) -> Entry:
    def made(why: str) -> AuditEntry:
        return entry(principal, kind.route, kind.symbol, before=None, after=None, why=why)

    return made


def _refuse_too_many(request: Request, who: str) -> None:
    wait_s = request.app.state.rate.wait_s(who, time.monotonic())
    if wait_s > 0:
        detail = f"too many requests from {who}: send fewer, or follow /v1/mm/stream instead of asking"
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", detail, headers=headers)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
