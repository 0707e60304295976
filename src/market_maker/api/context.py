"""What the routes share: the desk, who calls, the audit trail, and symbols that must be known."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import WithJsonSchema

from market_maker.api.approval import Approval
from market_maker.api.audit import AuditTrail, entry
from market_maker.api.fleet_port import FleetPort
from market_maker.api.forwarded import Origin, origin_of
from market_maker.api.ports import Desk
from market_maker.api.problems import ProblemError, unknown_symbol
from market_maker.api.security import Principal
from market_maker.api.unowned import unowned
from market_maker.api.validation import SYMBOL_PATTERN
from market_maker.core.states import Cause
from market_maker.core.view import SymbolView
from market_maker.repositories.audit import Json


class Waits:
    """What was stopped while others wait to start it, and how many wait."""

    def __init__(self) -> None:
        self.under_way = 0
        self._everything = 0
        self._stops: Counter[str] = Counter()

    def stop(self, symbols: Sequence[str] | None) -> None:
        """Somebody stops these symbols, None: all. Who waited to start them does not any more."""
        if symbols is None:
            self._everything += 1
        else:
            self._stops.update(symbols)

    def stops(self, symbol: str) -> int:
        """How often the symbol was stopped."""
        return self._everything + self._stops[symbol]

    def stops_of_all(self, symbols: Sequence[str]) -> dict[str, int]:
        """The same for several."""
        return {symbol: self.stops(symbol) for symbol in symbols}


@dataclass(frozen=True, slots=True)
class Call:
    """A mutating call: what it acts on, who makes it, and where that is recorded."""

    desk: Desk
    principal: Principal
    audit: AuditTrail
    config_lock: asyncio.Lock
    """Held while a configuration is read, merged and written: changes must not interleave."""
    fleet: FleetPort
    origin: Origin
    waits: Waits
    approval: Approval
    is_gone: Callable[[], Awaitable[bool]]
    """Whether the caller has closed its connection."""

    @property
    def actor(self) -> str:
        """Who makes it, by name."""
        return self.principal.actor

    async def record(
        self,
        route: str,
        symbol: str,
        before: Mapping[str, Json] | None,
        after: Mapping[str, Json] | None,
        why: str,
    ) -> None:
        """Into the audit trail: what the call has changed of a symbol."""
        await self.audit.record([entry(self.principal, route, symbol, before=before, after=after, why=why)])


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


async def _fleet(request: Request) -> FleetPort:
    fleet: FleetPort = request.app.state.fleet
    return fleet


async def _call(request: Request) -> Call:
    state = request.app.state
    return Call(
        state.desk,
        request.state.principal,
        state.audit,
        state.config_lock,
        state.fleet,
        origin_of(request),
        state.waits,
        state.approval,
        request.is_disconnected,
    )


async def _approval(request: Request) -> Approval:
    approval: Approval = request.app.state.approval
    return approval


ApprovalOf = Annotated[Approval, Depends(_approval)]
DeskOf = Annotated[Desk, Depends(_desk)]
FleetOf = Annotated[FleetPort, Depends(_fleet)]
CallOf = Annotated[Call, Depends(_call)]
SymbolInPath = Annotated[
    str,
    Path(description="A configured symbol."),
    WithJsonSchema({"type": "string", "pattern": SYMBOL_PATTERN, "examples": ["BTCUSDT"]}),
]


async def running(desk: Desk, symbol: str, cause: Cause | None = None) -> SymbolView:
    """The picture of a symbol that runs here; 404 when it is not configured, 503 when nobody has it.

    Symbols that another instance owns do not come this far: their requests go on to it. `cause` is what
    the symbol is asked for.
    """
    view = desk.view(symbol)
    if view is None:
        await require_configured(desk, symbol)
        raise (await unowned(desk, [symbol], cause))[symbol].problem()
    return view


async def require_recorded(desk: Desk, symbol: str) -> None:
    """404 when the symbol is not configured and nothing of it is recorded: history outlives configuration."""
    try:
        await require_configured(desk, symbol)
    except ProblemError:
        is_symbol = re.fullmatch(SYMBOL_PATTERN, symbol)
        if not is_symbol or not (await desk.events(symbol, None, 1) or await desk.fills(symbol, None, 1)):
            raise


async def require_configured(desk: Desk, symbol: str) -> None:
    """404 when the symbol is not configured. One created elsewhere just now is found in the database."""
    if symbol in desk.symbols():
        return
    if not re.fullmatch(SYMBOL_PATTERN, symbol) or await desk.config(symbol) is None:
        raise unknown_symbol(symbol)
