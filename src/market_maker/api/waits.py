"""Enable and resume that wait for what only needs time."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from market_maker.api.approval import ENABLING_WAITS
from market_maker.api.context import Call
from market_maker.core.commands import Problem, Reply
from market_maker.core.engine.control import PASSING
from market_maker.core.states import Cause

POLL_S: Final = 0.2
WAITS_MAX: Final = 16
"""Requests that wait at a time; further ones are answered at once. Those that other instances sent on take
room on the bus, where a kill must find some."""

_NOT_APPROVED: Final = Problem("APPROVAL_NEEDED", ENABLING_WAITS)


async def activate(
    call: Call, symbols: Sequence[str] | None, cause: Cause, reason: str, wait_s: int
) -> Mapping[str, Reply]:
    """Enable or resume symbols that run here (None: all), asking again for as long as time alone is missing.

    Stopping a symbol meanwhile, by whatever request, ends the waiting for it; so does a caller that has gone.
    """
    waits = call.waits
    if call.approval.is_needed and cause is Cause.ENABLE:
        return await _enable_approved(call, symbols, reason, wait_s)
    before = waits.stops_of_all(_meant(call, symbols))
    replies = dict(await call.desk.control(symbols, cause, call.actor, reason))
    if not wait_s or waits.under_way >= WAITS_MAX:
        return replies
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    waits.under_way += 1
    try:
        while loop.time() < deadline and not await call.is_gone():
            waiting = [
                symbol
                for symbol, reply in replies.items()
                if _only_needs_time(reply)
                and before.get(symbol) == waits.stops(symbol)
                and call.desk.runs(symbol)
            ]
            if not waiting:
                break
            replies.update(await call.desk.control(waiting, cause, call.actor, reason))
            if any(map(_only_needs_time, replies.values())):
                await asyncio.sleep(POLL_S)
    finally:
        waits.under_way -= 1
    return replies


async def _enable_approved(
    call: Call, symbols: Sequence[str] | None, reason: str, wait_s: int
) -> Mapping[str, Reply]:
    """Enable what a second person has approved to be: a resume, which starts nothing that is not enabled."""
    views = {symbol: call.desk.view(symbol) for symbol in _meant(call, symbols)}
    refused = {
        symbol: Reply(0, view.state, (_NOT_APPROVED,))
        for symbol, view in views.items()
        if view is not None and not view.config.enabled
    }
    allowed = [symbol for symbol, view in views.items() if view is not None and symbol not in refused]
    replies = await activate(call, allowed, Cause.RESUME, reason, wait_s) if allowed else {}
    return {**replies, **refused}


def _meant(call: Call, symbols: Sequence[str] | None) -> Sequence[str]:
    return symbols if symbols is not None else call.desk.symbols()


def _only_needs_time(reply: Reply) -> bool:
    return bool(reply.problems) and all(problem.code in PASSING for problem in reply.problems)
