"""What the process measures of itself: metrics, latencies, the event loop's lag."""

from collections.abc import Callable
from typing import Final

from market_maker.clients.order_service import RequestReport
from market_maker.core.commands import PlaceOrder
from market_maker.core.events import PlaceAnswer, RequestOutcome
from market_maker.telemetry.kill_timer import KillTimer
from market_maker.telemetry.latency import Latencies
from market_maker.telemetry.loop_lag import LoopLagMonitor
from market_maker.telemetry.metrics import Metrics
from market_maker.telemetry.stages import STAGES, Stages, StageStep
from market_maker.telemetry.tally import Tally

NS: Final = 1e9


class Meters:
    """Bound once, observed often. Made on the running event loop."""

    def __init__(self, *, shadow_mode: bool) -> None:
        self.metrics = Metrics()
        self.metrics.gauge("mm_shadow_mode").set(shadow_mode)
        self.latencies = Latencies(stages=Stages(self._stage_took))
        self.kills = KillTimer(self.metrics)
        self.loop_lag = LoopLagMonitor(self._loop_lagged)
        self._loop_lag = self.metrics.gauge("mm_event_loop_lag_seconds")
        self._loop_stalled = self.metrics.counter("mm_event_loop_stalled_seconds_total")
        self._placement = self.metrics.histogram("mm_order_placement_latency_seconds")
        self._tick_to_order = self.metrics.histogram("mm_tick_to_order_latency_seconds")
        self._stages = {
            stage: self.metrics.histogram("mm_tick_stage_latency_seconds", stage=stage) for stage in STAGES
        }
        self._tick_to_wire = self.metrics.histogram("mm_tick_to_wire_latency_seconds")

    def requested(self, report: RequestReport) -> None:
        """A request to the Order Service got its first answer."""
        seconds = report.latency_ns / NS
        self.metrics.histogram("mm_order_request_latency_seconds", request=report.request).observe(seconds)
        if report.request == "place":
            self._placement.observe(seconds)
            self.latencies.order_ack.record(report.latency_ns)
            if report.server_ns is not None:
                self.latencies.stages.exchange_own(report.server_ns)
        elif report.request == "cancel_all" and report.began_ns is not None:
            self.kills.cancel_all_left(report.symbol, report.began_ns)

    def placed(self, command: PlaceOrder, answer: PlaceAnswer, step: StageStep, left_ns: int | None) -> None:
        """A placement was answered, or withheld; `left_ns`: when it was given to the kernel."""
        if left_ns is not None:
            took_ns = left_ns - command.caused_at_ns
            self.latencies.tick_to_wire.record(took_ns)
            self._tick_to_wire.observe(took_ns / NS)
            self.latencies.stages.placed(step, command.caused_at_ns, left_ns, answer.at_ns)
        if answer.outcome is not RequestOutcome.NOT_SENT:
            took_ns = answer.at_ns - command.caused_at_ns
            self.latencies.tick_to_order.record(took_ns)
            self._tick_to_order.observe(took_ns / NS)

    def _stage_took(self, stage: str, took_ns: int) -> None:
        self._stages[stage].observe(took_ns / NS)

    def lines_dropped(self, total: Callable[[], int]) -> Tally:
        """The counter of lost log lines."""
        return Tally(self.metrics, "mm_log_lines_dropped_total", None, lambda: {"": total()})

    def dependency(self, name: str, up: bool) -> None:
        """A dependency was asked whether it is there."""
        self.metrics.gauge("mm_dependency_up", dependency=name).set(up)

    def _loop_lagged(self, longest_ns: int, stalled_ns: int) -> None:
        self._loop_lag.set(longest_ns / NS)
        self._loop_stalled.inc(stalled_ns / NS)
