"""Server-sent events: every symbol of the fleet once, then whatever changes, for consoles."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from market_maker.api.board import Board
from market_maker.api.context import DeskOf, FleetOf
from market_maker.api.fleet_port import FleetPort
from market_maker.api.guard import DeskRoute
from market_maker.api.ports import Desk
from market_maker.api.problems import ProblemError, documented
from market_maker.api.signed_out import SignedOut
from market_maker.api.strangers import LET_IN
from market_maker.api.tokens import bare, token_of

STREAMS_MAX = 32
STREAMS_PER_SUBJECT_MAX = 8

router = APIRouter(route_class=DeskRoute, tags=["status"])


class Streams:
    """The open streams: bounded in number, and ended together when the service stops."""

    def __init__(self) -> None:
        self._open: list[str] = []
        """Who reads each."""
        self._stopping = False
        self._board: Board | None = None

    def open(self, desk: Desk, fleet: FleetPort, who: str) -> Board:
        """What one more stream tells; 503 when there are too many, 429 when `who` has too many."""
        if self._open.count(who) >= STREAMS_PER_SUBJECT_MAX:
            detail = f"{who} has {STREAMS_PER_SUBJECT_MAX} streams open, which is the limit: close one"
            status = HTTPStatus.TOO_MANY_REQUESTS
            raise ProblemError(status, "TOO_MANY_STREAMS", detail, headers={"Retry-After": "5"})
        if len(self._open) >= STREAMS_MAX or self._stopping:
            detail = f"{STREAMS_MAX} streams are open, which is the limit: close one"
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise ProblemError(status, "TOO_MANY_STREAMS", detail, headers={"Retry-After": "5"})
        self._open.append(who)
        if self._board is None:
            self._board = Board(desk, fleet)
        return self._board

    def end(self, who: str) -> None:
        """One of the streams that `who` reads has ended."""
        self._open.remove(who)
        if not self._open and self._board is not None:
            self._board.close()
            self._board = None

    def stop(self) -> None:
        """End all streams and open no more."""
        self._stopping = True
        if self._board is not None:
            self._board.close()


@router.get(
    "/v1/mm/stream",
    response_class=StreamingResponse,
    responses={
        HTTPStatus.OK: {
            "description": "Events `begin` (data: the service's version), `status` (data: a SymbolSummary),"
            " `without_owner` (data: a WithoutPicture), `removed` (data: the symbol), `heartbeat` (data: when"
            " it was sent) and `fleet` (data: a FleetGlance).",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **documented(HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
async def stream(request: Request, desk: DeskOf, fleet: FleetOf) -> StreamingResponse:
    """Server-sent events: `status` for every symbol at once, then for each one that changes.

    Changes of one symbol within half a second come as one event. Symbols of other instances come about once a
    second; one that no instance shows comes as `without_owner` until one does. The first `heartbeat` says
    that every symbol has been told; from then on one comes at least every 4 s, and behind it a `fleet` when
    that has changed. The stream ends when its token does, or its bearer signs out.
    """
    streams: Streams = request.app.state.streams
    who = getattr(request.state, LET_IN)
    board = streams.open(desk, fleet, who)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    signed_out: SignedOut = request.app.state.signed_out
    token = bare(token_of(request) or "")
    return StreamingResponse(
        _events(
            board,
            request.app.version,
            lambda: _expired(request.state.principal.expires_at) or signed_out.holds(token),
            lambda: streams.end(who),
        ),
        media_type="text/event-stream",
        headers=headers,
    )


async def _events(
    board: Board, version: str, has_ended: Callable[[], bool], end: Callable[[], None]
) -> AsyncIterator[bytes]:
    heard = 0
    try:
        yield f"retry: 2000\nevent: begin\ndata: {version}\n\n".encode()
        while (turn := await board.after(heard)) is not None:
            for piece in board.since(heard):
                if has_ended():
                    return
                yield piece
                await asyncio.sleep(0)  # sending one takes a while, too
            heard = turn
    finally:
        end()


def _expired(expires_at: datetime | None) -> bool:
    return expires_at is not None and datetime.now(UTC) >= expires_at
