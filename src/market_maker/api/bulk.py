"""Control of several symbols, or of all, at once: enable, pause, resume, with one answer for each."""

from fastapi import APIRouter

from market_maker.api import answers
from market_maker.api.context import CallOf
from market_maker.api.control import CONTROL_PROBLEMS
from market_maker.api.fleet_port import Emergency
from market_maker.api.guard import DeskRoute
from market_maker.api.requests import SeveralRequest, StartRequest
from market_maker.api.several import take
from market_maker.core.states import Cause

router = APIRouter(route_class=DeskRoute, tags=["control"])


@router.post("/v1/mm/enable", responses=CONTROL_PROBLEMS)
async def enable(body: StartRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Start market making in several symbols, or in all that are configured.

    `results` tells how each took it; 409 when every one refuses. A symbol that is not configured stops the
    whole request. `wait` as for one symbol.
    """
    return await take(Emergency(Cause.ENABLE, body.named, body.reason, wait_s=body.wait), call)


@router.post("/v1/mm/resume", responses=CONTROL_PROBLEMS)
async def resume(body: StartRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Resume several symbols, or all: those that are `enabled` go on, the others say that they are not.

    A symbol that is not configured stops the whole request.
    """
    return await take(Emergency(Cause.RESUME, body.named, body.reason, wait_s=body.wait), call)


@router.post("/v1/mm/pause", responses=CONTROL_PROBLEMS)
async def pause(body: SeveralRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Pause several symbols, or all, and cancel their orders.

    A symbol that is not configured is answered with 404, yet the other symbols named are paused.
    """
    return await take(Emergency(Cause.PAUSE, body.named, body.reason), call)
