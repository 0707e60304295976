"""Server-sent events: every symbol of the fleet once, then whatever changes, for consoles."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from market_maker.api.answers import SymbolSummary
from market_maker.api.context import DeskOf, FleetOf
from market_maker.api.fleet_port import FleetPort, ShownElsewhere
from market_maker.api.guard import DeskRoute
from market_maker.api.ports import Changes, Desk
from market_maker.api.problems import ProblemError, documented
from market_maker.api.signed_out import SignedOut
from market_maker.api.strangers import LET_IN
from market_maker.api.tokens import bare, token_of

STREAMS_MAX = 32
STREAMS_PER_SUBJECT_MAX = 8
HEARTBEAT_S = 2.0
"""Whoever hears nothing for two of them knows that what is shown is old."""
LOOK_S = 1.0
"""Between two looks at what other instances publish."""
TOGETHER_MAX = 50
"""Events sent in one piece."""
MIN_INTERVAL_S = 0.5
"""Changes within this time are sent together: a console needs no more."""

router = APIRouter(route_class=DeskRoute, tags=["status"])


class Renderings:
    """Every status as text, made once for all streams that send it, and again only after a change."""

    def __init__(self, desk: Desk, fleet: FleetPort) -> None:
        self._fleet = fleet
        self._changes = desk.subscribe()
        self.own: dict[str, bytes | None] = {}
        """The events of symbols, as far as they are made; None for one that does not run here."""
        self._others: dict[str, tuple[SymbolSummary, bytes]] = {}

    def forget_changed(self) -> None:
        """What has changed is made anew when somebody wants it."""
        for changed in self._changes.taken():
            self.own.pop(changed, None)

    async def make(self, symbol: str) -> bytes | None:
        """The event of a symbol as it is now."""
        summary = self._fleet.own(symbol)
        self.own[symbol] = event = None if summary is None else _status(summary)
        await asyncio.sleep(0)  # making one takes a while: trading goes on in between
        self.forget_changed()
        return event

    def other(self, summary: SymbolSummary) -> bytes:
        """The event of a symbol that another instance shows."""
        known = self._others.get(summary.symbol)
        if known is None or known[0] is not summary:
            known = self._others[summary.symbol] = summary, _status(summary)
        return known[1]

    def close(self) -> None:
        """Nobody listens any more."""
        self._changes.close()


class Streams:
    """The open streams: bounded in number, and ended together when the service stops."""

    def __init__(self) -> None:
        self._open: dict[Changes, str] = {}
        """With who reads each."""
        self._stopping = False
        self._renderings: Renderings | None = None

    def renderings(self, desk: Desk, fleet: FleetPort) -> Renderings:
        """What all open streams share."""
        if self._renderings is None:
            self._renderings = Renderings(desk, fleet)
        return self._renderings

    def subscribe(self, desk: Desk, who: str) -> Changes:
        """A subscription for one more stream; 503 when there are too many, 429 when `who` has too many."""
        if sum(one == who for one in self._open.values()) >= STREAMS_PER_SUBJECT_MAX:
            detail = f"{who} has {STREAMS_PER_SUBJECT_MAX} streams open, which is the limit: close one"
            status = HTTPStatus.TOO_MANY_REQUESTS
            raise ProblemError(status, "TOO_MANY_STREAMS", detail, headers={"Retry-After": "5"})
        if len(self._open) >= STREAMS_MAX or self._stopping:
            detail = f"{STREAMS_MAX} streams are open, which is the limit: close one"
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise ProblemError(status, "TOO_MANY_STREAMS", detail, headers={"Retry-After": "5"})
        changes = desk.subscribe()
        self._open[changes] = who
        return changes

    def end(self, changes: Changes) -> None:
        """The stream of this subscription has ended."""
        changes.close()
        self._open.pop(changes, None)
        if not self._open and self._renderings is not None:
            self._renderings.close()
            self._renderings = None

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
    changes = streams.subscribe(desk, getattr(request.state, LET_IN))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    signed_out: SignedOut = request.app.state.signed_out
    token = bare(token_of(request) or "")
    return StreamingResponse(
        _events(
            _Board(desk, fleet, streams.renderings(desk, fleet)),
            changes,
            streams,
            request.app.version,
            lambda: _expired(request.state.principal.expires_at) or signed_out.holds(token),
        ),
        media_type="text/event-stream",
        headers=headers,
    )


async def _events(
    board: "_Board", changes: Changes, streams: Streams, version: str, has_ended: Callable[[], bool]
) -> AsyncIterator[bytes]:
    try:
        yield f"retry: 2000\nevent: begin\ndata: {version}\n\n".encode()
        async for events in _together(board.all_own()):
            yield events
        look_s = time.monotonic()
        sent_s = float("-inf")
        while not has_ended():
            if time.monotonic() >= look_s:
                look_s = time.monotonic() + LOOK_S
                async for events in _together(board.elsewhere()):
                    yield events
            if time.monotonic() - sent_s >= HEARTBEAT_S:
                sent_s = time.monotonic()
                yield _event("heartbeat", datetime.now(UTC).isoformat())
                if glance := board.glance():
                    yield glance
            changed = await changes.next(min(HEARTBEAT_S, max(0.0, look_s - time.monotonic())))
            if changed is None:
                break
            async for events in _together(board.own(changed)):
                yield events
            await asyncio.sleep(MIN_INTERVAL_S)
    finally:
        streams.end(changes)


async def _together(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Several events in one piece: sending one costs as much as making half of one."""
    waiting: list[bytes] = []
    async for event in events:
        waiting.append(event)
        if len(waiting) == TOGETHER_MAX:
            yield b"".join(waiting)
            waiting.clear()
            await asyncio.sleep(0)
    if waiting:
        yield b"".join(waiting)


