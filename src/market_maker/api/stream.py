"""Server-sent events: every symbol once, then whatever changes, for consoles."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from market_maker.api import present
from market_maker.api.context import DeskOf
from market_maker.api.guard import DeskRoute
from market_maker.api.ports import Changes, Desk
from market_maker.api.problems import ProblemError, documented

STREAMS_MAX = 32
HEARTBEAT_S = 15.0
MIN_INTERVAL_S = 0.2
"""Changes within this time are sent together: a console needs no more."""

router = APIRouter(route_class=DeskRoute, tags=["status"])


class Streams:
    """The open streams: bounded in number, and ended together when the service stops."""

    def __init__(self) -> None:
        self._open: set[Changes] = set()
        self._stopping = False

    def subscribe(self, desk: Desk) -> Changes:
        """A subscription for one more stream; 503 when there are too many."""
        if len(self._open) >= STREAMS_MAX or self._stopping:
            detail = f"{STREAMS_MAX} streams are open, which is the limit: close one"
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise ProblemError(status, "TOO_MANY_STREAMS", detail, headers={"Retry-After": "5"})
        changes = desk.subscribe()
        self._open.add(changes)
        return changes

    def end(self, changes: Changes) -> None:
        """The stream of this subscription has ended."""
        changes.close()
        self._open.discard(changes)

    def stop(self) -> None:
        """End all streams and open no more."""
        self._stopping = True
        for changes in tuple(self._open):
            changes.close()


@router.get(
    "/v1/mm/stream",
    response_class=StreamingResponse,
    responses={
        HTTPStatus.OK: {
            "description": "Events `status` (data: a SymbolSummary) and `removed` (data: the symbol).",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **documented(HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
async def stream(request: Request, desk: DeskOf) -> StreamingResponse:
    """Server-sent events: `status` for every symbol at once, then for each one that changes.

    Changes of one symbol within 200 ms come as one event; a comment every 15 s keeps idle streams open.
    The stream ends when its token does.
    """
    streams: Streams = request.app.state.streams
    changes = streams.subscribe(desk)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(desk, changes, streams, request.state.principal.expires_at),
        media_type="text/event-stream",
        headers=headers,
    )


async def _events(
    desk: Desk, changes: Changes, streams: Streams, expires_at: datetime | None
) -> AsyncIterator[str]:
    try:
        yield "retry: 2000\n\n"
        for symbol in desk.symbols():
            yield _event(desk, symbol)
        while not _expired(expires_at) and (changed := await changes.next(HEARTBEAT_S)) is not None:
            for symbol in sorted(changed):
                yield _event(desk, symbol)
            if not changed:
                yield ": still here\n\n"
            await asyncio.sleep(MIN_INTERVAL_S)
    finally:
        streams.end(changes)


def _expired(expires_at: datetime | None) -> bool:
    return expires_at is not None and datetime.now(UTC) >= expires_at


def _event(desk: Desk, symbol: str) -> str:
    view = desk.view(symbol)
    if view is None:
        return f"event: removed\ndata: {symbol}\n\n"
    data = present.summary(view, desk.to_wall).model_dump_json()
    return f"event: status\ndata: {data}\n\n"
