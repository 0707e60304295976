"""What those get who are not let in: their answer, after a while when there are many of them.

A request that is refused costs a part of what one costs that is carried out, and a stranger may send as many
as he likes. So refusals are given at some tens a second and wait for their turn: who waits for his answers
gets few, however many connections he has, and the loop is free for those who were let in.
"""

import asyncio
import random
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_maker.api.problems import ProblemError
from market_maker.api.security import ACCESS

PER_SECOND = 50.0
BURST = 100.0
HELD_S_MAX = 10.0
"""Longer than the strangers who have a connection (`connections.STRANGERS_MAX`) wait at that pace."""
PROBE_HELD_S_MAX = 2.0
"""Whoever asks only whether the process lives waits as well, and gives up after 3 s (deploy/kubernetes)."""
PROBES = frozenset(path for (_, path), role in ACCESS.items() if role is None)
LET_IN = "let_in"
"""In a request's state once it has passed the checks of who sends it and how often."""


class Refusals:
    """When the next one is given."""

    def __init__(self, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._interval_s = 1 / per_second
        self._ahead_s = burst / per_second
        self._next_s = 0.0

    def hold_s(self, now_s: float, held_s_max: float) -> float:
        """How long one is to be held; it takes a turn unless that is further away than it may be held."""
        turn_s = max(self._next_s, now_s - self._ahead_s) + self._interval_s
        if turn_s > now_s + held_s_max:
            return random.uniform(held_s_max / 2, held_s_max)  # noqa: S311 -- so that they do not come as one
        self._next_s = turn_s
        return max(0.0, turn_s - now_s)


class Leaving(Protocol):
    """A connection that tells when it has ended."""

    gone: asyncio.Event


class Strangers:
    """Middleware around the whole app, so that no route, known or not, is answered without it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def unhurried(message: Message) -> None:
            if message["type"] == "http.response.start" and LET_IN not in state:
                refusals: Refusals = scope["app"].state.refusals
                held_s_max = PROBE_HELD_S_MAX if scope["path"] in PROBES else HELD_S_MAX
                if (hold_s := refusals.hold_s(time.monotonic(), held_s_max)) > 0:
                    await _hold(hold_s, state.get("connection"))
            await send(message)

        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            await _two_lengths().response(scope["path"])(scope, receive, unhurried)
            return
        await self._app(scope, receive, unhurried)


def _two_lengths() -> ProblemError:
    """A proxy may believe the one and this service the other: what follows would be another's request."""
    detail = "the request has both Content-Length and Transfer-Encoding: send one of them"
    return ProblemError(HTTPStatus.BAD_REQUEST, "AMBIGUOUS_LENGTH", detail, headers={"Connection": "close"})


async def _hold(seconds: float, connection: Leaving | None) -> None:
    """Wait, for as long as somebody waits for the answer."""
    if connection is None:
        await asyncio.sleep(seconds)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await connection.gone.wait()
