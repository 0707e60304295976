"""Quoting models of installed packages: entry points of the group `market_maker.models`, each a `ModelKind`.

They are added once, before the first engine is made. One that cannot be loaded stops the start: a service
that silently lacks a model would halt its symbols later.
"""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from market_maker.core.pricing.models.proposal import ModelKind
from market_maker.core.pricing.models.registry import add_model

GROUP: Final = "market_maker.models"


class ModelLoadError(Exception):
    """An installed quoting model cannot be used; the message names it and says why."""


def load_installed_models(found: Iterable[EntryPoint] | None = None) -> tuple[str, ...]:
    """Add every installed model; returns their names. Raises ModelLoadError."""
    return tuple(_load(one) for one in (entry_points(group=GROUP) if found is None else found))


def _load(one: EntryPoint) -> str:
    where = f"quoting model {one.name!r} ({one.value}, entry point group {GROUP})"
    try:
        kind = one.load()
    except Exception as error:  # noqa: BLE001 -- whatever another package's import raises
        raise ModelLoadError(
            f"{where} cannot be imported: {error!r}: mend or uninstall its package"
        ) from None
    if not isinstance(kind, ModelKind):
        raise ModelLoadError(f"{where} is no ModelKind but {type(kind).__name__}: mend its entry point")
    try:
        add_model(kind)
    except ValueError as error:
        raise ModelLoadError(f"{where} cannot be used: {error}") from None
    return kind.name
