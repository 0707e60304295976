"""Enable and resume that wait for what only needs time."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from market_maker.api.context import Call
from market_maker.core.commands import Reply
from market_maker.core.engine.control import PASSING
from market_maker.core.states import Cause

POLL_S: Final = 0.2
WAITS_MAX: Final = 16
"""Requests that wait at a time; further ones are answered at once. Those that other instances sent on take
room on the bus, where a kill must find some."""


async def activate(
    call: Call, symbols: Sequence[str] | None, cause: Cause, reason: str, wait_s: int
) -> Mapping[str, Reply]:
    """Enable or resume symbols that run here (None: all), asking again for as long as time alone is missing.

    Stopping a symbol meanwhile, by whatever request, ends the waiting for it; so does a caller that has gone.
    """
    waits = call.waits
    before = waits.stops_of_all(symbols if symbols is not None else call.desk.symbols())
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


def _only_needs_time(reply: Reply) -> bool:
    return bool(reply.problems) and all(problem.code in PASSING for problem in reply.problems)
