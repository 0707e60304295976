"""The page: one HTML file with its data, styles and charts in it, which opens without a network.

It holds no more points than fit: a sweep of hundreds has all its runs in the table, and the details of some.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tradex_backtest.errors import BacktestError
from tradex_backtest.report.figures import (
    HORIZONS_MS,
    FillFigures,
    Point,
    Subject,
    markout_bps,
    plain,
    ratio,
)
from tradex_backtest.report.own_model import warnings

BYTES_FOR_POINTS: Final = 400_000
BYTES_PER_POINT: Final = 60
POINTS_MAX: Final = 600
DETAILS_MAX: Final = 60
"""Subjects with a section of their own; the table has all of them."""
TABLE_MAX: Final = 1_000
QUANTILES: Final = (0.1, 0.5, 0.9)


def page(title: str, subjects: Sequence[Subject], notes: Sequence[str] = ()) -> str:
    """The whole file."""
    data = {"title": title, "notes": list(notes), **_data(subjects)}
    told = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    filled = _asset("page.html")
    for mark, text in (
        ("/*uPlot.css*/", _asset("uPlot.min.css")),
        ("/*report.css*/", _asset("report.css")),
        ("/*uPlot.js*/", _asset("uPlot.iife.min.js")),
        ("/*report.js*/", _asset("report.js")),
        ("<!--title-->", _escaped(title)),
        ("<!--licence-->", _asset("uPlot.LICENSE").replace("--", "- -")),
        ('"data"', told),
    ):
        filled = filled.replace(mark, text, 1)
    return filled


def write_page(out: Path, title: str, subjects: Sequence[Subject], notes: Sequence[str]) -> None:
    """The page into a file; BacktestError."""
    try:
        out.write_text(page(title, subjects, notes), "utf-8")
    except OSError as error:
        raise BacktestError(f"--out: {out} cannot be written: {error.strerror}; check the path") from None


def report_json(subjects: Sequence[Subject]) -> dict[str, Any]:
    """The same numbers for machines."""
    return {"subjects": [{**subject.summary(), **_detail(subject, POINTS_MAX)} for subject in subjects]}


def _data(subjects: Sequence[Subject]) -> dict[str, Any]:
    shown = subjects[:DETAILS_MAX]
    points = min(POINTS_MAX, max(20, BYTES_FOR_POINTS // BYTES_PER_POINT // max(1, len(shown))))
    return {
        "horizons_s": [ms / 1000 for ms in HORIZONS_MS],
        "summaries": [subject.summary() for subject in subjects[:TABLE_MAX]],
        "warnings": warnings(subjects),
        "details": [_detail(subject, points) for subject in shown],
        "left_out": [max(0, len(subjects) - DETAILS_MAX), max(0, len(subjects) - TABLE_MAX)],
    }


def _detail(subject: Subject, points: int) -> dict[str, Any]:
    chosen = _thinned(subject.points, points)
    orders = subject.orders
    return {
        "name": subject.name,
        "symbol": subject.symbol,
        "source": subject.source,
        "model": subject.model,
        "began_us": subject.began_us,
        "ended_us": subject.ended_us,
        "settings": subject.config,
        "state_reason": subject.state_reason,
        "series": {
            "t": [point.at_us // 1_000_000 for point in chosen],
            "total": [_number(point.parts.total) for point in chosen],
            "spread": [_number(point.parts.spread) for point in chosen],
            "inventory": [_number(point.parts.inventory) for point in chosen],
            "fees": [_number(point.parts.fees) for point in chosen],
            "position": [_number(point.inventory_usdt) for point in chosen],
            "quoted_bps": [_number(point.spread_bps) for point in chosen],
        },
        "markouts": _curves(subject.fills),
        "orders": {
            "placed": orders.placed,
            "cancelled": orders.cancelled,
            "with_fills": orders.with_fills,
            "fill_ratio": ratio(orders.with_fills, orders.placed),
            "lifetime_ms": _quantiles(orders.lifetimes_ms),
            "ahead_usdt": None if orders.ahead_usdt is None else _quantiles(orders.ahead_usdt),
        },
        "time": [
            {"state": share.state, "reason": share.reason, "seconds": round(share.seconds, 3)}
            for share in subject.time
        ],
        "presence": [asdict(one) for one in subject.presence],
        "worst_fills": [_fill(fill) for fill in subject.worst_fills()],
    }


def _curves(fills: Sequence[FillFigures]) -> list[dict[str, Any]]:
    """One curve for each side and level that was filled, and one for all."""
    groups: dict[tuple[str, int | None], list[FillFigures]] = {}
    for fill in fills:
        groups.setdefault((fill.side, fill.level), []).append(fill)
    named: list[tuple[str, int | None, Sequence[FillFigures]]] = [("all", None, fills)]
    named += [(side, level, group) for (side, level), group in sorted(groups.items(), key=_by_side)]
    return [
        {
            "side": side,
            "level": level,
            "fills": len(group),
            "bps": [_number(markout_bps(group, ms)) for ms in HORIZONS_MS],
        }
        for side, level, group in named
    ]


def _by_side(item: tuple[tuple[str, int | None], object]) -> tuple[str, int]:
    (side, level), _ = item
    return side, -1 if level is None else level


def _fill(fill: FillFigures) -> dict[str, Any]:
    return {
        "at_us": fill.at_us,
        "side": fill.side,
        "level": fill.level,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "mid": None if fill.mid is None else plain(fill.mid),
        "fee": plain(fill.fee),
        "markout_usdt": [plain(fill.markouts[ms]) if ms in fill.markouts else None for ms in HORIZONS_MS],
    }


def _thinned(points: Sequence[Point], count: int) -> list[Point]:
    """About so many of them, evenly, with the last."""
    if len(points) <= count:
        return list(points)
    step = -(-len(points) // (count - 1))
    return [*points[:-1:step], points[-1]]


def _quantiles(ordered: Sequence[float]) -> list[float] | None:
    """The 10th, 50th and 90th percentile."""
    if not ordered:
        return None
    return [round(ordered[int(share * (len(ordered) - 1))], 3) for share in QUANTILES]


def _number(value: Any) -> float | None:
    return None if value is None else float(f"{value:.7g}")


def _asset(name: str) -> str:
    return files("tradex_backtest.report").joinpath("assets", name).read_text("utf-8")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
