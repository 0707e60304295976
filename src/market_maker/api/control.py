"""Control of symbols: enable, pause, resume; and the emergency: kill, flatten, reset."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter

from market_maker.api import answers, present
from market_maker.api.audit import AuditTrail, entry
from market_maker.api.context import Call, CallOf, SymbolInPath, known
from market_maker.api.guard import DeskRoute
from market_maker.api.ports import AuditEntry, Desk
from market_maker.api.problems import (
    ProblemError,
    RefusalReason,
    SymbolOutcome,
    documented,
)
from market_maker.api.requests import ControlRequest, EmergencyRequest, ResetRequest
from market_maker.core.commands import Reply
from market_maker.core.states import Cause, State

router = APIRouter(route_class=DeskRoute)

_S = HTTPStatus
_BODY = (_S.BAD_REQUEST, _S.REQUEST_ENTITY_TOO_LARGE, _S.UNSUPPORTED_MEDIA_TYPE)
_ONE = documented(*_BODY, _S.NOT_FOUND, _S.CONFLICT, _S.SERVICE_UNAVAILABLE)
_NO_ANSWER = RefusalReason(
    code="NO_ANSWER", detail="the symbol's worker did not answer in time: look at its status"
)
_NOT_CONFIGURED = RefusalReason(code="UNKNOWN_SYMBOL", detail="the symbol is not configured")


@router.post("/v1/mm-configs/{symbol}/enable", responses=_ONE, tags=["control"])
async def enable(
    symbol: SymbolInPath, call: CallOf, body: ControlRequest | None = None
) -> answers.ControlAnswer:
    """Start market making (PAUSED to ACTIVE) and set `enabled`.

    Refused with every reason while a kill switch is latched or one of its conditions still holds, the
    book is not valid, or the exchange still holds orders of ours.
    """
    return await _control_one(symbol, Cause.ENABLE, call, body)


@router.post("/v1/mm-configs/{symbol}/pause", responses=_ONE, tags=["control"])
async def pause(
    symbol: SymbolInPath, call: CallOf, body: ControlRequest | None = None
) -> answers.ControlAnswer:
    """Pause market making (ACTIVE to PAUSED) and cancel the symbol's orders."""
    return await _control_one(symbol, Cause.PAUSE, call, body)


@router.post("/v1/mm-configs/{symbol}/resume", responses=_ONE, tags=["control"])
async def resume(
    symbol: SymbolInPath, call: CallOf, body: ControlRequest | None = None
) -> answers.ControlAnswer:
    """Resume from a pause (PAUSED to ACTIVE); needs `enabled`, and what `enable` needs."""
    return await _control_one(symbol, Cause.RESUME, call, body)


