"""Control of several symbols, or of all, at once, and the emergency: one answer for each symbol."""

from fastapi import APIRouter

from market_maker.api import answers
from market_maker.api.context import CallOf
from market_maker.api.control import CONTROL_PROBLEMS
from market_maker.api.fleet_port import Emergency
from market_maker.api.guard import DeskRoute
from market_maker.api.requests import ResetRequest, SeveralRequest, StartRequest
from market_maker.api.several import take
from market_maker.core.states import Cause

router = APIRouter(route_class=DeskRoute)


@router.post("/v1/mm/enable", tags=["control"], responses=CONTROL_PROBLEMS)
async def enable(body: StartRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Start market making in several symbols, or in all that are configured.

    `results` tells how each took it; 409 when every one refuses. A symbol that is not configured stops the
    whole request. `wait` as for one symbol.
    """
    return await take(Emergency(Cause.ENABLE, body.named, body.reason, wait_s=body.wait), call)


@router.post("/v1/mm/resume", tags=["control"], responses=CONTROL_PROBLEMS)
async def resume(body: StartRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Resume several symbols, or all: those that are `enabled` go on, the others say that they are not.

    A symbol that is not configured stops the whole request.
    """
    return await take(Emergency(Cause.RESUME, body.named, body.reason, wait_s=body.wait), call)


@router.post("/v1/mm/pause", tags=["control"], responses=CONTROL_PROBLEMS)
async def pause(body: SeveralRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Pause several symbols, or all, and cancel their orders.

    A symbol that is not configured is answered with 404, yet the other symbols named are paused.
    """
    return await take(Emergency(Cause.PAUSE, body.named, body.reason), call)


@router.post("/v1/mm/emergency/kill", tags=["emergency"], responses=CONTROL_PROBLEMS)
async def kill(body: SeveralRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Pull the kill switch: no new order from now on, cancel everything, HALTED until a reset.

    Answers when the symbols have halted and a crash would not undo that, waiting at most 250 ms for the
    database; the status shows when the exchange has proven zero open orders. A symbol that is not configured
    is answered with 404, yet the other symbols named are killed: `results` tells how each took it. Symbols
    of other instances are
    killed by their owners, asked directly and through the database at once; where neither has confirmed
    it in time, but the kill is on record, the result is `pending`. Name one symbol as `symbol`, several as
    `symbols`; without either every symbol is killed.
    """
    return await take(Emergency(Cause.KILL, body.named, body.reason), call)


@router.post("/v1/mm/emergency/flatten", tags=["emergency"], responses=CONTROL_PROBLEMS)
async def flatten(body: SeveralRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Cancel every order and leave the symbols PAUSED. Positions stay as they are.

    A symbol that is not configured is answered with 404, yet the other symbols named are flattened:
    `results` tells how each took it.
    """
    return await take(Emergency(Cause.FLATTEN, body.named, body.reason), call)


@router.post("/v1/mm/reset", tags=["emergency"], responses=CONTROL_PROBLEMS)
async def reset(body: ResetRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Bring symbols back from HALTED to PAUSED; refused while orders are open or unknown.

    A symbol that is not configured stops the whole request.
    """
    return await take(Emergency(Cause.RESET, body.named, body.reason, body.rebase_pnl), call)
