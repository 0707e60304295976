import re
from decimal import Decimal
from pathlib import Path

import pytest

from market_maker.core.config import EngineLimits
from market_maker.environment import SettingsError
from market_maker.settings import Settings, variables

REQUIRED = {
    "POSTGRES_URL": "postgresql://mm:hunter2@db:5432/mm",
    "REDIS_URL": "redis://:hunter2@cache:6379/0",
    "KAFKA_BROKERS": "kafka-1:9092, kafka-2:9092",
    "SCHEMA_REGISTRY_URL": "http://user:hunter2@registry:8081/",
    "DISABLE_AUTH": "true",
}


def refused(environ: dict[str, str]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ)
    return caught.value


def problem_of(name: str, value: str) -> str:
    error = refused({**REQUIRED, name: value})
    assert [problem.name for problem in error.problems] == [name], str(error)
    return str(error.problems[0])


def test_the_required_settings_alone_start_with_the_documents_defaults() -> None:
    settings = Settings.load(REQUIRED)
    assert settings.order_service_url.reveal() == "http://localhost:3000"
    assert settings.metadata_service_grpc_url == "localhost:50051"
    assert (settings.http_host, settings.http_port, settings.metrics_port) == ("127.0.0.1", 8080, 9090)
    assert settings.system_account_id == settings.system_user_id == "00000000-0000-0000-0000-000000000001"
    assert settings.kafka_brokers == "kafka-1:9092,kafka-2:9092"
    assert settings.schema_registry_url.reveal() == "http://user:hunter2@registry:8081"
    assert (settings.kafka_consumer_group, settings.kafka_fetch_wait_max_ms) == ("market-maker-service", 5)
    assert (settings.log_level, settings.log_format) == ("INFO", None)
    assert settings.otlp_endpoint is None
    assert settings.order_service_token is None
    assert settings.warnings == ()
    assert settings.engine_limits() == EngineLimits()


def test_every_engine_limit_follows_its_variable() -> None:
    settings = Settings.load(
        {
            **REQUIRED,
            "QUOTE_UPDATE_INTERVAL": "250ms",
            "MAX_ORDERS_PER_SECOND": "20",
            "MARKET_DATA_STALENESS_THRESHOLD": "1.5s",
            "KILL_SWITCH_KAFKA_LAG_THRESHOLD": "1m",
            "KILL_SWITCH_REJECT_STORM_COUNT": "7",
            "KILL_SWITCH_REJECT_STORM_WINDOW": "1h30m",
            "KILL_SWITCH_RESPONSE_TIMEOUT_MS": "75",
            "KILL_SWITCH_JOURNAL_LAG_THRESHOLD": "2s",
            "PRICE_COLLAR_BPS": "12.5",
            "MAX_ORDER_NOTIONAL_USDT": "2500",
            "MM_SHADOW_MODE": "true",
        }
    )
    assert settings.engine_limits() == EngineLimits(
        quote_update_interval_ns=250_000_000,
        max_orders_per_second=20,
        market_data_staleness_ns=1_500_000_000,
        kafka_lag_threshold_ns=60_000_000_000,
        reject_storm_count=7,
        reject_storm_window_ns=5_400_000_000_000,
        response_timeout_ns=75_000_000,
        journal_lag_threshold_ns=2_000_000_000,
        price_collar_bps=Decimal("12.5"),
        max_order_notional_usdt=Decimal(2500),
        shadow_mode=True,
    )