@router.post("/v1/mm/emergency/kill", responses=_ONE, tags=["emergency"])
async def kill(body: EmergencyRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Pull the kill switch: no new order from now on, cancel everything, HALTED until a reset.

    Answers as soon as the symbols have halted, without waiting for the database; the status shows when
    the exchange has proven zero open orders. A symbol that is not configured is answered with 404, yet
    the other symbols named are killed: `results` tells how each took it.
    """
    return await _control_many(body, Cause.KILL, "POST /v1/mm/emergency/kill", call)


@router.post("/v1/mm/emergency/flatten", responses=_ONE, tags=["emergency"])
async def flatten(body: EmergencyRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Cancel every order and leave the symbols PAUSED. Positions stay as they are.

    A symbol that is not configured is answered with 404, yet the other symbols named are flattened:
    `results` tells how each took it.
    """
    return await _control_many(body, Cause.FLATTEN, "POST /v1/mm/emergency/flatten", call)


@router.post("/v1/mm/reset", responses=_ONE, tags=["emergency"])
async def reset(body: ResetRequest, call: CallOf) -> answers.EmergencyAnswer:
    """Bring symbols back from HALTED to PAUSED; refused while orders are open or unknown.

    A symbol that is not configured stops the whole request.
    """
    return await _control_many(body, Cause.RESET, "POST /v1/mm/reset", call, rebase_pnl=body.rebase_pnl)


async def _control_one(
    symbol: str, cause: Cause, call: Call, body: ControlRequest | None
) -> answers.ControlAnswer:
    before = known(call.desk, symbol).state
    reason = (body.reason if body else None) or f"{cause.value} by {call.actor}"
    replies = await call.desk.control([symbol], cause, call.actor, reason)
    [result] = [_result(call.desk, symbol, replies)]
    route = f"POST /v1/mm-configs/{{symbol}}/{cause.value}"
    recorded = await call.audit.record([_audited(call, route, result, before, reason)])
    if not result.accepted:
        detail = f"{symbol} refuses to {cause.value}: " + "; ".join(p.detail for p in result.problems)
        raise _refusal([result], detail, problems=result.problems)
    return answers.ControlAnswer(**dict(result), audit=recorded)


async def _control_many(
    body: EmergencyRequest,
    cause: Cause,
    route: str,
    call: Call,
    *,
    rebase_pnl: bool = False,
) -> answers.EmergencyAnswer:
    symbols, unknown = _meant(call.desk, body.symbols)
    if unknown and (cause is Cause.RESET or not symbols):
        raise _not_configured(unknown, [], cause)
    before = {symbol: view.state for symbol in symbols if (view := call.desk.view(symbol)) is not None}
    replies = await call.desk.control(body.symbols and symbols, cause, call.actor, body.reason, rebase_pnl)
    results = [_result(call.desk, symbol, replies) for symbol in symbols]
    why = f"{body.reason} (P&L rebased)" if rebase_pnl else body.reason
    rows = [_audited(call, route, result, before.get(result.symbol), why) for result in results]
    recorded = await _record(call.audit, rows, cause)
    if unknown:
        raise _not_configured(unknown, results, cause)
    refused = [result for result in results if not result.accepted]
    if refused and len(refused) == len(results):
        names = ", ".join(result.symbol for result in refused)
        detail = f"every symbol refuses to {cause.value}: {names}; `results` tells why"
        raise _refusal(refused, detail, results=_outcomes(refused))
    return answers.EmergencyAnswer(results=results, audit=recorded)


def _meant(desk: Desk, symbols: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The configured symbols that a request means, and those it names that are not configured."""
    configured = desk.symbols()
    named = configured if symbols is None else dict.fromkeys(symbols)
    known_ones = [symbol for symbol in named if symbol in configured]
    return known_ones, [symbol for symbol in named if symbol not in configured]


def _not_configured(
    unknown: Sequence[str], results: Sequence[answers.ControlResult], cause: Cause
) -> ProblemError:
    """404 that also tells how the configured symbols of the same request took it."""
    taken = ", ".join(result.symbol for result in results if result.accepted)
    refused = ", ".join(result.symbol for result in results if not result.accepted)
    parts = [f"not configured: {', '.join(unknown)} (GET /v1/mm-configs lists the symbols)"]
    parts.append(
        f"the {cause.value} took place for {taken}" if taken else f"no symbol took the {cause.value}"
    )
    if refused:
        parts.append(f"refused by {refused}: `results` tells why")
    missing = [SymbolOutcome(symbol=symbol, accepted=False, problems=[_NOT_CONFIGURED]) for symbol in unknown]
    return ProblemError(
        _S.NOT_FOUND, "UNKNOWN_SYMBOL", "; ".join(parts), results=[*_outcomes(results), *missing]
    )


def _outcomes(results: Sequence[answers.ControlResult]) -> list[SymbolOutcome]:
    return [SymbolOutcome(**dict(result)) for result in results]


async def _record(
    audit: AuditTrail, rows: Sequence[AuditEntry], cause: Cause
) -> Literal["recorded", "pending"]:
    """A kill or flatten must not wait for the database; a reset may."""
    return await audit.record(rows) if cause is Cause.RESET else audit.record_later(rows)


def _result(desk: Desk, symbol: str, replies: Mapping[str, Reply]) -> answers.ControlResult:
    if symbol in replies:
        return present.control_result(symbol, replies[symbol])
    state = known(desk, symbol).state
    return answers.ControlResult(symbol=symbol, state=state, accepted=False, problems=[_NO_ANSWER])


def _audited(
    call: Call, route: str, result: answers.ControlResult, before: State | None, why: str
) -> AuditEntry:
    return entry(
        call.principal,
        route,
        result.symbol,
        before=None if before is None else {"state": before.value},
        after=result.model_dump(mode="json", exclude={"symbol"}),
        why=why,
    )


def _refusal(
    refused: Sequence[answers.ControlResult],
    detail: str,
    *,
    problems: Sequence[RefusalReason] | None = None,
    results: Sequence[SymbolOutcome] | None = None,
) -> ProblemError:
    unanswered = all(result.problems == [_NO_ANSWER] for result in refused)
    status, code = (_S.SERVICE_UNAVAILABLE, "NO_ANSWER") if unanswered else (_S.CONFLICT, "REFUSED")
    return ProblemError(status, code, detail, problems=problems, results=results)
