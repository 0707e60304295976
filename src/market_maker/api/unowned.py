"""Symbols that no instance runs at the moment: what is stored of them, and what they are told meanwhile."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from market_maker.api.ports import Desk, StoredState
from market_maker.api.problems import ProblemError
from market_maker.core.states import Cause, State
from market_maker.repositories.errors import DatabaseError

DATABASE_S_MAX = 1.0
"""An answer about such a symbol does not wait longer for PostgreSQL."""
_STOPPING = frozenset({Cause.PAUSE, Cause.FLATTEN})


@dataclass(frozen=True, slots=True)
class Unowned:
    """One symbol that nobody runs."""

    symbol: str
    stored: StoredState | None
    """None while PostgreSQL does not answer."""
    stays_paused: bool = False
    """Whether it was just made sure that it does not continue by itself when an instance takes it."""

    @property
    def state(self) -> State | None:
        """What it is in, as stored."""
        return None if self.stored is None else self.stored.state

    @property
    def detail(self) -> str:
        """Why nobody can act for it now, and what it is in meanwhile."""
        if self.stored is None:
            known = "its stored state cannot be read"
        else:
            reason = f" ({self.stored.reason})" if self.stored.reason else ""
            known = f"its stored state is {self.stored.state.value}{reason}"
        later = "; it will not continue by itself" if self.stays_paused else ""
        return f"no instance runs {self.symbol} now, {known}{later}: one takes it in seconds, so try again"

    def problem(self) -> ProblemError:
        """503."""
        headers = {"Retry-After": "1"}
        return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "NO_OWNER", self.detail, headers=headers)


async def unowned(desk: Desk, symbols: Sequence[str], cause: Cause | None = None) -> Mapping[str, Unowned]:
    """These symbols, as far as PostgreSQL tells in time. What is asked to stop does not go on by itself."""
    stays_paused = cause in _STOPPING and await _stay_paused(desk, symbols)
    stored = await stored_states(desk, symbols)
    return {symbol: Unowned(symbol, stored.get(symbol), stays_paused) for symbol in symbols}


async def stored_states(desk: Desk, symbols: Sequence[str]) -> Mapping[str, StoredState]:
    """The states that the database holds; none when it does not answer in time."""
    if not symbols:
        return {}
    try:
        async with asyncio.timeout(DATABASE_S_MAX):
            return await desk.stored_states(symbols)
    except (DatabaseError, TimeoutError):
        return {}


async def _stay_paused(desk: Desk, symbols: Sequence[str]) -> bool:
    if not symbols:
        return False
    try:
        async with asyncio.timeout(DATABASE_S_MAX):
            await desk.stay_paused(symbols)
    except (DatabaseError, TimeoutError):
        return False
    return True
