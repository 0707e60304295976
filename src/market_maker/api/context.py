"""What the routes share: the desk, who calls, the audit trail, and symbols that must be known."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import WithJsonSchema

from market_maker.api.audit import AuditTrail
from market_maker.api.forward import Origin, origin_of
from market_maker.api.peers import Peers
from market_maker.api.ports import DatabaseDownError, Desk, StoredState
from market_maker.api.problems import ProblemError, unknown_symbol
from market_maker.api.requests import SYMBOL_PATTERN
from market_maker.api.security import Principal
from market_maker.core.view import SymbolView

STORED_STATE_S_MAX = 1.0
"""An answer that tells of a symbol without an owner does not wait longer for PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Call:
    """A mutating call: what it acts on, who makes it, and where that is recorded."""

    desk: Desk
    principal: Principal
    audit: AuditTrail
    config_lock: asyncio.Lock
    """Held while a configuration is read, merged and written: changes must not interleave."""
    peers: Peers
    origin: Origin

    @property
    def actor(self) -> str:
        """Who makes it, by name."""
        return self.principal.actor


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


async def _peers(request: Request) -> Peers:
    peers: Peers = request.app.state.peers
    return peers


async def _call(request: Request) -> Call:
    state = request.app.state
    return Call(
        state.desk,
        request.state.principal,
        state.audit,
        state.config_lock,
        state.peers,
        origin_of(request),
    )


DeskOf = Annotated[Desk, Depends(_desk)]
PeersOf = Annotated[Peers, Depends(_peers)]
CallOf = Annotated[Call, Depends(_call)]
SymbolInPath = Annotated[
    str,
    Path(description="A configured symbol."),
    WithJsonSchema({"type": "string", "pattern": SYMBOL_PATTERN}),
]


async def running(desk: Desk, symbol: str) -> SymbolView:
    """The picture of a symbol that runs here; 404 when it is not configured, 503 when nobody has it.

    Symbols that another instance owns do not come this far: their requests go on to it.
    """
    view = desk.view(symbol)
    if view is None:
        await require_configured(desk, symbol)
        raise no_owner(symbol, await stored_state(desk, symbol))
    return view


async def require_configured(desk: Desk, symbol: str) -> None:
    """404 when the symbol is not configured. One created elsewhere just now is found in the database."""
    if symbol in desk.symbols():
        return
    if not re.fullmatch(SYMBOL_PATTERN, symbol) or await desk.config(symbol) is None:
        raise unknown_symbol(symbol)


async def stored_state(desk: Desk, symbol: str) -> StoredState | None:
    """The state that the database holds; None when it does not answer in time."""
    states = await stored_states(desk, [symbol])
    return states.get(symbol)


async def stored_states(desk: Desk, symbols: Sequence[str]) -> Mapping[str, StoredState]:
    """The states that the database holds; none when it does not answer in time."""
    if not symbols:
        return {}
    try:
        async with asyncio.timeout(STORED_STATE_S_MAX):
            return await desk.stored_states(symbols)
    except (DatabaseDownError, TimeoutError):
        return {}


def no_owner(symbol: str, stored: StoredState | None) -> ProblemError:
    """503 for a symbol that no instance runs at the moment."""
    headers = {"Retry-After": "1"}
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE, "NO_OWNER", no_owner_detail(symbol, stored), headers=headers
    )


def no_owner_detail(symbol: str, stored: StoredState | None) -> str:
    """Why nobody can act for a symbol now, and what it is in meanwhile."""
    if stored is None:
        known = "its stored state cannot be read"
    else:
        reason = f" ({stored.reason})" if stored.reason else ""
        known = f"its stored state is {stored.state.value}{reason}"
    return f"no instance runs {symbol} now, {known}: one takes it within seconds, so try again"
