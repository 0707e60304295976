"""A symbol's metrics, bound once: binding labels at every observation costs more than observing."""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from market_maker.core.ledger.markouts import HORIZONS_MS
from market_maker.core.results import Markout, Parts
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.telemetry.metrics import PNL_PARTS, PNL_TYPES, Metrics
from market_maker.telemetry.series import Counter

REQUESTS: Final = ("place", "cancel", "cancel_all", "query", "open_orders")
HORIZONS: Final = tuple(f"{horizon_ms / 1_000:g}" for horizon_ms in HORIZONS_MS)
"""In seconds, as labels."""
UNCERTAIN: Final = ("timeout", "stalled", "uncertain")
"""Outcomes that leave an order's fate unknown."""
ALARMING: Final = (
    ("place", "rejected"),
    *((request, outcome) for request in REQUESTS for outcome in UNCERTAIN),
)
"""Shown as 0 from the start: a rate is blind to a series' first value, and alerts rest on these."""


class SymbolMetrics:
    """Every metric of one symbol. Set from the symbol's worker only."""

    def __init__(self, metrics: Metrics, symbol: str) -> None:
        self.symbol = symbol
        self._metrics = metrics
        self.inventory = metrics.gauge("mm_inventory_usdt", symbol=symbol)
        self.model_fallback = metrics.gauge("mm_model_fallback", symbol=symbol)
        self.open_orders = metrics.gauge("mm_open_orders", symbol=symbol)
        self.open_orders_at_exchange = metrics.gauge("mm_open_orders_at_exchange", symbol=symbol)
        self.spread_bps = metrics.gauge("mm_spread_bps", symbol=symbol)
        self.mailbox_depth = metrics.gauge("mm_mailbox_depth", symbol=symbol)
        self.journal_lag = metrics.gauge("mm_journal_lag_seconds", symbol=symbol)
        self.book_deltas = metrics.counter("mm_book_deltas_total", symbol=symbol)
        self.book_gaps = metrics.counter("mm_book_gaps_total", symbol=symbol)
        self.worker_failures = metrics.counter("mm_worker_failures_total", symbol=symbol)
        self.quote_compute = metrics.histogram("mm_quote_compute_latency_seconds")
        self.tick_to_order = metrics.histogram("mm_tick_to_order_latency_seconds")
        self._pnl = {kind: metrics.gauge("mm_pnl_usdt", symbol=symbol, type=kind) for kind in PNL_TYPES}
        self._states = {
            state: metrics.gauge("mm_state_gauge", symbol=symbol, state=state.value) for state in State
        }
        self._kills = {
            reason: metrics.counter("mm_kill_switch_total", symbol=symbol, reason=reason.value)
            for reason in KillReason
        }
        self._fills = {
            side: metrics.counter("mm_fills_total", symbol=symbol, side=side.value.lower()) for side in Side
        }
        self._parts = {
            part: metrics.gauge("mm_pnl_part_usdt", symbol=symbol, part=part) for part in PNL_PARTS
        }
        self._markouts = {
            (side, horizon, sign): metrics.counter(
                "mm_markout_usdt_total", symbol=symbol, side=side.value.lower(), horizon=horizon, sign=sign
            )
            for side in Side
            for horizon in HORIZONS
            for sign in ("gain", "loss")
        }
        for horizon in HORIZONS:
            metrics.counter("mm_markouts_total", symbol=symbol, horizon=horizon, outcome="measured")
        self._requests: dict[tuple[str, str], Counter] = {}
        self._suppressed: dict[str, Counter] = {}
        for name in ("mm_kill_latency_seconds", "mm_kill_clear_seconds"):
            metrics.histogram(name, symbol=symbol)
        for request, outcome in ALARMING:
            self._request(request, outcome)

    def show_state(self, current: State) -> None:
        """Set 1 for the current state and 0 for the others."""
        for state, gauge in self._states.items():
            gauge.set(1 if state is current else 0)

    def show_pnl(self, realized: Decimal, unrealized: Decimal | None) -> None:
        """P&L in USDT; NaN for an unrealized part that no price is known for."""
        self._pnl["realized"].set(float(realized))
        self._pnl["unrealized"].set(math.nan if unrealized is None else float(unrealized))

    def show_parts(self, parts: Parts) -> None:
        """What the P&L comes from."""
        for name, gauge in self._parts.items():
            gauge.set(float(getattr(parts, name)))

    def marked_out(self, markouts: Iterable[Markout]) -> None:
        """Count what fills were worth a while later."""
        for markout in markouts:
            horizon = f"{markout.horizon_ms / 1_000:g}"
            outcome = "measured" if markout.missing is None else markout.missing.value.lower()
            self._metrics.counter(
                "mm_markouts_total", symbol=self.symbol, horizon=horizon, outcome=outcome
            ).inc()
            if markout.usdt is not None:
                sign = "loss" if markout.usdt < 0 else "gain"
                self._markouts[markout.side, horizon, sign].inc(abs(float(markout.usdt)))

    def show_open_orders_at_exchange(self, count: int | None) -> None:
        """Open orders as last reported; None shows as NaN."""
        self.open_orders_at_exchange.set(math.nan if count is None else count)

    def killed(self, reason: KillReason) -> None:
        """Count a kill switch."""
        self._kills[reason].inc()

    def filled(self, side: Side) -> None:
        """Count a fill."""
        self._fills[side].inc()

    def answered(self, request: str, outcome: str) -> None:
        """Count an answer of the Order Service."""
        self._request(request, outcome).inc()

    def suppressed(self, reason: str, count: int = 1) -> None:
        """Count levels or quotes that were not placed."""
        counter = self._suppressed.get(reason)
        if counter is None:
            counter = self._metrics.counter("mm_quotes_suppressed_total", symbol=self.symbol, reason=reason)
            self._suppressed[reason] = counter
        counter.inc(count)

    def _request(self, request: str, outcome: str) -> Counter:
        counter = self._requests.get((request, outcome))
        if counter is None:
            counter = self._metrics.counter(
                "mm_order_requests_total", symbol=self.symbol, request=request, outcome=outcome
            )
            self._requests[request, outcome] = counter
        return counter
