"""Counts of what really happened over all runs: a fault that never strikes tests nothing."""

from collections import Counter
from collections.abc import Iterable

from market_maker.core.states import KillReason
from simulation.decisions import Kind

NOT_PLAYED = (KillReason.HISTORY_DIFFERS, KillReason.HOUSE_LIMIT_BREACH, KillReason.DRILL)
"""What asks for these stands outside the simulated processes: the check of the history, the sums over all
instances, an operator's drill. They are scenarios and acceptance tests."""
HAPPENS_SOMETIMES: tuple[str, ...] = (
    *(kind.value for kind in Kind),
    *(f"kill:{reason.value}" for reason in KillReason if reason not in NOT_PLAYED),
    "late_answer",
    "late_ok_after_kill",
    "request_given_up",
    "would_cross",
    "cancel_answered_404",
    "not_sent",
    "fill",
    "fill_before_ack",
    "fill_during_cancel",
    "fill_after_end",
    "fill_while_halted",
    "fill_of_unknown_order",
    "fill_again",
    "fill_covered",
    "request_held",
    "cancel_beyond_lease",
    "orphan_adopted",
    "ghost_order",
    "order_unknown",
    "grid_adopted",
    "book_gap",
    "stale_book",
    "crash_between_effects",
    "crash_loses_records",
    "crash_with_requests_under_way",
    "crash_while_writing",
    "restart_halted",
    "restart_with_open_orders",
    "enabled",
    "enable_refused",
    "reset_done",
    "pnl_rebased_later",
    "reset_refused",
    *(f"refused:{reason}" for reason in ("book_invalid", "book_stale", "grid_changing", "lease_ended")),
    *(f"refused:{reason}" for reason in ("position_limit", "rate_limit", "exchange_rate_limit", "own_cross")),
    "refused:waiting_for_room",
    "order_made_smaller",
    "shadow_quote",
    "mailbox_coalesced",
    "mailbox_full",
    "event_published",
    "event_published_again",
    "stopped_in_order",
    "stopped_with_orders",
    "stop_gave_up",
)
"""Over a few hundred seeds each of these must have happened."""

HAPPENS_IN_FLEETS: tuple[str, ...] = tuple(
    f"fleet:{name}"
    for name in (
        *("crash", "stall", "terminate", "db_down", "owner_lost", "revoke", "outage", "kill", "pause"),
        *("claim_came_through_late", "ended_in_order", "fenced", "guarded", "released", "stale_record"),
        *("thrown_out", "went_on", "woken"),
    )
)
"""The same over fleets of several instances."""


class Coverage:
    """The counters."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        """It happened."""
        self.counts[name] += 1

    def add(self, counts: Counter[str]) -> None:
        """What happened in another run."""
        self.counts.update(counts)

    def never(self, expected: Iterable[str] = HAPPENS_SOMETIMES) -> list[str]:
        """What did not happen at all."""
        return [name for name in expected if not self.counts[name]]