def test_one_error_lists_all_that_is_missing_and_all_that_is_malformed() -> None:
    error = refused({"HTTP_PORT": "http", "POSTGRES_URL": "", "MM_SHADOW_MODE": "yes"})
    assert [problem.name for problem in error.problems] == [
        "POSTGRES_URL",
        "REDIS_URL",
        "KAFKA_BROKERS",
        "SCHEMA_REGISTRY_URL",
        "HTTP_PORT",
        "MM_SHADOW_MODE",
        "AUTH_SERVICE_URL",
    ]
    lines = str(error).splitlines()
    assert lines[0] == "cannot start: 7 settings must be corrected in the environment"
    assert "  - HTTP_PORT is 'http': must be a whole number from 1 to 65535" in lines
    assert "  - MM_SHADOW_MODE is 'yes': must be true or false" in lines


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("POSTGRES_URL", "mysql://h/d", "postgresql://"),
        ("POSTGRES_URL", "postgresql://", "postgresql://"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("KAFKA_BROKERS", "kafka-1", "host:port"),
        ("KAFKA_BROKERS", "kafka-1:9092,,kafka-2:9092", "host:port"),
        ("KAFKA_BROKERS", "kafka-1:0", "host:port"),
        ("SCHEMA_REGISTRY_URL", "registry:8081", "http://"),
        ("SCHEMA_REGISTRY_URL", "http://:8081", "names a host"),
        ("ORDER_SERVICE_URL", "http://orders:99999", "port from 1 to 65535"),
        ("ORDER_SERVICE_URL", "http://or ders:80", "http://"),
        ("METADATA_SERVICE_GRPC_URL", "http://metadata:50051", "without a scheme"),
        ("METADATA_SERVICE_GRPC_URL", "metadata", "host:port"),
        ("HTTP_PORT", "0", "from 1 to 65535"),
        ("HTTP_PORT", "65536", "from 1 to 65535"),
        ("METRICS_PORT", "-1", "from 1 to 65535"),
        ("METRICS_PORT", "9_090", "from 1 to 65535"),
        ("HTTP_HOST", "127.0.0.1:8080", "host name or an IP address"),
        ("QUOTE_UPDATE_INTERVAL", "100", "100ms"),
        ("QUOTE_UPDATE_INTERVAL", "0", "from 1ms to 1h"),
        ("QUOTE_UPDATE_INTERVAL", "-5s", "100ms"),
        ("MARKET_DATA_STALENESS_THRESHOLD", "2h", "from 1ms to 1h"),
        ("MAX_ORDERS_PER_SECOND", "0", "from 1 to 10000"),
        ("MAX_ORDERS_PER_SECOND", "1.5", "whole number"),
        ("KILL_SWITCH_RESPONSE_TIMEOUT_MS", "50ms", "without a unit"),
        ("KILL_SWITCH_REJECT_STORM_COUNT", "five", "whole number"),
        ("PRICE_COLLAR_BPS", "0", "above 0"),
        ("PRICE_COLLAR_BPS", "NaN", "decimal number"),
        ("MAX_ORDER_NOTIONAL_USDT", "1e5", "decimal number"),
        ("SYSTEM_ACCOUNT_ID", "market-maker", "UUID"),
        ("LOG_LEVEL", "loud", "DEBUG, INFO, WARN, ERROR"),
        ("LOG_FORMAT", "xml", "json, console"),
        ("KAFKA_CONSUMER_GROUP", "a\nb", "control characters"),
        ("OPENOBSERVE_OTLP_ENDPOINT", "localhost:5080", "http://"),
    ],
)
def test_a_malformed_setting_is_named_with_what_was_given_and_the_fix(
    name: str, value: str, fix: str
) -> None:
    sentence = problem_of(name, value)
    assert sentence.startswith(f"{name} is ")
    assert value.encode("unicode_escape").decode() in sentence
    assert fix in sentence


@pytest.mark.parametrize("off", [{}, {"DISABLE_AUTH": "false"}, {"DISABLE_AUTH": ""}])
def test_with_an_auth_service_tokens_are_asked_for(off: dict[str, str]) -> None:
    environ = {name: value for name, value in REQUIRED.items() if name != "DISABLE_AUTH"}
    settings = Settings.load({**environ, **off, "AUTH_SERVICE_URL": "http://auth:3001"})
    assert not settings.disable_auth
    assert settings.auth_service_url is not None
    assert settings.auth_service_url.reveal() == "http://auth:3001"


@pytest.mark.parametrize("value", ["1", "TRUE", "yes"])
def test_a_misspelt_disable_auth_does_not_read_as_off_or_on(value: str) -> None:
    error = refused({**REQUIRED, "DISABLE_AUTH": value, "AUTH_SERVICE_URL": "http://auth:3001"})
    assert [problem.name for problem in error.problems] == ["DISABLE_AUTH"]


@pytest.mark.parametrize("off", [{}, {"DISABLE_AUTH": "false"}])
def test_with_neither_an_auth_service_nor_disable_auth_the_start_is_refused(off: dict[str, str]) -> None:
    environ = {name: value for name, value in REQUIRED.items() if name != "DISABLE_AUTH"}
    error = refused({**environ, **off})
    assert [problem.name for problem in error.problems] == ["AUTH_SERVICE_URL"]
    assert "AUTH_SERVICE_URL is not set: required unless DISABLE_AUTH=true" in str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_URL", "mysql://mm:hunter2@db/mm"),
        ("POSTGRES_URL", "mm:hunter2@db/mm"),
        ("POSTGRES_URL", "mysql://mm:hun@ter2hunter2/x@db/mm"),
        ("POSTGRES_URL", "mysql://db/mm?password=hunter2"),
        ("REDIS_URL", "redis://:hunter2@ca che"),
        ("SCHEMA_REGISTRY_URL", "ftp://user:hunter2@registry"),
        ("SCHEMA_REGISTRY_URL", "http://user:hunter2@[registry"),
        ("ORDER_SERVICE_TOKEN", "hunter2 with a space"),
    ],
)
def test_a_secret_is_never_shown_by_an_error(name: str, value: str) -> None:
    assert "hunter2" not in str(refused({**REQUIRED, name: value}))


