"""Quoting models at the configuration's door: how their parameters are documented, read and refused."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import JsonValue
from pydantic_core import PydanticCustomError

from market_maker.api.decimals import DecimalRange, plain
from market_maker.api.validation import FieldError
from market_maker.core.config import SymbolConfig
from market_maker.core.pricing.models.proposal import ModelKind, Parameter
from market_maker.core.pricing.models.registry import UnknownModelError, model_kind, model_kinds

PREFIX = "model_parameters"


class ModelRefusedError(ValueError):
    """The model or some of its parameters cannot be taken."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors))
        self.errors = errors


def read_parameters(
    model: str, given: Mapping[str, object], kept: Mapping[str, Decimal]
) -> tuple[tuple[str, Decimal], ...]:
    """The parameters of a model as the configuration holds them: those given now, and those kept from before.

    Raises ModelRefusedError, which names each field that is wrong.
    """
    try:
        kind = model_kind(model)
    except UnknownModelError as error:
        detail = str(error).removeprefix("model: ")
        raise ModelRefusedError([FieldError(location="body", field="model", detail=detail)]) from None
    parameters = {parameter.name: parameter for parameter in kind.parameters}
    read, errors = dict(kept), []
    for name, value in given.items():
        try:
            read[name] = _read(kind, parameters.get(name), value)
        except PydanticCustomError as error:
            field = f"{PREFIX}.{name[:64]}"
            errors.append(FieldError(location="body", field=field, detail=error.message()))
    if errors:
        raise ModelRefusedError(errors)
    return tuple(sorted(read.items()))


def with_model(before: SymbolConfig, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with `model_parameters` as the configuration holds them.

    Parameters of the model that are not named keep their value, unless the model is another one.
    """
    if not changes.keys() & {"model", PREFIX}:
        return dict(changes)
    model = changes.get("model", before.model)
    kept = dict(before.model_parameters) if model == before.model else {}
    return {**changes, PREFIX: read_parameters(model, changes.get(PREFIX, {}), kept)}


def parameters_schema() -> dict[str, Any]:
    """What `model_parameters` may be, one schema for each model."""
    return {"type": "object", "anyOf": [_schema(kind) for kind in model_kinds()]}


def chosen_by_model(schema: dict[str, JsonValue]) -> None:
    """Say in a body's schema which parameters go with which model."""
    schema["allOf"] = [
        {
            "if": {"properties": {"model": {"const": kind.name}}, "required": ["model"]},
            "then": {"properties": {PREFIX: _schema(kind)}},
        }
        for kind in model_kinds()
    ]


def _schema(kind: ModelKind) -> dict[str, JsonValue]:
    return {
        "title": kind.name,
        "description": kind.says,
        "type": "object",
        "additionalProperties": False,
        "properties": {parameter.name: _property(parameter) for parameter in kind.parameters},
    }


def _property(parameter: Parameter) -> dict[str, JsonValue]:
    low, high = Decimal(parameter.low), Decimal(parameter.high)
    return {
        "description": parameter.says,
        "default": plain(parameter.default),
        "x-unit": parameter.unit,
        "anyOf": [
            {"type": "string", "pattern": DecimalRange(parameter.low, parameter.high).pattern},
            {"type": "number", "minimum": float(low), "maximum": float(high)},
        ],
    }


def _read(kind: ModelKind, parameter: Parameter | None, value: object) -> Decimal:
    if parameter is None:
        names = ", ".join(one.name for one in kind.parameters) or "none of its own"
        sentence = f"is no parameter of {kind.name}, which has {names}: remove it"
        raise PydanticCustomError("no_parameter", "{sentence}", {"sentence": sentence})
    return DecimalRange(parameter.low, parameter.high).parse(value)
