"""The control API: how a test or a demo tells the sandbox what to do. Not part of TradeX's contracts."""

from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from tradex_sandbox import topics
from tradex_sandbox.auth_service import AuthService, TokenRequest
from tradex_sandbox.control_requests import (
    ControlError,
    FeedFaultRequest,
    InstrumentChange,
    Reason,
    Rotation,
    controlled,
    read_body,
)
from tradex_sandbox.faults import Fault, FaultTable
from tradex_sandbox.feed_faults import RAW_VALUES, FeedFault, SpoiltLevel
from tradex_sandbox.instruments import InstrumentError
from tradex_sandbox.market_events import MarketEvent
from tradex_sandbox.messages import instrument_fields, plain
from tradex_sandbox.venue import Venue

CROSSED_TICKS = 1_000_000
"""How far above the best ask a crossing bid stands, in ticks: no ask moves that far meanwhile."""


class Control:
    """Routes under `/sandbox` that change something. `stop` ends the process."""

    def __init__(self, venue: Venue, faults: FaultTable, auth: AuthService, stop: Callable[[], None]) -> None:
        self._venue = venue
        self._faults = faults
        self._auth = auth
        self._stop = stop

    def routes(self) -> list[web.RouteDef]:
        """The control paths."""
        exchange = self._venue.exchange
        return [
            web.get("/sandbox/faults", controlled(self._list_faults)),
            web.post("/sandbox/faults", controlled(self._add_fault)),
            web.delete("/sandbox/faults", controlled(self._clear_faults)),
            web.delete("/sandbox/faults/{id}", controlled(self._remove_fault)),
            web.post("/sandbox/feed/{symbol}", controlled(self._feed)),
            web.post("/sandbox/snapshot/{symbol}", controlled(self._snapshot)),
            web.post("/sandbox/halt/{symbol}", controlled(partial(self._trading, exchange.halt))),
            web.post("/sandbox/resume/{symbol}", controlled(partial(self._trading, exchange.resume))),
            web.post("/sandbox/instruments/{symbol}", controlled(self._update_instrument)),
            web.post("/sandbox/start", controlled(self._start)),
            web.post("/sandbox/stop", controlled(self._stop_process)),
            web.post("/sandbox/auth/token", controlled(self._token)),
            web.post("/sandbox/auth/rotate", controlled(self._rotate)),
        ]

    async def _list_faults(self, _request: web.Request) -> dict[str, Any]:
        return {"faults": self._faults.describe(), "feeds": self._venue.feed.describe()}

    async def _add_fault(self, request: web.Request) -> dict[str, int]:
        fault = await read_body(request, Fault)
        if fault.symbol is not None:
            known_symbol(self._venue, fault.symbol)
        return {"id": self._faults.add(fault)}

    async def _clear_faults(self, _request: web.Request) -> dict[str, Any]:
        self._faults.clear()
        self._venue.feed.clear()
        return {}

    async def _remove_fault(self, request: web.Request) -> dict[str, Any]:
        number = request.match_info["id"]
        if not number.isdecimal() or not self._faults.remove(int(number)):
            raise ControlError(404, "FAULT_NOT_FOUND", f"id: no fault has the number {number}")
        return {}

    async def _feed(self, request: web.Request) -> dict[str, Any]:
        symbol = known_symbol(self._venue, request.match_info["symbol"])
        wanted = await read_body(request, FeedFaultRequest)
        feed = self._venue.feed
        match wanted.fault:
            case FeedFault.GAP:
                feed.drop_deltas(symbol, wanted.count)
            case FeedFault.DUPLICATE:
                feed.duplicate_deltas(symbol, wanted.count)
            case FeedFault.OFF_GRID | FeedFault.CROSSED:
                feed.spoil_deltas(symbol, self._spoilt_level(symbol, wanted.fault), wanted.count)
            case FeedFault.UNDECODABLE | FeedFault.UNKNOWN_SCHEMA:
                self._send_raw(symbol, wanted)
            case FeedFault.STOP:
                feed.stop(symbol)
            case FeedFault.RESUME:
                feed.resume(symbol)
                self._venue.publish_snapshot(symbol)
        return {"feeds": feed.describe()}

    def _send_raw(self, symbol: str, wanted: FeedFaultRequest) -> None:
        if wanted.topic not in topics.FILLED:
            raise ControlError(400, "INVALID_REQUEST", f"topic: must be one of {', '.join(topics.FILLED)}")
        for _ in range(wanted.count):
            self._venue.send_raw(wanted.topic, symbol, RAW_VALUES[wanted.fault])

    def _spoilt_level(self, symbol: str, fault: FeedFault) -> SpoiltLevel:
        """A bid half a tick off the grid, or one that crosses the book."""
        instrument = self._venue.exchange.instrument(symbol)
        book = self._venue.exchange.snapshot(symbol)
        quantity = plain(instrument.lot_size)
        if fault is FeedFault.OFF_GRID:
            base = book.bids[0][0] if book.bids else instrument.tick_size
            return SpoiltLevel(plain(base - instrument.tick_size / 2), quantity)
        if not book.asks:
            raise ControlError(409, "EMPTY_BOOK", f"{symbol} has no ask that a bid could cross")
        return SpoiltLevel(plain(book.asks[0][0] + CROSSED_TICKS * instrument.tick_size), quantity)

    async def _snapshot(self, request: web.Request) -> dict[str, Any]:
        self._venue.publish_snapshot(known_symbol(self._venue, request.match_info["symbol"]))
        return {}

    async def _trading(
        self, change: Callable[[int, str, str], list[MarketEvent]], request: web.Request
    ) -> dict[str, Any]:
        symbol = known_symbol(self._venue, request.match_info["symbol"])
        reason = (await read_body(request, Reason)).reason
        self._venue.act(lambda now_us: change(now_us, symbol, reason))
        return self._instrument(symbol)

    async def _update_instrument(self, request: web.Request) -> dict[str, Any]:
        symbol = known_symbol(self._venue, request.match_info["symbol"])
        change = await read_body(request, InstrumentChange)
        if not change.model_fields_set - {"reason"}:
            raise ControlError(400, "INVALID_REQUEST", "body: give tick_size, lot_size or min_notional")
        try:
            self._venue.act(
                lambda now_us: self._venue.exchange.update_instrument(now_us, symbol, **change.model_dump())
            )
        except InstrumentError as error:
            raise ControlError(400, "INVALID_REQUEST", str(error)) from error
        return self._instrument(symbol)

    def _instrument(self, symbol: str) -> dict[str, Any]:
        return instrument_fields(self._venue.exchange.instrument(symbol))

    async def _start(self, _request: web.Request) -> dict[str, bool]:
        return {"started": self._venue.start()}

    async def _stop_process(self, _request: web.Request) -> dict[str, Any]:
        self._stop()
        return {}

    async def _token(self, request: web.Request) -> dict[str, str]:
        return {"token": await self._auth.token(await read_body(request, TokenRequest))}

    async def _rotate(self, request: web.Request) -> dict[str, list[str]]:
        return {"kids": await self._auth.rotate((await read_body(request, Rotation)).keep_old)}


def known_symbol(venue: Venue, symbol: str) -> str:
    """The symbol, if the exchange lists it. Raises ControlError 404."""
    listed = venue.exchange.symbols()
    if symbol not in listed:
        raise ControlError(404, "SYMBOL_NOT_FOUND", f"{symbol} is not listed; listed are {', '.join(listed)}")
    return symbol
