"""What the guard needs of the environment: a few of the service's variables, and two of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from market_maker import setting_types as to
from market_maker import settings as service
from market_maker.actors.tenure import lease_ns
from market_maker.environment import (
    Section,
    SettingProblem,
    Variable,
    fields_of,
    read_settings,
    secret_texts,
    set_by,
    setting,
)
from market_maker.security_settings import HttpTls, RedisTls, address_conflicts
from market_maker.setting_types import Secret

_SERVICE: Final = {variable.name: variable for variable in service.variables()}
_SECTIONS: Final[Mapping[str, type[Section]]] = {"redis_tls": RedisTls, "http_tls": HttpTls}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What the environment says. Make it with `GuardSettings.load(os.environ)`."""

    postgres_url: Secret = set_by(_SERVICE["POSTGRES_URL"])
    redis_url: Secret = set_by(_SERVICE["REDIS_URL"])
    fleet_secret: Secret = set_by(replace(_SERVICE["FLEET_SECRET"], required=True))
    order_service_url: Secret = set_by(_SERVICE["ORDER_SERVICE_URL"])
    order_service_token: Secret | None = set_by(_SERVICE["ORDER_SERVICE_TOKEN"])
    system_account_id: str = set_by(_SERVICE["SYSTEM_ACCOUNT_ID"])
    system_user_id: str = set_by(_SERVICE["SYSTEM_USER_ID"])
    shadow_mode: bool = set_by(_SERVICE["MM_SHADOW_MODE"])
    kafka_session_timeout_ns: int = set_by(_SERVICE["KAFKA_SESSION_TIMEOUT"])
    http_host: str = set_by(_SERVICE["HTTP_HOST"])
    metrics_host: str | None = set_by(_SERVICE["METRICS_HOST"])
    log_level: str = set_by(_SERVICE["LOG_LEVEL"])
    log_format: str | None = set_by(_SERVICE["LOG_FORMAT"])
    metrics_port: int = setting(
        "GUARD_METRICS_PORT",
        to.port,
        "guard: port of its Prometheus metrics, on METRICS_HOST",
        default="9091",
    )
    silence_ns: int = setting(
        "GUARD_SILENCE",
        to.duration("2s", "5m"),
        "guard: time without a sign of life after which an instance's orders are cancelled and its "
        "symbols HALTED; instances give one every second",
        default="3s",
    )
    redis_tls: RedisTls
    http_tls: HttpTls
    warnings: tuple[str, ...] = ()
    """Sentences about variables that look like the guard's and are not."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment; an empty variable counts as not set, what is the service's is passed over.

        Raises SettingsError with everything that is missing or malformed.
        """
        values = read_settings(cls, _SECTIONS, environ, _own_conflicts)
        return cls(**values, warnings=tuple(_typos(environ)))

    @property
    def lease_ns(self) -> int:
        """How long an instance may send after its last renewal, as the instances reckon it."""
        return lease_ns(self.kafka_session_timeout_ns)

    def secret_texts(self) -> tuple[str, ...]:
        """What no log line may hold."""
        return secret_texts(self, _SECTIONS)


def own_variables() -> tuple[Variable, ...]:
    """The variables that only the guard reads."""
    return tuple(variable for _, variable in fields_of(GuardSettings) if variable.name not in _SERVICE)


def _typos(environ: Mapping[str, str]) -> Iterator[str]:
    known = [variable.name for variable in own_variables()]
    for name in sorted(environ):
        if name.startswith("GUARD_") and name not in known:
            yield f"{name} is not a setting of the guard and has no effect; there are {', '.join(known)}"


def _own_conflicts(values: Mapping[str, Any]) -> list[SettingProblem]:
    """Files for Redis without rediss://. HTTP_CA_FILE may be for addresses that only the service has."""
    return [problem for problem in address_conflicts(values) if problem.name != "HTTP_CA_FILE"]
