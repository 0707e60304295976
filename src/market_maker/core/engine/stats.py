"""Counters of one engine, and the share of its ACTIVE time with quotes on both sides."""

from dataclasses import dataclass, field

WARM_UP_NS = 1_000_000_000
"""The first second of each ACTIVE period is not counted: the first quotes are on their way."""


@dataclass(slots=True)
class Stats:
    """What happened since the engine was made."""

    quotes_computed: int = 0
    orders_placed: int = 0
    orders_rejected: int = 0
    orders_would_cross: int = 0
    orders_cancelled: int = 0
    fills: int = 0
    active_ns: int = 0
    two_sided_ns: int = 0
    uncertain_ns: int = 0
    uncertain: bool = False
    """Whether the reference mid is undecided from the last call on."""
    suppressed: dict[str, int] = field(default_factory=dict)
    _since_ns: int = 0
    _counted_from_ns: int | None = None
    _two_sided: bool = False

    def suppress(self, reason: str) -> None:
        """Count a level, or a whole quote, that was not placed."""
        self.suppressed[reason] = self.suppressed.get(reason, 0) + 1

    def activity(self, now_ns: int, *, active: bool, two_sided: bool, uncertain: bool = False) -> None:
        """Account for the time since the last call, then note how things stand from now on."""
        if self._counted_from_ns is not None:
            elapsed_ns = max(0, now_ns - max(self._since_ns, self._counted_from_ns))
            self.active_ns += elapsed_ns
            if self._two_sided:
                self.two_sided_ns += elapsed_ns
            if self.uncertain:
                self.uncertain_ns += elapsed_ns
        if not active:
            self._counted_from_ns = None
        elif self._counted_from_ns is None:
            self._counted_from_ns = now_ns + WARM_UP_NS
        self._since_ns = now_ns
        self._two_sided = two_sided
        self.uncertain = uncertain
