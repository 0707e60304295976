"""The table of a comparison for a page of documentation."""

from collections.abc import Sequence

from tradex_backtest.report.figures import HORIZONS_MS, Subject, markout_bps
from tradex_backtest.report.own_model import own_share

HEAD = (
    "market",
    "configuration",
    "P&L",
    "spread",
    "inventory",
    "fees paid",
    "fills",
    "volume",
    "position std",
    "two-sided",
    "by its own model",
    *(f"markout {ms / 1000:g} s" for ms in HORIZONS_MS),
)


def table(subjects: Sequence[Subject]) -> str:
    """Markdown, one row a run: amounts in quote currency, markouts in bps."""
    rows = [HEAD, ("---", "---", *["---:"] * (len(HEAD) - 2)), *(_row(subject) for subject in subjects)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(subject: Subject) -> tuple[str, ...]:
    parts, std, share = subject.parts, subject.position_std, subject.two_sided_share
    market = f"{subject.symbol} ({subject.source})"
    return (
        market,
        subject.name if subject.state == "ACTIVE" else f"{subject.name} ({subject.state})",
        *(f"{amount:.2f}" for amount in (parts.total, parts.spread, parts.inventory, parts.fees)),
        str(len(subject.fills)),
        f"{subject.volume:.0f}",
        "-" if std is None else f"{std:.0f}",
        "-" if share is None else f"{share:.1%}",
        "-" if (own := own_share(subject)) is None else f"{own:.0%}",
        *("-" if (bps := markout_bps(subject.fills, ms)) is None else f"{bps:.2f}" for ms in HORIZONS_MS),
    )
