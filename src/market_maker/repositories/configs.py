"""`mm_configs`: what the desk sets per symbol; the database keeps a version of each that was written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from market_maker.core.config import FairValue, SymbolConfig
from market_maker.repositories.errors import DuplicateError, VersionConflictError
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import configs as sql
from market_maker.repositories.generated.models import StoredConfig
from market_maker.repositories.text import storable


@dataclass(frozen=True, slots=True)
class Written:
    """Who writes a configuration, why, and over which version."""

    author: str = ""
    """Empty: the user of the database."""
    reason: str = ""
    replaces: int | None = None
    """The version that must be the present one; None: whichever is."""


BY_DATABASE_USER = Written()


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """A stored configuration."""

    config: SymbolConfig
    created_at: datetime
    updated_at: datetime


class ConfigRepository:
    """Configurations of all symbols, durable. Give a connection inside a transaction to write several."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def list(self) -> Sequence[ConfigRecord]:
        """Every configuration, by symbol."""
        return [_record(row) for row in await sql.list_configs(self._db)]

    async def refreshed(self, known: Mapping[str, ConfigRecord]) -> dict[str, ConfigRecord]:
        """Every configuration, by symbol; only what is not known as it is now is read."""
        written = {row.symbol: row.updated_at for row in await sql.list_config_versions(self._db)}
        changed = [one for one, at in written.items() if one not in known or known[one].updated_at != at]
        rows = await sql.list_configs_of(self._db, symbols=changed) if changed else ()
        read = {row.symbol: _record(row) for row in rows}
        found = {**known, **read}
        return {symbol: found[symbol] for symbol in written if symbol in found}

    async def fingerprint(self) -> object:
        """Something that differs whenever a configuration was added, changed or removed."""
        return await sql.configs_changed(self._db)

    async def get(self, symbol: str) -> ConfigRecord | None:
        """One configuration, None when the symbol has none."""
        return _optional(await sql.get_config(self._db, symbol=symbol))

    async def insert(self, config: SymbolConfig, by: Written = BY_DATABASE_USER) -> ConfigRecord:
        """Add a configuration. Raises DuplicateError when the symbol has one."""
        try:
            row = await sql.insert_config(self._db, **_settings(config), **_written(by))
        except asyncpg.UniqueViolationError as error:
            raise DuplicateError(f"{config.symbol} is configured already") from error
        assert row is not None, "INSERT ... RETURNING gives a row or an error"  # noqa: S101 - invariant
        return _record(row)

    async def update(self, config: SymbolConfig, by: Written = BY_DATABASE_USER) -> ConfigRecord | None:
        """Replace every setting of the symbol; None when it has no configuration.

        Raises SupersededError when another version than `by.replaces` is the present one.
        """
        try:
            return _optional(await sql.update_config(self._db, **_settings(config), **_written(by)))
        except asyncpg.TriggeredActionError as error:
            raise VersionConflictError(str(error)) from error

    async def set_enabled(
        self, symbol: str, *, enabled: bool, by: Written = BY_DATABASE_USER
    ) -> ConfigRecord | None:
        """Switch a symbol on or off and touch nothing else; None when it has no configuration."""
        return _optional(
            await sql.set_config_enabled(self._db, symbol=symbol, enabled=enabled, **_written(by))
        )

    async def delete(self, symbol: str, by: Written = BY_DATABASE_USER) -> bool:
        """Remove a configuration; false when there was none. State, position and history stay."""
        return await sql.delete_config(self._db, symbol=symbol, **_written(by)) == 1


def _settings(config: SymbolConfig) -> dict[str, Any]:
    settings = {name: getattr(config, name) for name in SymbolConfig.__dataclass_fields__}
    parameters = {name: f"{value:f}" for name, value in config.model_parameters}
    return settings | {"fair_value": config.fair_value.value, "model_parameters": json.dumps(parameters)}


def _written(by: Written) -> dict[str, Any]:
    return {"author": storable(by.author), "reason": storable(by.reason), "replaces": by.replaces}


def _record(row: StoredConfig) -> ConfigRecord:
    settings = {name: getattr(row, name) for name in SymbolConfig.__dataclass_fields__}
    settings["fair_value"] = FairValue(row.fair_value)
    parameters = json.loads(row.model_parameters)
    settings["model_parameters"] = tuple((name, Decimal(text)) for name, text in sorted(parameters.items()))
    return ConfigRecord(SymbolConfig(**settings), row.created_at, row.updated_at)


def _optional(row: StoredConfig | None) -> ConfigRecord | None:
    return None if row is None else _record(row)
