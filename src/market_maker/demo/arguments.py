"""The demo's command line."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from market_maker.core.bounded import UnboundedError, bounded
from market_maker.durations import parse_duration

DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT")
DEFAULT_LEVELS = 2
"""So that a fill of the inner order leaves the side quoted until the next evaluation."""
SEED_MAX = 2**63 - 1
DELAY_MS_MAX = 60_000
DIGITS_MAX = 20
"""Of a whole number: more are no number of ours, and beyond some thousand Python refuses to read them."""
RECORDED_SPREAD_BPS = Decimal(2)
"""Recorded markets do not react to us: ten bps away from a liquid mid nothing would fill for minutes."""


@dataclass(frozen=True, slots=True)
class DemoArguments:
    """What one demo run does."""

    for_s: float | None
    """How long the symbols trade; None until Ctrl-C."""
    json: bool
    captures: tuple[Path, ...]
    symbols: tuple[str, ...]
    instruments: tuple[str, ...]
    seed: int
    speed: float
    depth: str
    queue: str
    feed_delay_ms: int
    shadow: bool
    http_port: int
    metrics_port: int
    spread_bps: Decimal | None
    levels: int
    response_timeout_ms: int
    approvals: bool = False
    """Whether the API asks for tokens and changes wait for a second person."""


def parse_arguments(arguments: Sequence[str], prog: str = "market-maker demo") -> DemoArguments:
    """Read the command line; a mistake ends the process with one sentence, exit code 2."""
    parser = _parser(prog)
    found = parser.parse_args(arguments)
    for path in found.captures:
        if not path.is_file():
            parser.error(f"--capture: {path} is not a file; give a gzip capture")
    listed = tuple(symbol for symbol in (found.symbols or "").split(",") if symbol)
    if found.symbols is not None and not listed:
        parser.error(f"--symbols: {found.symbols!r} names no symbol; write them as BTCUSDT,ETHUSDT")
    read = {
        "captures": tuple(path.resolve() for path in found.captures),
        "symbols": listed or (() if found.captures else DEFAULT_SYMBOLS),
        "instruments": tuple(found.instruments),
        "spread_bps": found.spread_bps or (RECORDED_SPREAD_BPS if found.captures else None),
    }
    return DemoArguments(**vars(found) | read)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence: the usage is what `--help` is for."""
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}\n")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="Real servers from wheels, a sandbox exchange and the service, quoting until stopped.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--for", dest="for_s", type=_duration_s, metavar="60s", help="trade this long (default: until Ctrl-C)"
    )
    add(
        "--json", action="store_true", help="end with one line of JSON on standard output, all else on stderr"
    )
    add(
        "--capture",
        dest="captures",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="a recorded market; repeatable",
    )
    add("--symbols", metavar="A,B", help=f"simulated markets (default {','.join(DEFAULT_SYMBOLS)})")
    add(
        "--instrument",
        dest="instruments",
        action="append",
        default=[],
        metavar="SYMBOL:tick:lot:min_notional",
    )
    add("--seed", type=_whole(0, SEED_MAX), default=1, help="of the simulated order flow")
    add("--speed", type=float, default=1.0, help="market seconds per second (default 1)")
    add("--depth", choices=("normal", "thin"), default="normal", help="others in the simulated markets")
    add(
        "--queue",
        choices=("proportional", "risk_averse"),
        default="proportional",
        help="recorded markets: where in a queue cancellations take place (docs/sandbox-fill-model.md)",
    )
    add(
        "--feed-delay",
        dest="feed_delay_ms",
        type=_delay_ms,
        default=0,
        metavar="300ms",
        help="market data comes this much later, engine events do not",
    )
    add("--shadow", action="store_true", help="compute quotes, place nothing")
    add(
        "--approvals",
        action="store_true",
        help="ask for tokens (of two made-up people), and let changes wait for a second person",
    )
    add(
        "--http-port",
        type=_whole(0, 65_535),
        default=8080,
        help="admin API (another one is taken when it is in use)",
    )
    add("--metrics-port", type=_whole(0, 65_535), default=9090, help="Prometheus metrics (the same)")
    add("--spread-bps", type=_positive, metavar="BPS", help="base spread (default 10, or 2 with --capture)")
    add(
        "--levels",
        type=_whole(1, 20),
        default=DEFAULT_LEVELS,
        metavar="N",
        help="quoted levels per side (default 2)",
    )
    add(
        "--response-timeout-ms",
        type=_whole(1, 5_000),
        default=1000,
        help="the service's KILL_SWITCH_RESPONSE_TIMEOUT_MS",
    )
    return parser


def _duration_s(text: str) -> float:
    try:
        seconds = parse_duration(text) / 1e9
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be positive, such as 60s")
    return seconds


def _delay_ms(text: str) -> int:
    try:
        delay_ms = parse_duration(text) // 1_000_000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if delay_ms > DELAY_MS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} must be at most {DELAY_MS_MAX}ms")
    return delay_ms


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or len(text) > DIGITS_MAX or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def _positive(text: str) -> Decimal:
    try:
        value = bounded(text)
    except UnboundedError as error:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} {error}") from None
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number")
    return value
