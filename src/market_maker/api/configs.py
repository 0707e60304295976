"""Configuration of symbols: list, create, read, update, delete."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from market_maker.api import answers, approval, rendering
from market_maker.api.approval import ENABLING_WAITS
from market_maker.api.confirmation import require_confirmed_change, require_confirmed_removal
from market_maker.api.context import Call, CallOf, DeskOf, SymbolInPath
from market_maker.api.guard import DeskRoute
from market_maker.api.model_schemas import ModelRefusedError, with_model
from market_maker.api.ports import ActiveSymbolError, Desk, SupersededError
from market_maker.api.problems import BODY_PROBLEMS, ProblemError, documented, of_fields, unknown_symbol
from market_maker.api.requests import ConfigCreate, ConfigUpdate, DeleteRequest
from market_maker.api.validation import SYMBOL_PATTERN, FieldError
from market_maker.core.config import SymbolConfig
from market_maker.core.states import State
from market_maker.repositories.proposals import ConfigProposal

router = APIRouter(route_class=DeskRoute, tags=["configuration"])

_S = HTTPStatus
AMENDING: dict[int | str, dict[str, Any]] = {
    _S.ACCEPTED: {
        "model": answers.ProposalItem,
        "description": "It waits for a second person to approve it.",
    },
    **documented(*BODY_PROBLEMS, _S.FORBIDDEN, _S.NOT_FOUND, _S.CONFLICT, _S.SERVICE_UNAVAILABLE),
}
"""How a change of a configuration may end."""


@router.get("/v1/mm-configs", responses=documented(_S.SERVICE_UNAVAILABLE))
async def list_configs(desk: DeskOf) -> answers.ConfigList:
    """Every configuration, sorted by symbol."""
    return answers.ConfigList(items=[rendering.config(config) for config in await desk.configs()])


@router.post(
    "/v1/mm-configs",
    status_code=_S.CREATED,
    responses={
        _S.CREATED: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Its path."}}},
        **documented(*BODY_PROBLEMS, _S.FORBIDDEN, _S.CONFLICT, _S.SERVICE_UNAVAILABLE),
    },
)
async def create_config(body: ConfigCreate, call: CallOf, response: Response) -> answers.Config:
    """Configure a symbol that the Metadata Service knows.

    Fields left out take their defaults. The symbol starts PAUSED, whatever `enabled` says: nothing
    quotes before `enable` or `resume`. Where changes need approval, `enabled` must be false here. Limits
    above the defaults, or above the symbol's last ones, need the role of their owner. With `dry_run` the
    answer is the same, and nothing is configured.
    """
    config = consistent(SymbolConfig(**modelled(SymbolConfig(body.symbol), body.settings)))
    async with call.config_lock:
        if config.enabled and call.approval.is_needed:
            raise ProblemError(_S.CONFLICT, "APPROVAL_NEEDED", f"enabled: {ENABLING_WAITS}")
        last = [row.config for row in await call.desk.versions(config.symbol, None, 2) if row.config]
        call.approval.require_owner(call.principal, last[0] if last else SymbolConfig(config.symbol), config)
        if body.dry_run:
            await call.desk.require_creatable(config.symbol)
        else:
            await call.desk.create_config(config, call.actor, body.reason or "created")
    response.headers["Location"] = f"/v1/mm-configs/{config.symbol}"
    answer = rendering.config(config)
    if body.dry_run:
        return answer
    after = answer.model_dump(mode="json")
    await call.record("POST /v1/mm-configs", config.symbol, None, after, body.reason or "created")
    return answer


@router.get("/v1/mm-configs/{symbol}", responses=documented(_S.NOT_FOUND, _S.SERVICE_UNAVAILABLE))
async def get_config(symbol: SymbolInPath, desk: DeskOf) -> answers.Config:
    """One configuration."""
    return rendering.config(await _current(desk, symbol))


@router.put("/v1/mm-configs/{symbol}", response_model=answers.Config, responses=AMENDING)
async def update_config(
    symbol: SymbolInPath, body: ConfigUpdate, call: CallOf
) -> answers.Config | JSONResponse:
    """Change a configuration: the fields in the body replace theirs, fields left out keep their value.

    Takes effect with the next quote; of a symbol that no instance runs at the moment, once one does.
    `enabled: false` pauses an ACTIVE symbol; `enabled: true` starts nothing by itself. `symbol` may be
    sent, but only as it stands in the path. A size or limit more than 10 times as large, a spread less than
    a tenth, and a limit below the present inventory or loss need `confirm`. With `replaces` it is refused
    when somebody else has changed the configuration meanwhile. Where changes need approval, one that lets the
    symbol risk more is answered with 202 and waits, as a whole, for a second person. With `dry_run` nothing
    does: the proposal in the answer has the id 0.
    """
    require_same_symbol(symbol, body)
    return await amend(
        call,
        symbol,
        lambda now: replace(now, **modelled(now, body.settings)),
        route="PUT /v1/mm-configs/{symbol}",
        why=body.reason or "updated",
        confirm=body.confirm,
        replaces=body.replaces,
        stops=body.settings.get("enabled") is False,
        dry_run=bool(body.dry_run),
    )


async def amend(
    call: Call,
    symbol: str,
    change: Callable[[SymbolConfig], SymbolConfig],
    *,
    route: str,
    why: str,
    confirm: bool,
    replaces: int | None,
    stops: bool = False,
    dry_run: bool = False,
) -> answers.Config | JSONResponse:
    """Change a symbol's configuration, or propose to, and record it. `stops`: nobody may wait to start it."""
    async with call.config_lock:
        before = await _current(call.desk, symbol)
        if call.approval.is_needed or dry_run:  # what is compared now is what will be replaced
            before, replaces = await _version(call.desk, symbol, replaces)
        after = consistent(change(before))
        if not confirm:
            view = call.desk.view(symbol)
            require_confirmed_change(before, after, None if view is None else view.pnl)
        loosens = call.approval.waits_for(before, after)
        if loosens and replaces is not None:
            made = _proposal(call, before, after, loosens, why, replaces)
            return _proposed(call, made) if dry_run else await _propose(call, route, made)
        call.approval.require_owner(call.principal, before, after)
        if dry_run:
            return rendering.config(after)
        if stops:
            call.waits.stop([symbol])
        await call.desk.update_config(after, call.actor, why, replaces)
    answer = rendering.config(after)
    was = rendering.config(before).model_dump(mode="json")
    await call.record(route, symbol, was, answer.model_dump(mode="json"), why)
    return answer


