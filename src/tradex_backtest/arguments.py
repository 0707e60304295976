"""The command line of `market-maker backtest`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from market_maker.durations import parse_duration
from tradex_backtest.configs import Sweep, parse_sweep
from tradex_backtest.errors import BacktestError
from tradex_backtest.latencies import Distribution
from tradex_backtest.latency_record import measured
from tradex_backtest.measured import MEASURED
from tradex_backtest.parser import command_parser, read_by
from tradex_backtest.sweep import cores_at_hand
from tradex_sandbox.instruments import Instrument, parse_instrument
from tradex_sandbox.queue_position import QueueModel

JOBS_DIGITS = 4

EPILOG = """A capture is a recorded market: gzip lines of a stream as received (docs/backtest.md).
A configuration is a YAML file with the fields of the API, such as base_spread_bps: 4 (default: none of them).
exit codes: 0 played, 1 a capture broke off or could not be played, 2 wrong arguments"""


@dataclass(frozen=True, slots=True)
class BacktestArguments:
    """What one backtest does."""

    captures: tuple[Path, ...]
    configs: tuple[Path, ...]
    sweeps: tuple[Sweep, ...]
    instruments: tuple[Instrument, ...]
    symbols: tuple[str, ...]
    queue_model: QueueModel
    feed_latency: Distribution
    order_latency: Distribution
    answer_latency: Distribution
    response_timeout_ns: int
    maker_fee_bps: Decimal
    learn_share: float
    seed: int
    jobs: int
    out: Path | None
    json: bool
    markdown: bool


def parse_arguments(words: Sequence[str]) -> BacktestArguments:
    """Read the command line; BacktestError. `--help` prints and raises SystemExit(0)."""
    found = _parser().parse_args(words)
    for path in (*found.capture, *found.config):
        if not path.is_file():
            raise BacktestError(f"{path} is not a file; check the path")
    usual = MEASURED if found.latency_from is None else measured(found.latency_from)
    return BacktestArguments(
        captures=tuple(found.capture),
        configs=tuple(found.config),
        sweeps=tuple(found.sweep),
        instruments=tuple(found.instrument),
        symbols=tuple(symbol for symbol in (found.symbols or "").split(",") if symbol),
        queue_model=QueueModel(found.queue),
        feed_latency=found.feed_latency or usual.feed,
        order_latency=found.order_latency or usual.order,
        answer_latency=found.answer_latency or usual.answer,
        response_timeout_ns=found.response_timeout,
        maker_fee_bps=found.maker_fee_bps,
        learn_share=found.learn,
        seed=found.seed,
        jobs=found.jobs or cores_at_hand(),
        out=found.out,
        json=found.json,
        markdown=found.markdown,
    )


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "market-maker backtest", "The service's engine in recorded markets, on a virtual clock.", EPILOG
    )
    add = parser.add_argument
    add("--capture", nargs="+", action="extend", type=Path, required=True, metavar="FILE")
    add("--config", action="append", type=Path, default=[], metavar="FILE.yaml", help="repeatable")
    add(
        "--sweep",
        action="append",
        type=read_by(parse_sweep),
        default=[],
        metavar="FIELD=V,V",
        help="every configuration with each of these values; several sweeps are crossed",
    )
    add(
        "--instrument",
        action="append",
        type=read_by(parse_instrument),
        default=[],
        metavar="SYMBOL:tick:lot:min_notional",
        help="the grid of a captured market (default: inferred)",
    )
    add("--symbols", metavar="A,B", help="of captures that hold several (default: the first in the file)")
    add(
        "--queue",
        choices=[model.value for model in QueueModel],
        default=QueueModel.RISK_AVERSE.value,
        help="where in a queue cancellations take place (default risk_averse; docs/sandbox-fill-model.md)",
    )
    for name in ("--feed-latency", "--order-latency", "--answer-latency"):
        add(name, type=read_by(_latency), metavar="1ms", help="one way; default: measured, docs/backtest.md")
    add(
        "--latency-from",
        type=Path,
        metavar="RECORD",
        help="latencies as a record of the service (MM_RECORD_DIR) shows them",
    )
    add(
        "--response-timeout",
        type=read_by(parse_duration),
        default="50ms",
        metavar="50ms",
        help="ORDER_SERVICE_RESPONSE_TIMEOUT_MS of the service; a later answer halts",
    )
    add("--maker-fee-bps", type=read_by(_decimal), default=Decimal("-0.5"), help="negative: a rebate")
    add(
        "--learn",
        type=read_by(_share),
        default=0.0,
        metavar="50%",
        help="so much of a capture the engine only watches (models calibrate), and quotes from then on",
    )
    add("--seed", type=int, default=1, help="of the latencies that are drawn")
    add("--jobs", type=read_by(_jobs), help="processes (default: one per core)")
    add("--out", type=Path, metavar="report.html", help="write the report")
    add("--json", action="store_true", help="end with one line of JSON on standard output")
    add("--markdown", action="store_true", help="print the table of a comparison for documentation")
    return parser


def _jobs(text: str) -> int:
    if not text.isdecimal() or len(text) > JOBS_DIGITS or not int(text):
        raise ValueError(f"must be a whole number of processes, 1 or more, got {text[:20]!r}")
    return int(text)


def _share(text: str) -> float:
    share = _decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= share < 1:
        raise ValueError("must be a share such as 50%, less than all")
    return float(share)


def _latency(text: str) -> Distribution | None:
    return None if text == "measured" else Distribution((parse_duration(text),))


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite():
        raise ValueError("must be a number")
    return number
