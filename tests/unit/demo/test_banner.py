import socket
from pathlib import Path

from rich.console import Console

from market_maker.demo.ports import port_or_free
from market_maker.demo.stack import Stack
from market_maker.demo.table import banner


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


def test_shadow_mode_is_said_in_the_banner() -> None:
    assert "no order is sent" in told(Stack(Path("logs"), environment={"MM_SHADOW_MODE": "true"}))
    assert "SHADOW" not in told(Stack(Path("logs"), environment={"MM_SHADOW_MODE": "false"}))


def test_a_wanted_port_that_is_free_or_no_wanted_port_is_not_remarked_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wanted = listener.getsockname()[1]
    assert (port_or_free(wanted).number, port_or_free(wanted).note) == (wanted, "")
    assert port_or_free(0).note == ""
    assert "in use" not in told(Stack(Path("logs")))
