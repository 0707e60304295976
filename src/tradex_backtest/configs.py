"""Configurations of a backtest: YAML files, with the fields that the API takes, and what is swept over.

A file holds the fields of one symbol's configuration; `symbol` limits it to that market, `name` is how the
report calls it (its file's name, else). A sweep gives one field several values; sweeps are crossed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from market_maker.api.model_schemas import ModelRefusedError, with_model
from market_maker.api.requests import ConfigCreate
from market_maker.api.validation import field_errors
from market_maker.core.config import SymbolConfig
from tradex_backtest.errors import BacktestError

ANY_SYMBOL: Final = "ANY"
"""Stands for the market's own until a configuration meets one."""
SPREAD: Final = "base_spread_bps"
HALF_SPREAD: Final = "half_spread_bps"
"""Half of it, for those who think in distances from the mid."""
_TWINS: Final = {SPREAD: HALF_SPREAD, HALF_SPREAD: SPREAD}
VARIANTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class NamedConfig:
    """A configuration and how the report calls it; `symbol` None: it suits any market."""

    name: str
    symbol: str | None
    config: SymbolConfig

    def for_symbol(self, symbol: str) -> SymbolConfig:
        """The configuration of one market."""
        return replace(self.config, symbol=symbol)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One field and the values that it takes in turn."""

    field: str
    values: tuple[object, ...]


class _Loader(yaml.SafeLoader):
    """Reads numbers exactly."""


def _exact(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    text = loader.construct_scalar(node)
    try:
        return Decimal(text.replace("_", ""))
    except InvalidOperation:
        raise yaml.MarkedYAMLError(problem=f"{text} is no number", problem_mark=node.start_mark) from None


_Loader.add_constructor("tag:yaml.org,2002:float", _exact)


def parse_sweep(text: str) -> Sweep:
    """Read `field=2,4,6`; BacktestError."""
    field, _, values = text.partition("=")
    parts = [part.strip() for part in values.split(",")]
    if not field or not all(parts):
        raise BacktestError(f"{text!r}: write it as field=value,value,... such as base_spread_bps=2,4,6")
    return Sweep(field.strip(), tuple(_scalar(part) for part in parts))


def read_configs(paths: Sequence[Path], sweeps: Sequence[Sweep]) -> list[NamedConfig]:
    """Every file crossed with every sweep, in order; without files the defaults. BacktestError."""
    bases = [_read(path) for path in paths] or [("default", {})]
    count = len(bases)
    for sweep in sweeps:
        count *= len(sweep.values)
    if count > VARIANTS_MAX:
        raise BacktestError(f"--sweep: {count} configurations are too many, at most {VARIANTS_MAX}")
    configs = [variant for name, fields in bases for variant in _variants(name, fields, sweeps)]
    names = [config.name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise BacktestError(f"two configurations are called {name!r}: give one of them another `name`")
    return configs


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        content = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 -- a SafeLoader
    except OSError as error:
        raise BacktestError(f"--config: {path} cannot be read: {error.strerror}; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BacktestError(f"--config: {path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise BacktestError(f"--config: {path} must hold fields such as base_spread_bps: 4")
    fields = dict(content)
    return str(fields.pop("name", path.stem)), fields


def _variants(name: str, fields: Mapping[str, Any], sweeps: Iterable[Sweep]) -> Iterator[NamedConfig]:
    swept = list(sweeps)
    for values in product(*(sweep.values for sweep in swept)):
        chosen = dict(zip((sweep.field for sweep in swept), values, strict=True))
        words = " ".join(f"{field}={value}" for field, value in chosen.items())
        yield _config(f"{name} {words}".strip(), _with(fields, chosen))


def _with(fields: Mapping[str, Any], chosen: Mapping[str, object]) -> dict[str, Any]:
    """The fields of a file with those of a sweep; a dot leads into the model's parameters.

    A sweep of the spread takes the place of the file's, whichever way each is given.
    """
    merged = {field: value for field, value in fields.items() if _TWINS.get(field) not in chosen}
    for field, value in chosen.items():
        outer, _, inner = field.partition(".")
        merged[outer] = {**merged.get(outer, {}), inner: value} if inner else value
    return merged


def _config(name: str, given: dict[str, Any]) -> NamedConfig:
    fields = dict(given)
    if HALF_SPREAD in fields:
        if SPREAD in fields:
            raise BacktestError(
                f"configuration {name!r}: {HALF_SPREAD} is half of {SPREAD}: give one of them"
            )
        fields[SPREAD] = _twice(name, fields.pop(HALF_SPREAD))
    symbol = fields.pop("symbol", None)
    try:
        body = ConfigCreate.model_validate({**fields, "symbol": symbol or ANY_SYMBOL})
    except ValidationError as error:
        first = error.errors()[0]
        (wrong,) = field_errors([{**first, "loc": ("body", *first["loc"])}])
        raise BacktestError(f"configuration {name!r}: {wrong.field}: {wrong.detail}") from None
    try:
        settings = with_model(SymbolConfig(body.symbol), body.settings)
    except ModelRefusedError as error:
        raise BacktestError(f"configuration {name!r}: {error}") from None
    return NamedConfig(name, symbol, SymbolConfig(**settings))


def _twice(name: str, value: object) -> Decimal:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise BacktestError(f"configuration {name!r}: {HALF_SPREAD}: must be a number, got {value!r}")
    return Decimal(value) * 2


def _scalar(text: str) -> object:
    """A value as a file would have it."""
    value: object = yaml.load(text, _Loader)  # noqa: S506 -- a SafeLoader
    return value
