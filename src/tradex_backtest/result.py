"""A run that is over as the subject of a report."""

from dataclasses import fields
from decimal import Decimal
from enum import Enum
from typing import Final

from market_maker.core.config import SymbolConfig
from tradex_backtest.report.figures import Subject, plain
from tradex_backtest.run import Run

UNSAID: Final = ("symbol", "enabled", "model", "model_parameters")
"""Fields of a configuration that are said elsewhere, or say nothing here."""


def subject_of(name: str, capture: str, run: Run) -> Subject:
    """What a report tells of a finished run."""
    symbol, stats, tracked = run.engine.symbol, run.engine.symbol.stats, run.track.told()
    return Subject(
        name=name,
        symbol=symbol.name,
        source=capture,
        model=symbol.config.model,
        config=_settings(symbol.config),
        state=symbol.state.value,
        state_reason=symbol.state_reason,
        began_us=run.track.began_us,
        ended_us=run.track.ended_us,
        parts=symbol.parts,
        volume=symbol.inventory.to_row().volume,
        fills=tracked.fills,
        orders=tracked.orders,
        two_sided_share=stats.two_sided_ns / stats.active_ns if stats.active_ns else None,
        points=tracked.points,
        time=tracked.time,
    )


def _settings(config: SymbolConfig) -> dict[str, str]:
    """What differs from the defaults, with the model's parameters."""
    usual = SymbolConfig(config.symbol)
    fields_told = {
        field.name: _told(getattr(config, field.name))
        for field in fields(config)
        if field.name not in UNSAID and getattr(config, field.name) != getattr(usual, field.name)
    }
    return {**fields_told, **{name: plain(value) for name, value in config.model_parameters}}


def _told(value: object) -> str:
    """As a configuration file has it."""
    match value:
        case Decimal():
            return plain(value)
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case _:
            return str(value)
