"""The one line of JSON with which a scripted demo ends."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from market_maker.demo.book_checker import BookChecker
from market_maker.demo.trading import SymbolStatus

_COUNTERS = (
    "quotes_computed",
    "orders_placed",
    "orders_rejected",
    "orders_cancelled",
    "two_sided_ms",
    "mid_uncertain_ms",
    "active_ms",
    "book_deltas",
    "book_gaps",
)
_NO_COUNTERS: dict[str, int | None] = dict.fromkeys(_COUNTERS)


def summary(
    seconds: float,
    spreads: Mapping[str, Sequence[float]],
    statuses: dict[str, SymbolStatus],
    overall: dict[str, Any],
    report: dict[str, Any],
    checker: BookChecker,
    exit_word: str,
) -> dict[str, Any]:
    """All figures of a run; amounts are decimal strings, shares and latencies numbers.

    Of a symbol that was deleted meanwhile the last status seen counts, which may lack its counters: null.
    """
    return {
        "seconds": round(seconds, 3),
        "symbols": {
            symbol: _symbol(symbol, spreads.get(symbol, ()), status, report["symbols"][symbol], checker)
            for symbol, status in sorted(statuses.items())
        },
        "latency_us": overall["latency_us"],
        "outbox_pending": overall["outbox_pending"],
        "exit": exit_word,
    }


def _symbol(
    symbol: str,
    spreads: Sequence[float],
    status: SymbolStatus,
    at_exchange: dict[str, Any],
    checker: BookChecker,
) -> dict[str, Any]:
    counters, pnl = status.get("counters", _NO_COUNTERS), status["pnl"]
    return {
        "state": status["state"]["value"],
        "quotes_computed": counters["quotes_computed"],
        "kill_reason": None if status["kill"] is None else status["kill"]["reason"],
        "orders_placed": counters["orders_placed"],
        "orders_rejected": counters["orders_rejected"],
        "orders_cancelled": counters["orders_cancelled"],
        "fills": status["fill_count"],
        "volume_usdt": status["volume_usdt"],
        "position": status["position"],
        "inventory_usdt": status["inventory_usdt"],
        "realized_pnl_usdt": pnl["realized"],
        "unrealized_pnl_usdt": pnl["unrealized"],
        "open_orders": status["open_orders"],
        "open_orders_at_exchange": at_exchange["open_orders"],
        "spread_bps_p50": round(median(spreads), 4) if spreads else None,
        "two_sided_share": _share(counters["two_sided_ms"], counters["active_ms"]),
        "book_deltas": counters["book_deltas"],
        "book_gaps": counters["book_gaps"],
        "book_checks": checker.checks[symbol],
        "book_mismatches": len(checker.mismatches[symbol]),
        "mid_checks": checker.mid_checks[symbol],
        "mid_mismatches": len(checker.mid_mismatches[symbol]),
        "mid_uncertain_share": _share(counters["mid_uncertain_ms"], counters["active_ms"]),
        "feed_checks": at_exchange["feed_checks"],
        "feed_mismatches": at_exchange["feed_mismatches"],
        "fills_at_exchange": at_exchange["executions"],
    }


def _share(part: int | None, whole: int | None) -> float | None:
    return round(part / whole, 4) if part is not None and whole else None
