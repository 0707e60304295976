import pytest

from market_maker.cli import HELP, main


@pytest.mark.parametrize("command", ["serve", "guard", "migrate", "version"])
def test_every_command_helps_and_does_nothing_else(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("--help", "-h"):
        assert main([command, word]) == 0
        assert capsys.readouterr().out == HELP[command]


def test_help_of_serve_names_every_setting_that_it_needs() -> None:
    for name in ("POSTGRES_URL", "REDIS_URL", "KAFKA_BROKERS", "SCHEMA_REGISTRY_URL", "AUTH_SERVICE_URL"):
        assert name in HELP["serve"]
