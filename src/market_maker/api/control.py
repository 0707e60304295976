"""Control of one symbol: enable, pause, resume."""

from http import HTTPStatus

from fastapi import APIRouter

from market_maker.api import answers, outcomes
from market_maker.api.context import Call, CallOf, SymbolInPath, running
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import BODY_PROBLEMS, documented
from market_maker.api.requests import ActivationRequest, ControlRequest
from market_maker.api.waits import activate
from market_maker.core.states import Cause

router = APIRouter(route_class=DeskRoute, tags=["control"])

_S = HTTPStatus
CONTROL_PROBLEMS = documented(*BODY_PROBLEMS, _S.NOT_FOUND, _S.CONFLICT, _S.SERVICE_UNAVAILABLE)
"""What a request for a transition may be refused with."""


@router.post("/v1/mm-configs/{symbol}/enable", responses=CONTROL_PROBLEMS)
async def enable(
    symbol: SymbolInPath, call: CallOf, body: ActivationRequest | None = None
) -> answers.ControlAnswer:
    """Start market making (PAUSED to ACTIVE) and set `enabled`.

    Refused with every reason while a kill switch is latched or one of its conditions still holds, the
    book is not valid, or the exchange still holds orders of ours. With `wait` it is tried for that long while
    only time is missing: the book's first snapshot, the proof that no order is open. Whoever stops the symbol
    meanwhile has the last word.
    """
    return await _control_one(symbol, Cause.ENABLE, call, body)


@router.post("/v1/mm-configs/{symbol}/pause", responses=CONTROL_PROBLEMS)
async def pause(
    symbol: SymbolInPath, call: CallOf, body: ControlRequest | None = None
) -> answers.ControlAnswer:
    """Pause market making (ACTIVE to PAUSED) and cancel the symbol's orders."""
    return await _control_one(symbol, Cause.PAUSE, call, body)


@router.post("/v1/mm-configs/{symbol}/resume", responses=CONTROL_PROBLEMS)
async def resume(
    symbol: SymbolInPath, call: CallOf, body: ActivationRequest | None = None
) -> answers.ControlAnswer:
    """Resume from a pause (PAUSED to ACTIVE); needs `enabled`, and what `enable` needs."""
    return await _control_one(symbol, Cause.RESUME, call, body)


async def _control_one(
    symbol: str, cause: Cause, call: Call, body: ControlRequest | None
) -> answers.ControlAnswer:
    before = (await running(call.desk, symbol, cause)).state
    reason = (body.reason if body else None) or f"{cause.value} by {call.actor}"
    if cause is Cause.PAUSE:
        call.waits.stop([symbol])
        replies = await call.desk.control([symbol], cause, call.actor, reason)
    else:
        wait_s = body.wait if isinstance(body, ActivationRequest) else 0
        replies = await activate(call, [symbol], cause, reason, wait_s)
    result = outcomes.of_reply(symbol, replies.get(symbol), before)
    route = f"POST /v1/mm-configs/{{symbol}}/{cause.value}"
    recorded = await call.audit.record([outcomes.audited(call.principal, route, result, before, reason)])
    if not result.accepted:
        detail = f"{symbol} refuses to {cause.value}: " + "; ".join(p.detail for p in result.problems)
        raise outcomes.refusal([result], detail, problems=result.problems)
    return answers.ControlAnswer(**dict(result), audit=recorded)
