"""What the routes share: the desk, who calls, the audit trail, and symbols that must be known."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import WithJsonSchema

from market_maker.api.audit import AuditTrail
from market_maker.api.ports import Desk
from market_maker.api.problems import unknown_symbol
from market_maker.api.requests import SYMBOL_PATTERN
from market_maker.api.security import Principal
from market_maker.core.view import SymbolView


@dataclass(frozen=True, slots=True)
class Call:
    """A mutating call: what it acts on, who makes it, and where that is recorded."""

    desk: Desk
    principal: Principal
    audit: AuditTrail
    config_lock: asyncio.Lock
    """Held while a configuration is read, merged and written: changes must not interleave."""

    @property
    def actor(self) -> str:
        """Who makes it, by name."""
        return self.principal.actor


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


async def _call(request: Request) -> Call:
    state = request.app.state
    return Call(state.desk, request.state.principal, state.audit, state.config_lock)


DeskOf = Annotated[Desk, Depends(_desk)]
CallOf = Annotated[Call, Depends(_call)]
SymbolInPath = Annotated[
    str,
    Path(description="A configured symbol."),
    WithJsonSchema({"type": "string", "pattern": SYMBOL_PATTERN}),
]


def known(desk: Desk, symbol: str) -> SymbolView:
    """The picture of a configured symbol; 404 when it is not configured."""
    view = desk.view(symbol)
    if view is None:
        raise unknown_symbol(symbol)
    return view
