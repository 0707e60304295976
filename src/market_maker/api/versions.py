"""The configurations that a symbol has had: list, one, difference, and the way back to one."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from market_maker.api import answers, rendering
from market_maker.api.answers import Answer
from market_maker.api.configs import AMENDING, amend
from market_maker.api.context import CallOf, DeskOf, SymbolInPath
from market_maker.api.decimals import Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import Limit, NextCursor, RowCursor, page, row_id
from market_maker.api.ports import Desk
from market_maker.api.problems import ProblemError, documented, unknown_symbol
from market_maker.api.requests import VERSION_MAX, RollbackRequest
from market_maker.repositories.versions import Version

router = APIRouter(route_class=DeskRoute, tags=["configuration"])

_S = HTTPStatus
_RESPONSES = documented(_S.NOT_FOUND, _S.SERVICE_UNAVAILABLE)
_IN_PATH = Path(ge=1, le=VERSION_MAX, description="Counts the symbol's configurations from 1.")


class ConfigVersion(Answer):
    """One configuration that the symbol has had."""

    symbol: str
    version: int = Field(description="Counts the symbol's configurations from 1.")
    at: Timestamp
    author: str = Field(description="Who asked for it; the database's user where it was not by this API.")
    reason: str
    config: answers.Config | None = Field(description="Null: it was removed.")
    changes: list[answers.FieldChange] = Field(description="What differs from the version before.")


class VersionPage(Answer):
    """Versions, newest first."""

    items: list[ConfigVersion]
    next_cursor: NextCursor


class VersionDifference(Answer):
    """What differs between two versions."""

    symbol: str
    from_version: int
    to_version: int
    changes: list[answers.FieldChange]


@router.get("/v1/mm-configs/{symbol}/versions", responses=_RESPONSES)
async def list_versions(
    symbol: SymbolInPath, desk: DeskOf, limit: Limit = 100, cursor: RowCursor = None
) -> VersionPage:
    """Every configuration that the symbol has had, also of one that is not configured any more."""
    rows = await desk.versions(symbol, row_id(cursor), limit + 1)
    if not rows and (cursor is None or not await desk.versions(symbol, None, 1)):
        raise unknown_symbol(symbol)
    shown, next_cursor = page(rows, limit, lambda row: row.version)
    older = [*rows[1:], None]
    items = [_version(row, earlier) for row, earlier in zip(shown, older, strict=False)]
    return VersionPage(items=items, next_cursor=next_cursor)


@router.get("/v1/mm-configs/{symbol}/versions/{version}", responses=_RESPONSES)
async def get_version(symbol: SymbolInPath, version: Annotated[int, _IN_PATH], desk: DeskOf) -> ConfigVersion:
    """One configuration that the symbol has had."""
    rows = await desk.versions(symbol, version + 1, 2)
    return _version(_require(rows, symbol, version), rows[1] if len(rows) > 1 else None)


@router.get("/v1/mm-configs/{symbol}/versions/{version}/diff", responses=_RESPONSES)
async def compare_versions(
    symbol: SymbolInPath,
    version: Annotated[int, _IN_PATH],
    desk: DeskOf,
    to: Annotated[
        int | None, Query(ge=1, le=VERSION_MAX, description="The other version; leave out for the present.")
    ] = None,
) -> VersionDifference:
    """What differs from one version to another, or to the present configuration."""
    one = await version_of(desk, symbol, version)
    other = (await desk.versions(symbol, None, 1))[0] if to is None else await version_of(desk, symbol, to)
    return VersionDifference(
        symbol=symbol,
        from_version=one.version,
        to_version=other.version,
        changes=rendering.changes(one.config, other.config),
    )


@router.post(
    "/v1/mm-configs/{symbol}/rollback",
    response_model=answers.Config,
    responses=AMENDING,
)
async def roll_back(
    symbol: SymbolInPath, body: RollbackRequest, call: CallOf
) -> answers.Config | JSONResponse:
    """Give a symbol the settings of an earlier version, as a new version.

    It starts and stops nothing: `enabled` stays as it is. What a PUT would need to have confirmed, this
    needs, too.
    """
    row = await version_of(call.desk, symbol, body.version)
    if row.config is None:
        detail = f"version {body.version} of {symbol} is its removal: name one with a configuration"
        raise ProblemError(_S.CONFLICT, "VERSION_IS_REMOVAL", detail)
    wanted = row.config
    return await amend(
        call,
        symbol,
        lambda now: replace(wanted, enabled=now.enabled),
        route="POST /v1/mm-configs/{symbol}/rollback",
        why=f"back to version {body.version}: {body.reason}",
        confirm=body.confirm,
        replaces=body.replaces,
    )


async def version_of(desk: Desk, symbol: str, version: int) -> Version:
    """One version; 404 when there is none of that number."""
    return _require(await desk.versions(symbol, version + 1, 1), symbol, version)


def _require(rows: Sequence[Version], symbol: str, version: int) -> Version:
    if not rows or rows[0].version != version:
        detail = f"{symbol[:40]!r} has no version {version}: GET its /versions lists them"
        raise ProblemError(_S.NOT_FOUND, "UNKNOWN_VERSION", detail)
    return rows[0]


def _version(row: Version, earlier: Version | None) -> ConfigVersion:
    return ConfigVersion.of(
        row,
        config=None if row.config is None else rendering.config(row.config),
        changes=rendering.changes(None if earlier is None else earlier.config, row.config),
    )
