"""`market-maker calibrate`: sigma, k and A of a recorded market; 0 told, 1 cannot be told, 2 wrong arguments.

The same counting and the same fit as in a running engine, over a whole capture at once and from others'
book alone. What it prints is a configuration of a model, for `backtest --config` or the API.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from market_maker.core.pricing.models.calibration import Calibration, Estimates
from market_maker.core.pricing.models.proposal import BookSeen, NotReady, QuotedAt, TradeSeen
from market_maker.core.pricing.models.registry import model_kind, model_kinds
from market_maker.core.side import Side as EngineSide
from tradex_backtest.errors import BacktestError
from tradex_backtest.parser import command, command_parser, read_by
from tradex_backtest.report.figures import plain
from tradex_backtest.tapes.market import DepthStep, RecordedStream, TradeStep
from tradex_backtest.tapes.opening import captures_of, open_capture
from tradex_sandbox.capture import CaptureError
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.orders import Side
from tradex_sandbox.recorded_trades import RecordedTrade, Takers

WINDOW_S: Final = 90_000
"""As long as a model's window may be: a day and an hour."""
PLACES: Final = 8
"""Decimals that a configuration's number may have."""
FIELDS: Final = ("sigma_ticks", "k_per_tick", "a_per_s")
WHAT_TO_DO: Final = {
    "too_few_samples": "take a longer capture, or fit nearer to the mid, where takers come, "
    "--depths NEAREST:DEEPEST",
    "no_decay": "fit over a wider range of depths, --depths NEAREST:DEEPEST; where k stays at or below zero "
    "use linear_skew, which asks for no k",
    "poor_fit": "fit only where quotes are to stand, --depths NEAREST:DEEPEST, since rates far apart follow "
    "no one line; else take a longer capture, or stay with linear_skew. Do not set its figures by hand",
}
"""By why a market cannot be told."""
EPILOG = """A capture is a recorded market in any of the formats of `backtest` (docs/backtest.md).
exit codes: 0 told, 1 the market does not tell (too few orders, a poor fit) or the capture broke off, 2 wrong
arguments"""


@dataclass(frozen=True, slots=True)
class CalibratedCapture:
    """What a capture told."""

    symbol: str
    capture: str
    market_us: int
    found: Estimates | NotReady

    def figures(self) -> dict[str, str]:
        """The parameters by name; empty when there are none."""
        found = self.found
        if isinstance(found, NotReady):
            return {}
        figures = (found.sigma, found.k, found.a)
        return {name: plain(round(value, PLACES)) for name, value in zip(FIELDS, figures, strict=True)}


@command("calibrate", CaptureError)
def main(words: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return _calibrate(_parser().parse_args(words))


def calibrated(stream: RecordedStream, capture: str, quoted: QuotedAt | None = None) -> CalibratedCapture:
    """Read a stream to its end; `quoted`: fit around these depths only, as for a model that quotes there.

    CaptureError where the capture breaks.
    """
    calibration = Calibration(WINDOW_S)
    if quoted is not None:
        calibration.see(quoted)
    _see_book(calibration, stream)
    takers = Takers()
    while (due_us := stream.due_us) is not None:
        step = stream.take()
        if isinstance(step, DepthStep):
            _see_book(calibration, stream)
        elif isinstance(step, TradeStep):
            calibration.see(_seen(takers.came_us(step.trade, due_us), step.trade))
    if stream.error is not None:
        raise stream.error
    market_us = stream.now_us - stream.began_us
    return CalibratedCapture(stream.instrument.symbol, capture, market_us, calibration.fit_now(stream.now_us))


def _see_book(calibration: Calibration, stream: RecordedStream) -> None:
    bid, ask = stream.crowd.top
    calibration.see(BookSeen(stream.now_us, None if bid is None or ask is None else bid + ask))


def _seen(at_us: int, trade: RecordedTrade) -> TradeSeen:
    side = EngineSide.BUY if trade.taker_side is Side.BUY else EngineSide.SELL
    return TradeSeen(at_us, side, trade.ticks)


def _calibrate(arguments: argparse.Namespace) -> int:
    path: Path = arguments.capture
    if not path.is_file():
        raise BacktestError(f"{path} is not a file; check the path")
    symbols = () if arguments.symbol is None else (arguments.symbol,)
    instruments = () if arguments.instrument is None else (arguments.instrument,)
    [capture] = captures_of((path,), symbols, instruments)
    told = calibrated(RecordedStream(open_capture(capture)), capture.name, arguments.depths)
    sys.stdout.write(_json(told) if arguments.json else _yaml(told, arguments.model))
    return 1 if isinstance(told.found, NotReady) else 0


def _yaml(told: CalibratedCapture, model: str) -> str:
    found = told.found
    seconds = f"{told.market_us / 1e6:.0f} s of {told.symbol} in {told.capture}"
    if isinstance(found, NotReady):
        return f"# {seconds}: {found.code}: {found.detail}\n# What to do: {WHAT_TO_DO[found.code]}\n"
    known = {parameter.name for parameter in model_kind(model).parameters}
    parameters = "".join(f"  {name}: {value}\n" for name, value in told.figures().items() if name in known)
    return (
        f"# {seconds}: sigma over {found.seconds} s; A and k from {found.orders} orders of takers,\n"
        f"# R squared {plain(found.fit)}\n"
        f"symbol: {told.symbol}\nmodel: {model}\nmodel_parameters:\n{parameters}"
    )


def _json(told: CalibratedCapture) -> str:
    found = told.found
    said: dict[str, object] = {
        "symbol": told.symbol,
        "capture": told.capture,
        "market_seconds": round(told.market_us / 1e6, 3),
        **{name: told.figures().get(name) for name in FIELDS},
        "fit": None if isinstance(found, NotReady) else plain(found.fit),
        "orders": None if isinstance(found, NotReady) else found.orders,
        "seconds": None if isinstance(found, NotReady) else found.seconds,
        "why_not": f"{found.code}: {found.detail}" if isinstance(found, NotReady) else None,
        "what_to_do": WHAT_TO_DO[found.code] if isinstance(found, NotReady) else None,
    }
    return json.dumps(said) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "market-maker calibrate", "What a recorded market tells quoting models: sigma, k and A.", EPILOG
    )
    add = parser.add_argument
    add("--capture", type=Path, required=True, metavar="FILE")
    add("--symbol", metavar="S", help="of a capture that holds several (default: the first in the file)")
    add(
        "--instrument",
        type=read_by(parse_instrument),
        metavar="SYMBOL:tick:lot:min_notional",
        help="the grid of the captured market (default: inferred)",
    )
    add(
        "--depths",
        type=read_by(_depths),
        metavar="2:10",
        help="fit around these distances from the mid in ticks, where quotes are to stand (default: all)",
    )
    models = [kind.name for kind in model_kinds() if {*FIELDS} & {one.name for one in kind.parameters}]
    add("--model", choices=models, default="glft", help="whose configuration is printed (default glft)")
    add("--json", action="store_true", help="one line of JSON instead of YAML")
    return parser


def _depths(text: str) -> QuotedAt:
    nearest, _, deepest = text.partition(":")
    try:
        near, deep = float(nearest), float(deepest)
    except ValueError:
        raise ValueError("must be two distances in ticks, such as 2:10") from None
    if not 0 <= near < deep:
        raise ValueError("the first distance must be below the second, such as 2:10")
    return QuotedAt(round(2 * near), round(2 * deep), own=False)