async def _version(desk: Desk, symbol: str, replaces: int | None) -> tuple[SymbolConfig, int]:
    """The present configuration and its version; 409 when it is not the one that shall be replaced."""
    [row] = await desk.versions(symbol, None, 1)
    if row.config is None:
        raise unknown_symbol(symbol)
    if replaces not in (None, row.version):
        raise SupersededError(
            f"version {replaces} of {symbol} is not the present one, which is {row.version}"
        )
    return row.config, row.version


def _proposal(
    call: Call,
    before: SymbolConfig,
    after: SymbolConfig,
    loosens: Sequence[str],
    why: str,
    replaces: int,
) -> ConfigProposal:
    """A change as it would wait for a second person; it is kept nowhere yet."""
    changes = [change.model_dump(mode="json") for change in rendering.changes(before, after)]
    at = approval.now()
    expires_at = at + call.approval.expires_after
    return ConfigProposal(0, before.symbol, replaces, changes, loosens, call.actor, why, at, expires_at)


async def _propose(call: Call, route: str, made: ConfigProposal) -> JSONResponse:
    """Keep a change for a second person: 202."""
    made = replace(made, id=await call.approval.kept.add(made))
    after = {"proposal": proposal_answer(call.approval, made).model_dump(mode="json")}
    await call.record(route, made.symbol, None, after, made.reason)
    return _proposed(call, made)


