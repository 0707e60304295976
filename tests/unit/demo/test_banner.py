import socket
from pathlib import Path

import pytest
from rich.console import Console

from market_maker.demo.arguments import parse_arguments
from market_maker.demo.ports import port_or_free
from market_maker.demo.processes import WrongOptionError
from market_maker.demo.stack import Stack, start_stack
from market_maker.demo.table import banner, commands, installed


def told(stack: Stack) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(banner(stack, [], ["BTCUSDT"]))
    return capture.get()


def test_a_wanted_port_that_is_in_use_is_told_beside_the_one_taken_instead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wanted = listener.getsockname()[1]
        port = port_or_free(wanted)
    assert port.number != wanted
    stack = Stack(Path("logs"), api_url=f"http://127.0.0.1:{port.number}", api_note=port.note)
    [line] = [line for line in told(stack).splitlines() if "API and console" in line]
    assert f"127.0.0.1:{port.number}/docs ({wanted} is in use)" in line
    assert told(stack).count("in use") == 1


def test_two_demos_that_start_at_once_take_different_ports_before_either_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wanted = listener.getsockname()[1]
    first, second = port_or_free(wanted), port_or_free(wanted)
    assert (first.number, second.number != wanted, first.note) == (wanted, True, "")
    assert f"{wanted} is in use" in second.note
    first.release()
    again = port_or_free(wanted)
    assert again.number == wanted
    again.release()


async def test_an_environment_that_asks_for_tokens_is_not_overridden_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISABLE_AUTH", "false")
    with pytest.raises(WrongOptionError, match="DISABLE_AUTH=false is set"):
        await start_stack(parse_arguments([]))


def test_shadow_mode_is_said_in_the_banner() -> None:
    assert "no order is sent" in told(Stack(Path("logs"), environment={"MM_SHADOW_MODE": "true"}))
    assert "SHADOW" not in told(Stack(Path("logs"), environment={"MM_SHADOW_MODE": "false"}))


def test_each_command_for_another_terminal_is_one_line_that_runs_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / ".venv" / "bin" / "python"
    monkeypatch.setattr("sys.executable", str(program))
    monkeypatch.chdir(tmp_path)
    environment = {
        "POSTGRES_URL": "postgresql://postgres@127.0.0.1:5/mm",
        "KAFKA_BROKERS": "127.0.0.1:6",
        "SCHEMA_REGISTRY_URL": "http://127.0.0.1:7",
        "MM_PROGRAMMES_FILE": "logs/programmes.yaml",
    }
    _, capture, report = commands(Stack(Path("logs"), environment=environment), ["BTCUSDT", "ETHUSDT"])
    assert capture.split() == [
        "KAFKA_BROKERS=127.0.0.1:6",
        "SCHEMA_REGISTRY_URL=http://127.0.0.1:7",
        ".venv/bin/market-maker",
        *["capture", "--symbols", "BTCUSDT,ETHUSDT", "--for", "1m", "--out", "tape.gz"],
    ]
    assert report.split() == [
        "POSTGRES_URL=postgresql://postgres@127.0.0.1:5/mm",
        "MM_PROGRAMMES_FILE=logs/programmes.yaml",
        ".venv/bin/market-maker",
        *["report", "--from", "24h", "--out", "report.html"],
    ]
    (elsewhere := tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(elsewhere)
    assert installed("mmctl") == str(program.with_name("mmctl"))


def test_a_wanted_port_that_is_free_or_no_wanted_port_is_not_remarked_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wanted = listener.getsockname()[1]
    port = port_or_free(wanted)
    port.release()
    assert (port.number, port.note) == (wanted, "")
    assert port_or_free(0).note == ""
    assert "in use" not in told(Stack(Path("logs")))