def test_a_secret_is_never_shown_by_the_settings_themselves() -> None:
    settings = Settings.load({**REQUIRED, "ORDER_SERVICE_TOKEN": "hunter2"})
    assert "hunter2" not in f"{settings} {settings!r} {settings.postgres_url}"
    assert str(settings.postgres_url) == "postgresql://mm:***@db:5432/mm"
    assert settings.order_service_token is not None
    assert settings.order_service_token.reveal() == "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:@/mm?host=/tmp/socket",
        "postgresql://a:1,b:2/mm",
        "postgres:///mm",
    ],
)
def test_every_form_of_database_url_that_the_driver_knows_is_passed_on(url: str) -> None:
    assert Settings.load({**REQUIRED, "POSTGRES_URL": url}).postgres_url.reveal() == url


def test_two_servers_on_one_port_are_refused() -> None:
    assert "give each of the two its own port" in problem_of("METRICS_PORT", "8080")


def test_a_variable_that_looks_like_ours_and_is_not_is_a_warning() -> None:
    settings = Settings.load({**REQUIRED, "KILL_SWITCH_KAFKA_LAG": "1s", "MM_X": "1", "PATH": "/bin"})
    assert settings.warnings == (
        (
            "KILL_SWITCH_KAFKA_LAG is not a setting of this service and has no effect; "
            "did you mean KILL_SWITCH_KAFKA_LAG_THRESHOLD?"
        ),
        "MM_X is not a setting of this service and has no effect",
    )


def test_settings_cannot_be_changed_after_loading() -> None:
    with pytest.raises(AttributeError):
        Settings.load(REQUIRED).http_port = 1  # type: ignore[misc]  # the point of the test


def test_every_default_is_itself_accepted() -> None:
    for variable in variables():
        assert variable.default is None or variable.parse(variable.default) is not None


def test_every_variable_of_the_document_has_its_name_and_default() -> None:
    document = {
        "POSTGRES_URL": None,
        "REDIS_URL": None,
        "KAFKA_BROKERS": None,
        "SCHEMA_REGISTRY_URL": None,
        "ORDER_SERVICE_URL": "http://localhost:3000",
        "METADATA_SERVICE_GRPC_URL": "localhost:50051",
        "AUTH_SERVICE_URL": None,
        "HTTP_PORT": "8080",
        "METRICS_PORT": "9090",
        "MM_SHADOW_MODE": "false",
        "QUOTE_UPDATE_INTERVAL": "100ms",
        "MAX_ORDERS_PER_SECOND": "10",
        "MARKET_DATA_STALENESS_THRESHOLD": "5s",
        "KILL_SWITCH_KAFKA_LAG_THRESHOLD": "10s",
        "KILL_SWITCH_REJECT_STORM_COUNT": "5",
        "KILL_SWITCH_REJECT_STORM_WINDOW": "1m",
        "KILL_SWITCH_RESPONSE_TIMEOUT_MS": "50",
        "SYSTEM_ACCOUNT_ID": "00000000-0000-0000-0000-000000000001",
        "SYSTEM_USER_ID": "00000000-0000-0000-0000-000000000001",
        "OPENOBSERVE_OTLP_ENDPOINT": None,
    }
    ours = {variable.name: variable.default for variable in variables()}
    assert len(ours) == len(variables())
    assert {name: ours[name] for name in document} == document
    required = [variable.name for variable in variables() if variable.required]
    assert required == ["POSTGRES_URL", "REDIS_URL", "KAFKA_BROKERS", "SCHEMA_REGISTRY_URL"]


def test_no_other_module_reads_the_environment() -> None:
    source = Path(__file__).parents[2] / "src" / "market_maker"
    readers = [
        path.name for path in source.rglob("*.py") if re.search(r"os\.(environ\[|getenv)", path.read_text())
    ]
    assert readers == []
