"""The ends of a paged history: where the first page starts and how large one may be."""

from dataclasses import dataclass
from datetime import datetime

ID_MAX = 2**63 - 1
"""Above every row id."""

TEXT_MAX = chr(0x10FFFF)
"""Above every text id: PostgreSQL's "C" order is that of code points."""

PAGE_ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time, from `since` on and before `until`; None: without that end."""

    since: datetime | None = None
    until: datetime | None = None


ALWAYS = Period()


def page_limit(limit: int) -> int:
    """The limit itself; ValueError when it is not 1 to PAGE_ROWS_MAX."""
    if not 1 <= limit <= PAGE_ROWS_MAX:
        raise ValueError(f"limit must be 1 to {PAGE_ROWS_MAX}, got {limit}")
    return limit
