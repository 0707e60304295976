"""Configuration of symbols: list, create, read, update, delete."""

import re
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from market_maker.api import answers, rendering
from market_maker.api.audit import entry
from market_maker.api.confirmation import require_confirmed_change, require_confirmed_removal
from market_maker.api.context import CallOf, DeskOf, SymbolInPath
from market_maker.api.guard import DeskRoute
from market_maker.api.model_schemas import ModelRefusedError, with_model
from market_maker.api.patterns import SYMBOL_PATTERN
from market_maker.api.ports import ActiveSymbolError, Desk
from market_maker.api.problems import ProblemError, documented, unknown_symbol
from market_maker.api.requests import ConfigCreate, ConfigUpdate, DeleteRequest
from market_maker.api.validation import FieldError
from market_maker.core.config import SymbolConfig
from market_maker.core.states import State

router = APIRouter(route_class=DeskRoute, tags=["configuration"])

_S = HTTPStatus
_BODY = (_S.BAD_REQUEST, _S.REQUEST_ENTITY_TOO_LARGE, _S.UNSUPPORTED_MEDIA_TYPE)


@router.get("/v1/mm-configs", responses=documented(_S.SERVICE_UNAVAILABLE))
async def list_configs(desk: DeskOf) -> answers.ConfigList:
    """Every configuration, sorted by symbol."""
    return answers.ConfigList(items=[rendering.config(config) for config in await desk.configs()])


@router.post(
    "/v1/mm-configs",
    status_code=_S.CREATED,
    responses={
        _S.CREATED: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Its path."}}},
        **documented(*_BODY, _S.CONFLICT, _S.SERVICE_UNAVAILABLE),
    },
)
async def create_config(body: ConfigCreate, call: CallOf, response: Response) -> answers.Config:
    """Configure a symbol that the Metadata Service knows.

    Fields left out take their defaults. The symbol starts PAUSED, whatever `enabled` says: nothing
    quotes before `enable` or `resume`.
    """
    config = consistent(SymbolConfig(**modelled(SymbolConfig(body.symbol), dict(body))))
    async with call.config_lock:
        await call.desk.create_config(config, call.actor)
    response.headers["Location"] = f"/v1/mm-configs/{config.symbol}"
    answer = rendering.config(config)
    after = answer.model_dump(mode="json")
    route = "POST /v1/mm-configs"
    await call.audit.record(
        [entry(call.principal, route, config.symbol, before=None, after=after, why="created")]
    )
    return answer


@router.get("/v1/mm-configs/{symbol}", responses=documented(_S.NOT_FOUND, _S.SERVICE_UNAVAILABLE))
async def get_config(symbol: SymbolInPath, desk: DeskOf) -> answers.Config:
    """One configuration."""
    return rendering.config(await _current(desk, symbol))


@router.put(
    "/v1/mm-configs/{symbol}",
    responses=documented(*_BODY, _S.NOT_FOUND, _S.CONFLICT, _S.SERVICE_UNAVAILABLE),
)
async def update_config(symbol: SymbolInPath, body: ConfigUpdate, call: CallOf) -> answers.Config:
    """Change a configuration: the fields in the body replace theirs, fields left out keep their value.

    Takes effect with the next quote; of a symbol that no instance runs at the moment, once one does.
    `enabled: false` pauses an ACTIVE symbol; `enabled: true` starts nothing by itself. `symbol` may be
    sent, but only as it stands in the path. A size or limit more than 10 times as large, a spread less than
    a tenth, and a limit below the present inventory or loss need `confirm`.
    """
    if body.model_dump(include={"symbol"}, exclude_unset=True).get("symbol", symbol) != symbol:
        raise _refused("symbol", "cannot be changed: leave it out, or delete and create")
    async with call.config_lock:
        before = await _current(call.desk, symbol)
        after = consistent(replace(before, **modelled(before, body.changes)))
        if not body.confirm:
            view = call.desk.view(symbol)
            require_confirmed_change(before, after, None if view is None else view.pnl)
        if body.changes.get("enabled") is False:
            call.waits.stop([symbol])
        await call.desk.update_config(after, call.actor)
    answer = rendering.config(after)
    was = rendering.config(before).model_dump(mode="json")
    route = "PUT /v1/mm-configs/{symbol}"
    row = entry(
        call.principal,
        route,
        symbol,
        before=was,
        after=answer.model_dump(mode="json"),
        why=body.reason or "updated",
    )
    await call.audit.record([row])
    return answer


@router.delete(
    "/v1/mm-configs/{symbol}",
    status_code=_S.NO_CONTENT,
    responses=documented(*_BODY, _S.NOT_FOUND, _S.CONFLICT, _S.SERVICE_UNAVAILABLE),
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
        await call.desk.delete_config(symbol, call.actor)
    route = "DELETE /v1/mm-configs/{symbol}"
    why = given.reason or "deleted"
    await call.audit.record([entry(call.principal, route, symbol, before=before, after=None, why=why)])


async def _current(desk: Desk, symbol: str) -> SymbolConfig:
    config = await desk.config(symbol) if re.fullmatch(SYMBOL_PATTERN, symbol) else None
    if config is None:
        raise unknown_symbol(symbol)
    return config


async def _require_not_active(desk: Desk, symbol: str) -> None:
    """409 for a symbol that runs nowhere, but was ACTIVE when its last instance stored it."""
    if not desk.runs(symbol) and (await desk.stored_states([symbol]))[symbol].state is State.ACTIVE:
        raise ActiveSymbolError(f"{symbol} was ACTIVE when its instance was lost: wait until one takes it")


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
    error = FieldError(location="body", field=field, detail=detail)
    status = _S.UNPROCESSABLE_ENTITY
    return ProblemError(status, "VALIDATION_FAILED", f"{field}: {detail}", errors=[error])
