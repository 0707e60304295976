"""Markets for backtests: a capture in which a price wanders and others trade, and a command that plays it."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lab.sandbox_market import Capture
from tradex_backtest.command import main
from tradex_sandbox.orders import Side

LEVELS = 12
START_TICKS = 10_000
"""Of 0.1 each: a price of 1000."""


def price(ticks: int) -> str:
    """In the grid of the market."""
    return f"{ticks / 10:.1f}"


def wandering(seconds: int, seed: int = 1, symbol: str = "BTCUSDT") -> Capture:
    """Ten messages a second: quantities change, the price moves by ticks, trades go up to three levels in."""
    draw = Random(seed)  # noqa: S311 -- a market, not a secret
    capture, best = Capture(symbol), START_TICKS
    bids = {best - depth: draw.randint(20, 900) for depth in range(LEVELS)}
    asks = {best + 1 + depth: draw.randint(20, 900) for depth in range(LEVELS)}
    capture.opened(_pairs(bids), _pairs(asks))
    for _ in range(seconds * 10):
        capture.later(99)
        if draw.random() < 0.4:
            side = draw.choice((Side.BUY, Side.SELL))
            deep = draw.choice((0, 0, 1, 2))
            at = best + 1 + deep if side is Side.BUY else best - deep
            capture.trade(price(at), f"{draw.randint(1, 900) / 1000:.3f}", side)
            continue
        step = draw.choice((-1, 0, 0, 1))
        moved_bids = {best + step - depth: draw.randint(20, 900) for depth in range(LEVELS)}
        moved_asks = {best + step + 1 + depth: draw.randint(20, 900) for depth in range(LEVELS)}
        capture.depth(_changes(bids, moved_bids), _changes(asks, moved_asks))
        best, bids, asks = best + step, moved_bids, moved_asks
    return capture


def _pairs(levels: dict[int, int]) -> list[tuple[str, str]]:
    return [(price(ticks), f"{lots / 1000:.3f}") for ticks, lots in levels.items()]


def _changes(before: dict[int, int], after: dict[int, int]) -> list[tuple[str, str]]:
    return _pairs({ticks: after.get(ticks, 0) for ticks in {**before, **after}})


def config_file(path: Path, **fields: object) -> Path:
    """A configuration that trades in such a market."""
    chosen = {"base_spread_bps": 2, "order_size_usdt": 50, "num_levels": 2, "level_spacing_bps": 1, **fields}
    path.write_text("".join(f"{name}: {value}\n" for name, value in chosen.items()))
    return path


def backtested(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict[str, Any]:
    """The last line of `backtest --json` in this process, on one core."""
    assert main([str(word) for word in ("--json", "--jobs", "1", *words)]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found
