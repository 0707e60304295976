"""Trying the kill switch: the same way as in an emergency, measured, and recorded as what it is."""

import asyncio
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from pydantic import Field

from market_maker.api import outcomes
from market_maker.api.answers import Answer
from market_maker.api.context import Call, CallOf, DeskOf, SymbolInPath, running
from market_maker.api.control import CONTROL_PROBLEMS
from market_maker.api.decimals import Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import Limit, NextCursor, PeriodOf, RowCursor, page, row_id
from market_maker.api.problems import documented
from market_maker.api.requests import DecisionRequest
from market_maker.api.trail import Exactly
from market_maker.core.states import Cause, State
from market_maker.core.view import SymbolView
from market_maker.repositories.drills import Drill
from market_maker.repositories.errors import DatabaseError

router = APIRouter(route_class=DeskRoute, tags=["emergency"])

_DRILL: Final = "POST /v1/mm-configs/{symbol}/drill"
PROOF_S_MAX: Final = 3.0
"""How long the answer waits for the proof: less than another instance waits for an answer."""
LOOK_EVERY_S: Final = 0.005
"""What is measured is the engine's own time: looking more seldom makes it no longer."""


class DrillRecord(Answer):
    """One kill switch that was tried."""

    id: int
    symbol: str
    actor: str
    reason: str
    state_before: str
    open_orders: int = Field(description="Open, or not known to be over, when it was triggered.")
    shadow_mode: bool
    triggered_at: Timestamp
    halted_us: int | None = Field(description="Microseconds to HALTED; null: nobody saw the end.")
    proven_zero_us: int | None = Field(
        description="Microseconds to the exchange's proof that no order of ours is open; null: not in time,"
        " or, in shadow mode, nothing had to be proven."
    )


class DrillAnswer(DrillRecord):
    """A kill switch that was tried just now."""

    durable: bool = Field(
        description="Whether a crash of the instance would leave the symbol HALTED and the measurement on"
        " record; false: PostgreSQL has not taken both."
    )


class DrillPage(Answer):
    """Drills, newest first."""

    items: list[DrillRecord]
    next_cursor: NextCursor


@router.get("/v1/mm/drills", responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))
async def list_drills(
    desk: DeskOf, period: PeriodOf, symbol: Exactly = None, limit: Limit = 100, cursor: RowCursor = None
) -> DrillPage:
    """Every kill switch that was tried, of all symbols and instances."""
    rows = await desk.drills(symbol, row_id(cursor), limit + 1, period)
    shown, next_cursor = page(rows, limit, lambda row: row.id)
    return DrillPage(items=[DrillRecord.of(row) for row in shown], next_cursor=next_cursor)


@router.post("/v1/mm-configs/{symbol}/drill", responses=CONTROL_PROBLEMS)
async def drill(symbol: SymbolInPath, body: DecisionRequest, call: CallOf) -> DrillAnswer:
    """Pull the symbol's kill switch to see that it works, and measure how long it takes.

    From the trigger on it is a kill like any other: nothing is sent any more, everything is cancelled, and
    the symbol stays HALTED, with the reason DRILL, until somebody resets it. A symbol that is HALTED already
    refuses. It is on record before it is triggered, so it needs the database, which a kill does not.
    """
    view = await running(call.desk, symbol, Cause.DRILL)
    if view.state is State.HALTED:
        replies = await call.desk.control([symbol], Cause.DRILL, call.actor, body.reason)
        result = outcomes.of_reply(symbol, replies.get(symbol), view.state)
        await call.audit.record([outcomes.audited(call.principal, _DRILL, result, view.state, body.reason)])
        raise outcomes.refusal([result], f"{symbol} refuses the drill", problems=result.problems)
    started_ns = time.monotonic_ns()
    made = Drill(
        0,
        symbol,
        call.actor,
        body.reason,
        view.state.value,
        view.open_orders,
        call.desk.shadow_mode,
        call.desk.to_wall(started_ns),
    )
    drill_id = await call.desk.begin_drill(made)
    call.waits.stop([symbol])
    triggered_ns = time.monotonic_ns()
    replies = await call.desk.control([symbol], Cause.DRILL, call.actor, body.reason)
    result = outcomes.of_reply(symbol, replies.get(symbol), view.state)
    await call.audit.record([outcomes.audited(call.principal, _DRILL, result, view.state, body.reason)])
    if not result.accepted:
        raise outcomes.refusal([result], f"{symbol} refuses the drill", problems=result.problems)
    ended = await _until_proven(call, symbol, triggered_ns)
    halted_us = (ended.state_since_ns - triggered_ns) // 1000
    proven_us = _proven_us(ended, triggered_ns)
    durable = symbol in await call.desk.durable([symbol])
    try:
        await call.desk.finish_drill(drill_id, halted_us, proven_us)
    except DatabaseError:  # the symbol is HALTED all the same, and that must be said
        durable = False
    measured = replace(made, id=drill_id, halted_us=halted_us, proven_zero_us=proven_us)
    return DrillAnswer(**dict(DrillRecord.of(measured)), durable=durable)


async def _until_proven(call: Call, symbol: str, triggered_ns: int) -> SymbolView:
    """The picture of the symbol once zero is proven, or when that takes too long."""
    deadline = time.monotonic() + PROOF_S_MAX
    view = await running(call.desk, symbol, Cause.DRILL)
    while _proven_us(view, triggered_ns) is None and time.monotonic() < deadline and not view.shadow_mode:
        await asyncio.sleep(LOOK_EVERY_S)
        view = await running(call.desk, symbol, Cause.DRILL)
    return view


def _proven_us(view: SymbolView, triggered_ns: int) -> int | None:
    """From the trigger to the proof; an older proof says nothing of what the kill has done."""
    at_ns = view.proven_zero_at_ns
    return None if at_ns is None or at_ns < triggered_ns else (at_ns - triggered_ns) // 1000
