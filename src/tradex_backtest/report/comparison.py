"""The table of a comparison, a row a run: on a terminal, and for a page of documentation."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from tradex_backtest.report.figures import HORIZONS_MS, Subject, markout_bps
from tradex_backtest.report.own_model import own_share, warnings

_MARKOUTS: Final = {ms: f"markout {ms / 1000:g} s" for ms in HORIZONS_MS}
PAGE: Final = (
    *("market", "configuration", "P&L", "spread", "inventory", "fees paid", "fills", "volume"),
    *("position std", "two-sided", "by its own model", *_MARKOUTS.values()),
)
TERMINAL: Final = (
    *("market", "configuration", "P&L", "difference", "spread", "inventory", "fees paid", "fills"),
    *("two-sided", _MARKOUTS[10_000]),
)
_UNITS: Final = {"P&L": "P&L USDT", _MARKOUTS[10_000]: f"{_MARKOUTS[10_000]} bps"}
_LEFT: Final = 2
"""Columns of words; those after them are figures."""


def _markout(horizon_ms: int, subject: Subject) -> str:
    return _or_none(markout_bps(subject.fills, horizon_ms), ".2f")


def _or_none(figure: Decimal | float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)


_CELLS: Final[Mapping[str, Callable[[Subject], str]]] = {
    "market": lambda of: f"{of.symbol} ({of.source})",
    "configuration": lambda of: of.name if of.state == "ACTIVE" else f"{of.name} ({of.state})",
    "P&L": lambda of: f"{of.parts.total:.2f}",
    "spread": lambda of: f"{of.parts.spread:.2f}",
    "inventory": lambda of: f"{of.parts.inventory:.2f}",
    "fees paid": lambda of: f"{of.parts.fees:.2f}",
    "fills": lambda of: str(len(of.fills)),
    "volume": lambda of: f"{of.volume:.0f}",
    "position std": lambda of: _or_none(of.position_std, ".0f"),
    "two-sided": lambda of: _or_none(of.two_sided_share, ".1%"),
    "by its own model": lambda of: _or_none(own_share(of), ".0%"),
    **{name: partial(_markout, ms) for ms, name in _MARKOUTS.items()},
}
"""How each figure is written; only what a table has is reckoned."""


def table(subjects: Sequence[Subject]) -> str:
    """Markdown: amounts in quote currency, markouts in bps."""
    rows = [PAGE, ("---", "---", *["---:"] * (len(PAGE) - _LEFT))]
    rows += [tuple(_CELLS[name](subject) for name in PAGE) for subject in subjects]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def lines(subjects: Sequence[Subject]) -> str:
    """Columns of equal width, each run beside the first one of its market; then what they do not say."""
    firsts: dict[str, Decimal] = {}
    rows = [tuple(_UNITS.get(name, name) for name in TERMINAL)]
    for subject in subjects:
        first = firsts.setdefault(_CELLS["market"](subject), subject.parts.total)
        apart = {"difference": f"{subject.parts.total - first:+.2f}"}
        rows.append(tuple(apart.get(name) or _CELLS[name](subject) for name in TERMINAL))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    told = "".join(
        "  ".join(
            text.ljust(width) if number < _LEFT else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        + "\n"
        for row in rows
    )
    return "\n".join([f"{told}P&L = spread + inventory - fees paid", *warnings(subjects), ""])
