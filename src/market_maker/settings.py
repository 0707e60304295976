"""Every environment variable of the service, as one list: the fields of `Settings` and of its sections.

A field says the variable's name, parser, meaning and default; loading walks that list, so that a start
tells of everything that is wrong at once. Durations are nanoseconds once loaded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from market_maker import setting_types as to
from market_maker.access_settings import AccessSettings
from market_maker.core.config import EngineLimits
from market_maker.core.obligations import Programme
from market_maker.environment import (
    Section,
    SettingProblem,
    Variable,
    fields_of,
    read_settings,
    secret_texts,
    setting,
    typos,
)
from market_maker.house_settings import HouseSettings
from market_maker.programme_files import programmes as to_programmes
from market_maker.security_settings import HttpTls, KafkaSecurity, MetadataTls, RedisTls, address_conflicts
from market_maker.setting_types import Secret

_GUARDED_PREFIXES: Final = ("MM_", "KILL_SWITCH_")
_NIL_UUID: Final = "00000000-0000-0000-0000-000000000001"
_SECTIONS: Final[Mapping[str, type[Section]]] = {
    "kafka_security": KafkaSecurity,
    "redis_tls": RedisTls,
    "metadata_tls": MetadataTls,
    "http_tls": HttpTls,
    "access": AccessSettings,
    "house": HouseSettings,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Make it with `Settings.load(os.environ)`."""

    postgres_url: Secret = setting(
        "POSTGRES_URL",
        to.database_url("postgresql", "postgres"),
        "PostgreSQL, such as postgresql://mm:password@localhost:5432/market_maker; by TLS with "
        "?sslmode=verify-full&sslrootcert=FILE at its end (sslcert and sslkey for a certificate of ours)",
        required=True,
    )
    redis_url: Secret = setting(
        "REDIS_URL",
        to.database_url("redis", "rediss", "unix"),
        "Redis or Valkey, such as redis://localhost:6379/0, by TLS rediss://; gone means degraded, never "
        "stopped",
        required=True,
    )
    kafka_brokers: str = setting(
        "KAFKA_BROKERS", to.addresses, "Kafka brokers as host:port, separated by commas", required=True
    )
    schema_registry_url: Secret = setting(
        "SCHEMA_REGISTRY_URL",
        to.url("http", "https"),
        "Confluent Schema Registry, such as http://localhost:8081",
        required=True,
    )
    fleet_secret: Secret | None = setting(
        "FLEET_SECRET",
        to.fleet_secret,
        "what instances and guards sign what they leave in Redis with, the same for all; required for "
        "the guard and as soon as a second instance runs; 32 characters or more, such as "
        "`openssl rand -hex 32` gives",
    )
    order_service_url: Secret = setting(
        "ORDER_SERVICE_URL", to.url("http", "https"), "Order Service, HTTP", default="http://localhost:3000"
    )
    order_service_token: Secret | None = setting(
        "ORDER_SERVICE_TOKEN", to.secret, "bearer token for the Order Service; unset: none is sent"
    )
    metadata_service_grpc_url: str = setting(
        "METADATA_SERVICE_GRPC_URL",
        to.address,
        "Metadata Service, gRPC, as host:port",
        default="localhost:50051",
    )
    auth_service_url: Secret | None = setting(
        "AUTH_SERVICE_URL",
        to.url("http", "https"),
        "Auth Service, such as http://localhost:3001; required unless DISABLE_AUTH=true",
    )
    disable_auth: bool = setting(
        "DISABLE_AUTH", to.flag, "true: the admin API asks for no token", default="false"
    )
    http_host: str = setting(
        "HTTP_HOST",
        to.host,
        "address that HTTP_PORT listens on; a container sets 0.0.0.0",
        default="127.0.0.1",
    )
    metrics_host: str | None = setting(
        "METRICS_HOST",
        to.host,
        "address that METRICS_PORT and GUARD_METRICS_PORT listen on; unset: HTTP_HOST",
    )
    http_port: int = setting("HTTP_PORT", to.port, "port of the admin API", default="8080")
    metrics_port: int = setting("METRICS_PORT", to.port, "port of the Prometheus metrics", default="9090")
    shadow_mode: bool = setting(
        "MM_SHADOW_MODE", to.flag, "true: compute quotes, send no order request", default="false"
    )
    quote_update_interval_ns: int = setting(
        "QUOTE_UPDATE_INTERVAL", to.duration("1ms", "1h"), "shortest time between two quotes", default="100ms"
    )
    max_orders_per_second: int = setting(
        "MAX_ORDERS_PER_SECOND", to.integer(1, 10_000), "new orders per second and symbol", default="10"
    )
    market_data_staleness_ns: int = setting(
        "MARKET_DATA_STALENESS_THRESHOLD",
        to.duration("1ms", "1h"),
        "age of the book from which no quote may stand on it",
        default="5s",
    )
    price_collar_bps: Decimal = setting(
        "PRICE_COLLAR_BPS",
        to.decimal(Decimal(9_999)),
        "how far an order's price may stand from the reference mid, 1/10000",
        default="500",
    )
    max_order_notional_usdt: Decimal = setting(
        "MAX_ORDER_NOTIONAL_USDT",
        to.decimal(Decimal(10**12)),
        "largest value of one order in USDT; ten times the symbol's order_size_usdt binds beside it",
        default="100000",
    )
    kafka_lag_threshold_ns: int = setting(
        "KILL_SWITCH_KAFKA_LAG_THRESHOLD",
        to.duration("100ms", "1h"),
        "consumer lag, or time without a measurement of it, that kills",
        default="10s",
    )
    reject_storm_count: int = setting(
        "KILL_SWITCH_REJECT_STORM_COUNT", to.integer(1, 1_000_000), "rejections that kill", default="5"
    )
    reject_storm_window_ns: int = setting(
        "KILL_SWITCH_REJECT_STORM_WINDOW",
        to.duration("100ms", "24h"),
        "time in which they count",
        default="1m",
    )
    response_timeout_ms: int = setting(
        "KILL_SWITCH_RESPONSE_TIMEOUT_MS",
        to.integer(1, 5_000, "milliseconds"),
        "time for the Order Service's answer, after which it kills, in milliseconds",
        default="50",
    )
    journal_lag_threshold_ns: int = setting(
        "KILL_SWITCH_JOURNAL_LAG_THRESHOLD",
        to.duration("100ms", "1h"),
        "age of the oldest write not yet durable that kills",
        default="5s",
    )
    system_account_id: str = setting(
        "SYSTEM_ACCOUNT_ID", to.uuid, "the market maker's account", default=_NIL_UUID
    )
    system_user_id: str = setting("SYSTEM_USER_ID", to.uuid, "the market maker's user", default=_NIL_UUID)
    kafka_consumer_group: str = setting(
        "KAFKA_CONSUMER_GROUP", to.text, "Kafka consumer group", default="market-maker-service"
    )
    instance_name: str | None = setting(
        "INSTANCE_NAME",
        to.name,
        "name of this instance in status and logs; a random part is added. Unset: the host's name",
    )
    kafka_instance_id: str | None = setting(
        "KAFKA_INSTANCE_ID",
        to.name,
        "this instance's own place in the consumer group, the same after each of its starts and no other "
        "instance's, such as the name of a StatefulSet's pod: started again within KAFKA_SESSION_TIMEOUT "
        "it gets its symbols back and no other symbol moves. Ended by SIGTERM it keeps the place for "
        "that long, by SIGINT it gives it up at once. Unset: its symbols go to the others at its end",
    )
    kafka_session_timeout_ns: int = setting(
        "KAFKA_SESSION_TIMEOUT",
        to.duration("3s", "5m"),
        "how long the consumer group waits for a silent instance before its symbols go to others, or, "
        "without KAFKA_INSTANCE_ID, back to itself after a crash; Kafka's brokers refuse less than 6s "
        "unless told otherwise",
        default="6s",
    )
    kafka_fetch_wait_max_ms: int = setting(
        "KAFKA_FETCH_WAIT_MAX_MS",
        to.integer(1, 10_000, "milliseconds"),
        "how long a broker may hold a fetch without data, in milliseconds. Kafka answers as soon as "
        "data comes, so there it only sets the idle request rate; librdkafka's built-in broker does "
        "not, so there it is the latency",
        default="5",
    )
    programmes: tuple[Programme, ...] | None = setting(
        "MM_PROGRAMMES_FILE",
        to_programmes,
        "YAML file with the market maker programmes whose presence is measured, as in "
        "docs/obligations.md; unset: none",
    )
    record_dir: str | None = setting(
        "MM_RECORD_DIR",
        to.text,
        "directory where each symbol's events and commands are recorded, for `market-maker replay`; "
        "unset: nothing is",
    )
    record_mb_max: int = setting(
        "MM_RECORD_MB_MAX",
        to.integer(1, 1_000_000, "megabytes"),
        "megabytes of records kept per symbol; the oldest eighth goes first",
        default="512",
    )
    otlp_endpoint: Secret | None = setting(
        "OPENOBSERVE_OTLP_ENDPOINT",
        to.url("http", "https"),
        "where traces go by OTLP over HTTP, such as http://localhost:5080/api/default; unset: nowhere",
    )
    log_level: str = setting(
        "LOG_LEVEL", to.choice("DEBUG", "INFO", "WARN", "ERROR"), "least level that is logged", default="INFO"
    )
    log_format: str | None = setting(
        "LOG_FORMAT", to.choice("json", "console"), "json or console; unset: console on a terminal"
    )
    kafka_security: KafkaSecurity
    redis_tls: RedisTls
    metadata_tls: MetadataTls
    http_tls: HttpTls
    access: AccessSettings
    house: HouseSettings
    warnings: tuple[str, ...] = ()
    """Sentences about variables that look like ours and are not."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment; an empty variable counts as not set.

        Raises SettingsError with everything that is missing or malformed.
        """
        values = read_settings(cls, _SECTIONS, environ, _conflicts)
        known = [variable.name for variable in variables()]
        return cls(**values, warnings=tuple(typos(environ, _GUARDED_PREFIXES, known)))

    def secret_texts(self) -> tuple[str, ...]:
        """What no log line may hold."""
        return secret_texts(self, _SECTIONS)

    def engine_limits(self) -> EngineLimits:
        """The part of the settings that every symbol's engine needs."""
        return EngineLimits(
            quote_update_interval_ns=self.quote_update_interval_ns,
            max_orders_per_second=self.max_orders_per_second,
            market_data_staleness_ns=self.market_data_staleness_ns,
            kafka_lag_threshold_ns=self.kafka_lag_threshold_ns,
            reject_storm_count=self.reject_storm_count,
            reject_storm_window_ns=self.reject_storm_window_ns,
            response_timeout_ns=self.response_timeout_ms * 1_000_000,
            journal_lag_threshold_ns=self.journal_lag_threshold_ns,
            price_collar_bps=self.price_collar_bps,
            max_order_notional_usdt=self.max_order_notional_usdt,
            house_limits=self.house.limits.any,
            shadow_mode=self.shadow_mode,
        )


def variables() -> tuple[Variable, ...]:
    """Every variable, in the order of `Settings`: for documentation and for the guard against typos."""
    owners: tuple[type, ...] = (Settings, *_SECTIONS.values())
    return tuple(variable for owner in owners for _, variable in fields_of(owner))


def _conflicts(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """What is wrong between variables that are each well-formed."""
    yield from address_conflicts(values)
    if values.get("disable_auth") is False and values.get("auth_service_url", "") is None:
        yield SettingProblem(
            "AUTH_SERVICE_URL",
            None,
            "required unless DISABLE_AUTH=true; set it to the Auth Service that issues the API's tokens, "
            "such as http://localhost:3001",
        )
    access = values.get("access")
    if values.get("disable_auth") and access is not None and access.changes_need_approval:
        yield SettingProblem(
            "CHANGES_NEED_APPROVAL",
            "true",
            "needs DISABLE_AUTH=false: without tokens nobody can tell a second person from the first",
        )
    http_port = values.get("http_port")
    if http_port is not None and http_port == values.get("metrics_port"):
        yield SettingProblem(
            "METRICS_PORT", f"{http_port}, the same as HTTP_PORT", "give each of the two its own port"
        )
