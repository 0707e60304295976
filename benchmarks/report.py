"""What every benchmark gives: rows, each with its budget where there is one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. A budget is the most that is allowed, or the least when `at_least`."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    at_least: bool = False

    @property
    def within(self) -> bool | None:
        """Whether the figure keeps its budget; None when it has none."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    def as_json(self) -> dict[str, Any]:
        """The row for a script."""
        return {**asdict(self), "value": round(self.value, 3), "within": self.within}


def table(title: str, rows: Sequence[Row]) -> str:
    """The rows for a person."""
    lines = [title]
    for row in rows:
        budget = ""
        if row.budget is not None:
            relation = "at least" if row.at_least else "at most"
            budget = f"  {relation} {row.budget:,.10g}  {'ok' if row.within else 'MISSED'}"
        lines.append(f"  {row.name:<58} {row.value:>14,.2f} {row.unit:<5}{budget}")
    return "\n".join(lines)
