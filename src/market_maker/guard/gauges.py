"""What the guard shows of itself."""

import time
from collections.abc import Callable

from market_maker.guard.signs import Verdict
from market_maker.telemetry.guard_metrics import INSTANCE_STATES
from market_maker.telemetry.metrics import Metrics


class GuardGauges:
    """The guard's metrics, all of them there from the start."""

    def __init__(self, metrics: Metrics, wall_s: Callable[[], float] = time.time) -> None:
        """`wall_s` gives seconds since 1970, as Prometheus counts."""
        self._blind = metrics.gauge("mm_guard_blind")
        self._last_look = metrics.gauge("mm_guard_last_look_timestamp_seconds")
        self._interventions = metrics.counter("mm_guard_interventions_total")
        self._instances = {
            state: metrics.gauge("mm_guard_instances", state=state) for state in INSTANCE_STATES
        }
        self._wall_s = wall_s
        metrics.gauge("mm_guard_up").set(1)

    def show(self, verdict: Verdict) -> None:
        """Show one look."""
        self._blind.set(verdict.is_blind)
        self._last_look.set(self._wall_s())
        self._instances["alive"].set(len(verdict.alive))
        self._instances["lost"].set(len(verdict.lost))

    def count_intervention(self) -> None:
        """A symbol of a lost instance is being cleared."""
        self._interventions.inc()
