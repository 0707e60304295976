from decimal import Decimal
from pathlib import Path

import pytest

from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.queue_position import QueueModel
from tradex_sandbox.settings import SettingsError, parse_settings

BROKER = ("--broker", "127.0.0.1:9092")


def test_the_defaults_are_two_simulated_markets_on_free_ports() -> None:
    settings = parse_settings(BROKER, {})
    assert settings.symbols == ("BTCUSDT", "ETHUSDT")
    assert (settings.host, settings.http_port, settings.grpc_port) == ("127.0.0.1", 0, 0)
    assert settings.order_service_token is None
    assert not settings.start_paused


def test_a_capture_alone_means_no_simulated_market(tmp_path: Path) -> None:
    capture = tmp_path / "a.gz"
    capture.touch()
    assert parse_settings((*BROKER, "--capture", str(capture)), {}).symbols == ()
    both = parse_settings((*BROKER, "--capture", str(capture), "--symbols", "ETHUSDT"), {})
    assert (both.symbols, both.captures) == (("ETHUSDT",), (capture,))


def test_the_largest_seed_that_the_error_names_is_allowed() -> None:
    assert parse_settings((*BROKER, "--seed", "9223372036854775807"), {}).seed == 2**63 - 1


def test_every_option_is_read() -> None:
    options = (
        *BROKER,
        *("--http-port", "3000", "--grpc-port", "50051", "--symbols", "SOLUSDT", "--seed", "42"),
        *("--instrument", "SOLUSDT:0.001:0.01:1", "--start-price", "SOLUSDT:150.5", "--speed", "2.5"),
        *("--snapshot-interval", "0.5", "--start-paused", "--partitions", "12", "--exit-with-parent"),
        *("--depth", "thin", "--queue", "risk_averse", "--feed-delay", "300ms"),
        *("--host", "0.0.0.0", "--registry", "http://registry:8080/apis/ccompat/v7"),
    )
    settings = parse_settings(options, {"ORDER_SERVICE_TOKEN": "secret"})
    assert (settings.http_port, settings.grpc_port, settings.seed) == (3000, 50051, 42)
    assert settings.instruments == (parse_instrument("SOLUSDT:0.001:0.01:1"),)
    assert settings.start_prices == (("SOLUSDT", Decimal("150.5")),)
    assert (settings.speed, settings.snapshot_interval_s, settings.partitions) == (2.5, 0.5, 12)
    assert (settings.depth, settings.queue_model) == ("thin", QueueModel.RISK_AVERSE)
    assert settings.feed_delay_s == 0.3
    assert settings.start_paused
    assert settings.exit_with_parent
    assert (settings.host, settings.registry) == ("0.0.0.0", "http://registry:8080/apis/ccompat/v7")
    assert settings.order_service_token == "secret"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "--broker"),
        ((*BROKER, "--depth", "deep"), "--depth: invalid choice: 'deep'"),
        ((*BROKER, "--queue", "fair"), "--queue: invalid choice: 'fair'"),
        ((*BROKER, "--feed-delay", "300"), "--feed-delay: '300' is not a delay; write 300ms or 2s"),
        ((*BROKER, "--feed-delay", "9m"), "--feed-delay: '9m' is not a delay"),
        ((*BROKER, "--feed-delay", "61s"), "--feed-delay: '61s' is not a delay"),
        (("--broker", "localhost"), "--broker: 'localhost' is not HOST:PORT"),
        ((*BROKER, "--http-port", "70000"), "--http-port: '70000' is not a port"),
        ((*BROKER, "--grpc-port", "x"), "--grpc-port"),
        ((*BROKER, "--host", "everywhere"), "--host: 'everywhere' is not an IPv4 address"),
        ((*BROKER, "--registry", "registry:8081"), "--registry: 'registry:8081' is not a URL"),
        ((*BROKER, "--symbols", "BTC USDT"), "--symbols: 'BTC USDT'"),
        ((*BROKER, "--symbols", "A,A"), "--symbols: A is listed twice"),
        ((*BROKER, "--symbols", "A,,B"), "--symbols: ''"),
        ((*BROKER, "--capture", "/nowhere.gz"), "--capture: /nowhere.gz is not a file"),
        ((*BROKER, "--instrument", "BTCUSDT:0.01"), "--instrument: instrument 'BTCUSDT:0.01'"),
        ((*BROKER, "--instrument", "BTCUSDT:0:1:1"), "--instrument: BTCUSDT: tick_size"),
        ((*BROKER, "--start-price", "BTCUSDT"), "--start-price"),
        ((*BROKER, "--start-price", "BTCUSDT:-1"), "--start-price"),
        ((*BROKER, "--seed", "-1"), "--seed: '-1' is not a whole number from 0 to 9223372036854775807"),
        ((*BROKER, "--seed", "9223372036854775808"), "from 0 to 9223372036854775807"),
        ((*BROKER, "--seed", "9" * 5_000), "from 0 to 9223372036854775807"),
        ((*BROKER, "--speed", "0"), "--speed"),
        ((*BROKER, "--speed", "nan"), "--speed"),
        ((*BROKER, "--snapshot-interval", "0"), "--snapshot-interval"),
        ((*BROKER, "--partitions", "0"), "--partitions"),
        ((*BROKER, "--colour", "red"), "--colour"),
    ],
)
def test_a_wrong_option_is_one_error_that_names_it(options: tuple[str, ...], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(options, {})
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