def _proposed(call: Call, made: ConfigProposal) -> JSONResponse:
    return JSONResponse(proposal_answer(call.approval, made).model_dump(mode="json"), _S.ACCEPTED)


def proposal_answer(policy: approval.Approval, row: ConfigProposal) -> answers.ProposalItem:
    """A proposal, as the answers show it."""
    decision = row.decision
    return answers.ProposalItem.of(
        row,
        state=row.state(approval.now()),
        changes=[answers.FieldChange.model_validate(change) for change in row.changes],
        loosens=list(row.loosens),
        needs_role=policy.role_for(row.loosens).value,
        decided_at=None if decision is None else decision.at,
        decided_by=None if decision is None else decision.by,
        decision_reason=None if decision is None else decision.reason,
    )


@router.delete(
    "/v1/mm-configs/{symbol}",
    status_code=_S.NO_CONTENT,
    responses=documented(*BODY_PROBLEMS, _S.NOT_FOUND, _S.CONFLICT, _S.SERVICE_UNAVAILABLE),
)
async def delete_config(
    symbol: SymbolInPath,
    call: CallOf,
    body: DeleteRequest | None = None,
    confirm: Annotated[bool, Query(description="The same as in the body.")] = False,
) -> None:
    """Remove a configuration; refused while the symbol is ACTIVE, and with a position unless confirmed.

    Its fills, orders and events stay recorded and readable.
    """
    given = body or DeleteRequest()
    async with call.config_lock:
        before = rendering.config(await _current(call.desk, symbol)).model_dump(mode="json")
        await _require_not_active(call.desk, symbol)
        if not (given.confirm or confirm):
            view = call.desk.view(symbol)
            held = await call.desk.stored_position(symbol) if view is None else view.pnl.position
            require_confirmed_removal(symbol, held)
        why = given.reason or "deleted"
        await call.desk.delete_config(symbol, call.actor, why)
    await call.record("DELETE /v1/mm-configs/{symbol}", symbol, before, None, why)


async def _current(desk: Desk, symbol: str) -> SymbolConfig:
    config = await desk.config(symbol) if re.fullmatch(SYMBOL_PATTERN, symbol) else None
    if config is None:
        raise unknown_symbol(symbol)
    return config


async def _require_not_active(desk: Desk, symbol: str) -> None:
    """409 for a symbol that runs nowhere, but was ACTIVE when its last instance stored it."""
    if not desk.runs(symbol) and (await desk.stored_states([symbol]))[symbol].state is State.ACTIVE:
        raise ActiveSymbolError(f"{symbol} was ACTIVE when its instance was lost: wait until one takes it")


def require_same_symbol(symbol: str, body: ConfigUpdate) -> None:
    """422 when the body means another symbol than the path."""
    if body.model_dump(include={"symbol"}, exclude_unset=True).get("symbol", symbol) != symbol:
        raise _refused("symbol", "cannot be changed: leave it out, or delete and create")


def modelled(before: SymbolConfig, changes: dict[str, Any]) -> dict[str, Any]:
    """The changes, the model's parameters as the configuration holds them; 422 for what no model takes."""
    try:
        return with_model(before, changes)
    except ModelRefusedError as error:
        status = _S.UNPROCESSABLE_ENTITY
        raise ProblemError(status, "VALIDATION_FAILED", str(error), errors=error.errors) from None


def consistent(config: SymbolConfig) -> SymbolConfig:
    """Check what no single field can tell."""
    if config.max_position_usdt < config.order_size_usdt:
        raise _refused(
            "max_position_usdt",
            f"{config.max_position_usdt:f} is less than order_size_usdt ({config.order_size_usdt:f}), so that"
            " no order could ever be placed: raise it, or lower order_size_usdt",
        )
    return config


def _refused(field: str, detail: str) -> ProblemError:
    return of_fields([FieldError(location="body", field=field, detail=detail)])
