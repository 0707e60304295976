"""The sandbox's command line, read into one value; every mistake is one sentence that names the option."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NoReturn

from tradex_sandbox.flow import PROFILES
from tradex_sandbox.instruments import Instrument, InstrumentError, parse_instrument
from tradex_sandbox.queue_position import QueueModel

DEFAULT_SYMBOLS = "BTCUSDT,ETHUSDT"
GRID = "SYMBOL:tick:lot:min_notional"
SPEED_MAX = 1000.0
DELAY_S_MAX = 60.0
SEED_MAX = 2**63 - 1


class SettingsError(ValueError):
    """An option or variable is wrong; the text names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """What one sandbox process runs. Ports: 0 takes any free one."""

    broker: str
    """Kafka bootstrap servers."""
    host: str = "127.0.0.1"
    """Address that everything listens on; a container says 0.0.0.0."""
    registry: str | None = None
    """Another schema registry that gets the schemas and whose ids the messages bear; None: our own."""
    http_port: int = 0
    grpc_port: int = 0
    symbols: tuple[str, ...] = ()
    """Symbols with a simulated market."""
    captures: tuple[Path, ...] = ()
    """Recorded markets."""
    instruments: tuple[Instrument, ...] = ()
    """Grids that replace the default or inferred ones."""
    start_prices: tuple[tuple[str, Decimal], ...] = ()
    """Where a simulated market begins, in quote currency."""
    seed: int = 1
    speed: float = 1.0
    """Market seconds per second."""
    depth: str = "normal"
    """Which crowd simulated markets have: a name in `flow.PROFILES`."""
    queue_model: QueueModel = QueueModel.PROPORTIONAL
    """How orders stand in the queues of recorded markets."""
    feed_delay_s: float = 0.0
    """How much later market data is published, with its true times; engine events are not delayed."""
    snapshot_interval_s: float = 5.0
    start_paused: bool = False
    """Markets stand still until `POST /sandbox/start`."""
    partitions: int = 4
    """Partitions of the topics that this process creates; the embedded broker always makes four."""
    ready_file: Path | None = None
    """Where the ports are written once everything listens; None: one line on standard output."""
    exit_with_parent: bool = False
    order_service_token: str | None = None
    """Bearer token that the Order Service asks for; None: none."""


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> SandboxSettings:
    """Read the command line. `ORDER_SERVICE_TOKEN` comes from the environment, as secrets do.

    Raises SettingsError; `--help` prints and raises SystemExit(0).
    """
    found: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(_parser().parse_args(arguments)).items()
    }
    captures = found.get("captures", ())
    for path in captures:
        if not path.is_file():
            raise SettingsError(f"--capture: {path} is not a file; give a gzip capture")
    if "queue_model" in found:
        found["queue_model"] = QueueModel(found["queue_model"])
    found["symbols"] = _symbols(found.get("symbols", "" if captures else DEFAULT_SYMBOLS))
    return SandboxSettings(**found, order_service_token=environment.get("ORDER_SERVICE_TOKEN") or None)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(message.removeprefix("argument "))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="market-maker sandbox",
        description="A sandbox exchange: orders, metadata, tokens, schema registry, market data on Kafka.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add("--broker", required=True, type=_broker, metavar="HOST:PORT", help="Kafka bootstrap servers")
    add("--host", type=_host, help="address to listen on (a container: 0.0.0.0)")
    add("--registry", type=_registry, metavar="URL", help="schema registry to use instead of the own one")
    add("--http-port", type=_port, help="orders, registry, auth and control (default: any free port)")
    add("--grpc-port", type=_port, help="Metadata Service (default: any free port)")
    add("--symbols", metavar="A,B", help=f"simulated markets (default without --capture: {DEFAULT_SYMBOLS})")
    add("--capture", dest="captures", action="append", type=Path, metavar="FILE", help="recorded; repeatable")
    add("--instrument", dest="instruments", action="append", type=_grid, metavar=GRID)
    add("--start-price", dest="start_prices", action="append", type=_start_price, metavar="SYMBOL:PRICE")
    add("--seed", type=_seed, help="of the simulated markets and of the faults' chances")
    add("--speed", type=_speed, help="market seconds per second")
    add("--depth", choices=sorted(PROFILES), help="of the simulated markets")
    queues = [model.value for model in QueueModel]
    add("--queue", dest="queue_model", choices=queues, help="of the recorded markets, see the fill model")
    add("--feed-delay", dest="feed_delay_s", type=_delay_s, metavar="300ms", help="of market data only")
    add("--snapshot-interval", dest="snapshot_interval_s", type=_seconds, help="seconds between books")
    add("--start-paused", action="store_true", help="markets stand still until POST /sandbox/start")
    add("--partitions", type=_partitions, help="of the topics created on a real Kafka")
    add("--ready-file", type=Path, metavar="PATH", help="written once all listens (default: one line out)")
    add("--exit-with-parent", action="store_true", help="end when the starting process is gone")
    return parser


def _broker(text: str) -> str:
    for address in text.split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, for example 127.0.0.1:9092")
    return text


def _host(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IPv4 address, such as 0.0.0.0") from None


def _registry(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL, such as http://127.0.0.1:8081")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use 0 to 65535")
    return int(text)


def _symbols(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")] if text else []
    for name in names:
        if not name.replace("_", "").isalnum() or len(name) > 32:
            raise SettingsError(f"--symbols: {name!r} is not a symbol; write them as BTCUSDT,ETHUSDT")
        if names.count(name) > 1:
            raise SettingsError(f"--symbols: {name} is listed twice")
    return tuple(names)


def _grid(text: str) -> Instrument:
    try:
        return parse_instrument(text)
    except InstrumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _start_price(text: str) -> tuple[str, Decimal]:
    symbol, _, number = text.partition(":")
    try:
        price = Decimal(number)
    except InvalidOperation:
        price = Decimal(0)
    if not symbol or not price.is_finite() or price <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not SYMBOL:PRICE, for example BTCUSDT:60000")
    return symbol, price


def _seed(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(SEED_MAX)) or int(text) > SEED_MAX:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 0 to {SEED_MAX}")
    return int(text)


def _speed(text: str) -> float:
    value = _number(text)
    if not 0 < value <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed; use more than 0, at most {SPEED_MAX:g}")
    return value


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0.05 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds from 0.05 to 3600")
    return value


def _delay_s(text: str) -> float:
    number, unit = (text[:-2], 1000) if text.endswith("ms") else (text.removesuffix("s"), 1)
    if number == text or not number.isdecimal() or int(number[:9]) / unit > DELAY_S_MAX:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a delay; write 300ms or 2s, at most {DELAY_S_MAX:g}s"
        )
    return int(number) / unit


def _partitions(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of partitions; use 1 to 1000")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
