"""The table of a comparison on a terminal: each run beside the first one of its market."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tradex_backtest.report.figures import Subject, markout_bps
from tradex_backtest.report.own_model import warnings

HEAD: Final = (
    "market",
    "configuration",
    "P&L USDT",
    "difference",
    "spread",
    "inventory",
    "fees paid",
    "fills",
    "two-sided",
    "markout 10 s bps",
)
_LEFT: Final = 2
"""Columns of words; those after them are figures."""
_HORIZON_MS: Final = 10_000


def lines(subjects: Sequence[Subject]) -> str:
    """One line a run under a head, in columns of equal width, and under them what they do not say."""
    firsts: dict[str, Decimal] = {}
    rows: list[tuple[str, ...]] = [HEAD]
    for subject in subjects:
        market = f"{subject.symbol} ({subject.source})"
        rows.append(_row(market, subject, firsts.setdefault(market, subject.parts.total)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = "".join(
        "  ".join(
            text.ljust(width) if number < _LEFT else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        + "\n"
        for row in rows
    )
    return "\n".join([f"{table}P&L = spread + inventory - fees paid", *warnings(subjects), ""])


def _row(market: str, subject: Subject, first: Decimal) -> tuple[str, ...]:
    parts, share, bps = subject.parts, subject.two_sided_share, markout_bps(subject.fills, _HORIZON_MS)
    return (
        market,
        subject.name if subject.state == "ACTIVE" else f"{subject.name} ({subject.state})",
        f"{parts.total:.2f}",
        f"{parts.total - first:+.2f}",
        *(f"{amount:.2f}" for amount in (parts.spread, parts.inventory, parts.fees)),
        str(len(subject.fills)),
        "-" if share is None else f"{share:.1%}",
        "-" if bps is None else f"{bps:.2f}",
    )
