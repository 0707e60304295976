"""Which quoting models there are: those of the box, and what was added before the first engine was made."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from market_maker.core.pricing.models import avellaneda_stoikov, glft, linear_skew
from market_maker.core.pricing.models.proposal import ModelKind, Parameter

DEFAULT: Final = linear_skew.NAME

_KINDS: Final[dict[str, ModelKind]] = {
    kind.name: kind for kind in (linear_skew.KIND, avellaneda_stoikov.KIND, glft.KIND)
}


class UnknownModelError(ValueError):
    """There is no model of this name here."""


class ParameterError(ValueError):
    """A parameter that a model does not have, or outside of its range."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"model_parameters.{name}: {detail}")
        self.name = name
        self.detail = detail


def add_model(kind: ModelKind) -> None:
    """Let a further model be chosen. ValueError when its name is taken or a default is out of range."""
    if kind.name in _KINDS:
        raise ValueError(f"there is a model {kind.name!r} already")
    for parameter in kind.parameters:
        _require_in_range(parameter, parameter.default)
    _KINDS[kind.name] = kind


def model_kinds() -> tuple[ModelKind, ...]:
    """Every model, the default first, the others by name."""
    others = sorted((kind for kind in _KINDS.values() if kind.name != DEFAULT), key=lambda kind: kind.name)
    return _KINDS[DEFAULT], *others


def model_kind(name: str) -> ModelKind:
    """The model of that name. Raises UnknownModelError, which lists those that there are."""
    kind = _KINDS.get(name)
    if kind is None:
        known = ", ".join(one.name for one in model_kinds())
        raise UnknownModelError(
            f"model: there is no model {name!r} here: give one of {known}, or install its package"
        )
    return kind


def resolved(name: str, given: Mapping[str, Decimal]) -> tuple[tuple[str, Decimal], ...]:
    """Every parameter of a model in its order: as given, else its default.

    Raises UnknownModelError or ParameterError.
    """
    kind = model_kind(name)
    parameters = {parameter.name: parameter for parameter in kind.parameters}
    for one, value in given.items():
        if one not in parameters:
            has = f"it has {', '.join(parameters)}" if parameters else "it has none of its own"
            raise ParameterError(one, f"is no parameter of {name} ({has}): remove it")
        _require_in_range(parameters[one], value)
    return tuple((one, given.get(one, parameter.default)) for one, parameter in parameters.items())


def _require_in_range(parameter: Parameter, value: Decimal) -> None:
    if not value.is_finite() or not Decimal(parameter.low) <= value <= Decimal(parameter.high):
        raise ParameterError(
            parameter.name, f"must be between {parameter.low} and {parameter.high}, got {value}"
        )
