"""Whether what a run tells is its own model's doing: one without an estimate quotes as the default model."""

from collections.abc import Sequence
from typing import Final

from market_maker.core.ledger.quoting_time import QUOTING
from market_maker.core.pricing.models.registry import DEFAULT
from tradex_backtest.report.figures import Subject

OWN_SHARE_MIN: Final = 0.5
"""A run whose model quoted less of the time says little of that model."""
_INSTEAD: Final = f"{QUOTING} as {DEFAULT}: "


def own_share(subject: Subject) -> float | None:
    """How much of the time with a quote it was its own model's; None: there was none."""
    quoted = [one for one in subject.time if one.reason == QUOTING or (one.reason or "").startswith(_INSTEAD)]
    total = sum(one.seconds for one in quoted)
    return sum(one.seconds for one in quoted if one.reason == QUOTING) / total if total else None


def warnings(subjects: Sequence[Subject]) -> list[str]:
    """A line for each run whose model hardly quoted, with the reasons, the longest first."""
    return [
        f"{subject.symbol} ({subject.source}), {subject.name}: {subject.model or 'its model'} quoted as "
        f"{DEFAULT} {100 * (1 - share):.1f} % of the time: {', '.join(_reasons(subject))}"
        for subject in subjects
        if (share := own_share(subject)) is not None and share < OWN_SHARE_MIN
    ]


def _reasons(subject: Subject) -> list[str]:
    ordered = sorted(subject.time, key=lambda one: -one.seconds)
    said = [one.reason for one in ordered if one.reason is not None and one.reason.startswith(_INSTEAD)]
    return list(dict.fromkeys(reason.removeprefix(_INSTEAD) for reason in said))
