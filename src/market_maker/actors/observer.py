"""Watches the steps of all workers: metrics, logs, waiting callers, shadow quotes. Never decides anything."""

import time
from collections.abc import Callable, Sequence

import structlog

from market_maker.actors.controls import Controls
from market_maker.actors.worker import Worker
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.telemetry.kill_timer import KillTimer
from market_maker.telemetry.latency import Latencies
from market_maker.telemetry.metrics import Metrics
from market_maker.telemetry.symbol_metrics import SymbolMetrics
from market_maker.telemetry.tracing import trace_id_of

_ANSWERS = {
    ev.PlaceAnswer: "place",
    ev.CancelAnswer: "cancel",
    ev.CancelAllAnswer: "cancel_all",
    ev.QueryAnswer: "query",
    ev.OpenOrdersAnswer: "open_orders",
}


class StepObserver:
    """Sees each event and its commands after the requests have started."""

    def __init__(
        self,
        metrics: Metrics,
        latencies: Latencies,
        controls: Controls,
        kills: KillTimer,
        changed: Callable[[str], None],
        publish_quote: Callable[[Worker, cmd.PublishQuote], None],
    ) -> None:
        self._metrics = metrics
        self._latencies = latencies
        self._controls = controls
        self._kills = kills
        self._changed = changed
        self._publish_quote = publish_quote
        self._symbols: dict[str, SymbolMetrics] = {}
        self._quotes_seen: dict[str, int] = {}
        self._shown: dict[str, dict[str, int]] = {}
        self._log = structlog.get_logger()

    def metrics_of(self, symbol: str) -> SymbolMetrics:
        """The symbol's bound metrics."""
        bound = self._symbols.get(symbol)
        if bound is None:
            bound = self._symbols[symbol] = SymbolMetrics(self._metrics, symbol)
        return bound

    def forget(self, symbol: str) -> None:
        """The symbol is no longer configured."""
        self._symbols.pop(symbol, None)
        self._quotes_seen.pop(symbol, None)
        self._shown.pop(symbol, None)
        self._kills.forget(symbol)
        self._metrics.remove_symbol(symbol)

    def stepped(self, worker: Worker, event: ev.Event, commands: Sequence[cmd.Command], took_ns: int) -> None:
        """Take note of one step."""
        bound = self.metrics_of(worker.name)
        request = _ANSWERS.get(type(event))
        if request is not None:
            bound.answered(request, _outcome(event))
            if isinstance(event, ev.PlaceAnswer):
                self._latencies.stages.taken(time.monotonic_ns() - took_ns - event.at_ns)
            if isinstance(event, ev.OpenOrdersAnswer):
                self._listed(worker, event)
        computed = worker.engine.symbol.stats.quotes_computed
        if computed != self._quotes_seen.get(worker.name, 0):
            self._quotes_seen[worker.name] = computed
            self._latencies.quote.record(took_ns)
            bound.quote_compute.observe(took_ns / 1e9)
        for command in commands:
            self._command(worker, bound, command, event)

    def gave_up(self, worker: Worker, commands: Sequence[cmd.Command], event: ev.Event) -> None:
        """The engine could not even halt: its symbol was halted without it."""
        bound = self.metrics_of(worker.name)
        for command in commands:
            self._command(worker, bound, command, event)

    def count_totals(self, worker: Worker, bound: SymbolMetrics) -> None:
        """Bring the counters up to date that the engine itself keeps."""
        symbol = worker.engine.symbol
        totals = {"deltas": symbol.book.deltas, "gaps": symbol.book.gaps, **symbol.stats.suppressed}
        shown = self._shown.setdefault(worker.name, {})
        for name, total in totals.items():
            grown = total - shown.get(name, 0)
            if grown <= 0:
                continue
            if name == "deltas":
                bound.book_deltas.inc(grown)
            elif name == "gaps":
                bound.book_gaps.inc(grown)
            else:
                bound.suppressed(name, grown)
        self._shown[worker.name] = totals

    def _listed(self, worker: Worker, event: ev.OpenOrdersAnswer) -> None:
        """The exchange told its open orders; after a kill none may be among them."""
        if worker.engine.symbol.clearing.proven_zero_ns is not None:
            self._kills.cleared(worker.name, event.at_ns)
        self._changed(worker.name)

    def _command(self, worker: Worker, bound: SymbolMetrics, command: cmd.Command, event: ev.Event) -> None:
        match command:
            case cmd.Reply():
                self._controls.resolve(command)
            case cmd.RecordFill():
                bound.filled(command.side)
                self._changed(worker.name)
            case cmd.RecordMarkouts(markouts):
                bound.marked_out(markouts)
            case cmd.RecordState():
                bound.show_state(command.to_state)
                self._changed(worker.name)
                self._log.info(
                    "state_changed",
                    symbol=worker.name,
                    from_state=command.from_state.value,
                    to_state=command.to_state.value,
                    reason=command.reason,
                    actor=command.actor,
                    **_trace_of(event),
                )
            case cmd.RecordRisk():
                bound.killed(command.reason)
                self._kills.killed(worker.name, event.at_ns)
            case cmd.PublishQuote():
                self._publish_quote(worker, command)
            case cmd.Notice():
                log = getattr(self._log, command.level)
                log(command.code, symbol=worker.name, **dict(command.fields), **_trace_of(event))
            case _:
                pass


def _trace_of(event: ev.Event) -> dict[str, str]:
    """The trace of the message that an event came from, as a field of a log line."""
    trace_id = trace_id_of(getattr(event, "trace", None))
    return {} if trace_id is None else {"trace_id": trace_id}


def _outcome(event: ev.Event) -> str:
    if isinstance(event, ev.PlaceAnswer) and event.would_cross:
        return "would_cross"
    outcome: ev.RequestOutcome = event.outcome  # type: ignore[union-attr]  # only answers come here
    return outcome.value.lower()