def _expired(expires_at: datetime | None) -> bool:
    return expires_at is not None and datetime.now(UTC) >= expires_at


class _Board:
    """What one reader has been told of each symbol, so that it is told what changed and what is gone."""

    def __init__(self, desk: Desk, fleet: FleetPort, renderings: Renderings) -> None:
        self._desk = desk
        self._fleet = fleet
        self._renderings = renderings
        self._told: dict[str, object] = {}
        """By symbol, what was told last."""
        self._others = ShownElsewhere({}, {})
        self._glance = ""

    def glance(self) -> bytes | None:
        """What stands around the symbols; None when that was told."""
        data = self._fleet.glance().model_dump_json()
        is_new, self._glance = data != self._glance, data
        return _event("fleet", data) if is_new else None

    def all_own(self) -> AsyncIterator[bytes]:
        """Every symbol that runs here."""
        symbols = [symbol for symbol in self._desk.symbols() if self._desk.runs(symbol)]
        return self.own(symbols, anew=True)

    async def own(self, changed: Iterable[str], *, anew: bool = False) -> AsyncIterator[bytes]:
        """What changed here; a symbol that has left for another instance is shown by the next look.

        `anew` trusts no change to have been told.
        """
        made = self._renderings
        made.forget_changed()
        for symbol in sorted(changed):
            if self._fleet.is_elsewhere(symbol, self._others):
                continue
            event = made.own[symbol] if symbol in made.own and not anew else await made.make(symbol)
            if event is None:
                if symbol not in self._desk.symbols():
                    self._told.pop(symbol, None)
                    yield _removed(symbol)
            elif self._is_new(symbol, event):
                yield event

    async def elsewhere(self) -> AsyncIterator[bytes]:
        """What changed at the other instances, what nobody shows any more, and what is gone."""
        self._others = others = await self._fleet.elsewhere()
        shown = {one: each for one, each in others.shown.items() if self._fleet.is_elsewhere(one, others)}
        for symbol, summary in shown.items():
            if self._is_new(symbol, summary):
                yield self._renderings.other(summary)
        missing = {symbol: one for symbol, one in others.without_owner.items() if not self._desk.runs(symbol)}
        for symbol, one in missing.items():
            if self._is_new(symbol, one):
                yield _event("without_owner", one.model_dump_json())
        # One that has left since this look is configured still: the next look finds where it went.
        for symbol in sorted(self._told.keys() - shown.keys() - missing.keys() - {*self._desk.symbols()}):
            if not self._desk.runs(symbol):
                del self._told[symbol]
                yield _removed(symbol)

    def _is_new(self, symbol: str, shown: object) -> bool:
        is_new = self._told.get(symbol) != shown
        self._told[symbol] = shown
        return is_new


def _status(summary: SymbolSummary) -> bytes:
    return _event("status", summary.model_dump_json())


def _removed(symbol: str) -> bytes:
    return _event("removed", symbol)


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
