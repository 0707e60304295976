"""`mm_config_versions`: every configuration that a symbol has had. The database writes them, nobody else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from market_maker.core.config import FairValue, SymbolConfig
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import versions as sql
from market_maker.repositories.generated.models import StoredVersion
from market_maker.repositories.paging import ID_MAX, page_limit


@dataclass(frozen=True, slots=True)
class Version:
    """One configuration that a symbol has had."""

    symbol: str
    version: int
    """Counts the symbol's configurations from 1."""
    at: datetime
    author: str
    reason: str
    config: SymbolConfig | None
    """None: it was removed."""


class VersionRepository:
    """The configurations of all symbols, with those that hold no more."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def list(self, symbol: str, before: int | None = None, limit: int = 100) -> Sequence[Version]:
        """Versions of a symbol under `before`, newest first."""
        below = ID_MAX if before is None else before
        rows = await sql.list_versions(
            self._db, symbol=symbol, before_version=below, row_limit=page_limit(limit)
        )
        return [_version(row) for row in rows]

    async def of_period(self, since: datetime, until: datetime) -> Sequence[Version]:
        """What held at `since` and what was written until `until`, of every symbol, oldest first."""
        rows = await sql.list_versions_of_period(self._db, since=since, until=until)
        return [_version(row) for row in rows]


def _version(row: StoredVersion) -> Version:
    config = None if row.settings is None else _config(row.settings)
    return Version(row.symbol, row.version, row.at, row.author, row.reason, config)


def _config(settings: str) -> SymbolConfig:
    """As it was written; a setting that did not exist then has its default, one that is gone is left out."""
    stored = json.loads(settings, parse_float=Decimal)
    return SymbolConfig(
        **{
            field.name: _value(field.type, stored[field.name])
            for field in fields(SymbolConfig)
            if field.name in stored
        }
    )


def _value(kind: object, stored: Any) -> Any:
    """A setting from the JSON of its column."""
    if kind is Decimal:
        return Decimal(stored)
    if kind is FairValue:
        return FairValue(stored)
    if isinstance(stored, dict):  # a model's parameters
        return tuple((name, Decimal(text)) for name, text in sorted(stored.items()))
    return stored
