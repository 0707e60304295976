"""How long each table is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from market_maker import setting_types as to
from market_maker import settings as service
from market_maker.environment import Variable, fields_of, read_settings, set_by, setting
from market_maker.repositories.pruning import (
    AUDIT,
    EVENTS,
    FILLS,
    KILL_ORDERS,
    MARKOUTS,
    ORDERS,
    PNL,
    PRESENCE,
    QUOTING_TIME,
    Prunable,
)
from market_maker.setting_types import Secret

_POSTGRES_URL: Final = next(variable for variable in service.variables() if variable.name == "POSTGRES_URL")
_DAYS: Final = to.integer(1, 36_500, "days")
_DAYS_OF_FILLS: Final = to.integer(30, 36_500, "days")
"""A fill that is deleted must never be told again by Kafka as a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSettings:
    """What the environment says. Make it with `MaintenanceSettings.load(os.environ)`."""

    postgres_url: Secret = set_by(_POSTGRES_URL)
    orders_days: int = setting(
        "RETENTION_ORDERS_DAYS", _DAYS, "maintain: days that orders are kept after their end", default="90"
    )
    events_days: int = setting(
        "RETENTION_EVENTS_DAYS",
        _DAYS,
        "maintain: days that sent events are kept: the history of states and kills that the API shows",
        default="365",
    )
    kill_orders_days: int = setting(
        "RETENTION_KILL_ORDERS_DAYS",
        _DAYS,
        "maintain: days that kills are kept after they were carried out",
        default="365",
    )
    pnl_days: int = setting(
        "RETENTION_PNL_DAYS", _DAYS, "maintain: days that the results of each minute are kept", default="365"
    )
    markouts_days: int = setting(
        "RETENTION_MARKOUTS_DAYS",
        _DAYS,
        "maintain: days that markouts are kept, also of fills that are kept for longer",
        default="365",
    )
    presence_days: int = setting(
        "RETENTION_PRESENCE_DAYS",
        _DAYS,
        "maintain: days that it is kept how far market maker programmes were met",
        default="1095",
    )
    fills_days: int | None = setting(
        "RETENTION_FILLS_DAYS",
        _DAYS_OF_FILLS,
        "maintain: days that fills are kept, more than Kafka keeps engine.event.v1; unset: for ever; "
        "what they come to stays",
    )
    audit_days: int | None = setting(
        "RETENTION_AUDIT_DAYS", _DAYS, "maintain: days that the audit trail is kept; unset: for ever"
    )

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment. Raises SettingsError with everything that is missing or malformed."""
        return cls(**read_settings(cls, {}, environ))

    def days(self) -> tuple[tuple[Prunable, int | None], ...]:
        """How many days each table is kept; None: for ever."""
        return (
            (ORDERS, self.orders_days),
            (EVENTS, self.events_days),
            (KILL_ORDERS, self.kill_orders_days),
            (PNL, self.pnl_days),
            (QUOTING_TIME, self.pnl_days),
            (MARKOUTS, self.markouts_days),
            (PRESENCE, self.presence_days),
            (FILLS, self.fills_days),
            (AUDIT, self.audit_days),
        )


def own_variables() -> tuple[Variable, ...]:
    """The variables that only `market-maker maintain` reads."""
    return tuple(variable for _, variable in fields_of(MaintenanceSettings) if variable is not _POSTGRES_URL)
