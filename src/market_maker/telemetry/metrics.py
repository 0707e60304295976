"""Every metric of the service as one list, and what counts them.

Names and labels of the first block are those of the user's document; dashboards depend on them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from market_maker.telemetry.series import Counter, Gauge, Histogram

_T = TypeVar("_T", Counter, Gauge, Histogram)

_US: Final = 1e-6
_MS: Final = 1e-3
COMPUTE_BUCKETS: Final = tuple(
    n * _US for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
)
"""From a microsecond to 10 ms, in seconds."""
REQUEST_BUCKETS: Final = tuple(
    n * _MS for n in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000)
)
"""From 0.1 ms to 10 s, in seconds; with an edge at the default response timeout of 50 ms."""

WIRE_BUCKETS: Final = (
    *(n * _US for n in (*range(25, 175, 25), 200, 250, 300, 400, 500, 750)),
    *(n * _MS for n in (1, 2, 3, 5, 10, 20, 50)),
)
"""From 25 us to 50 ms, in seconds: fine enough to tell 100 from 150 us."""


class Kind(Enum):
    """Type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; buckets in the unit of its name."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


_SYMBOL: Final = ("symbol",)
_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

METRICS: Final = (
    Metric("mm_inventory_usdt", _G, _SYMBOL, "Inventory valued in USDT, signed"),
    Metric("mm_open_orders", _G, _SYMBOL, "Live and unknown orders as this process knows them"),
    Metric("mm_spread_bps", _G, _SYMBOL, "Quoted spread between our best bid and ask, 1/10000 of the mid"),
    Metric("mm_pnl_usdt", _G, ("symbol", "type"), "P&L in USDT by type: realized, unrealized"),
    Metric(
        "mm_pnl_part_usdt",
        _G,
        ("symbol", "part"),
        "What the total P&L comes from, in USDT: spread + inventory - fees are the total",
    ),
    Metric(
        "mm_markout_usdt_total",
        _C,
        ("symbol", "side", "horizon", "sign"),
        "What fills were worth a horizon later (seconds), in USDT, gains and losses apart",
    ),
    Metric(
        "mm_markouts_total",
        _C,
        ("symbol", "horizon", "outcome"),
        "Markouts by horizon (seconds) and outcome: measured, or why there is none",
    ),
    Metric("mm_kill_switch_total", _C, ("symbol", "reason"), "Kill switches fired, by reason"),
    Metric("mm_quote_compute_latency_seconds", _H, (), "Time to compute a quote set", COMPUTE_BUCKETS),
    Metric(
        "mm_order_placement_latency_seconds",
        _H,
        (),
        "Time from sending an order to its answer",
        REQUEST_BUCKETS,
    ),
    Metric("mm_kafka_lag_seconds", _G, ("topic",), "Consumer lag; NaN while it cannot be measured"),
    Metric("mm_state_gauge", _G, ("symbol", "state"), "1 for the state that the symbol is in, else 0"),
    # --- beyond the document ---
    Metric(
        "mm_model_fallback", _G, _SYMBOL, "1 while linear_skew quotes in place of the configuration's model"
    ),
    Metric("mm_mailbox_depth", _G, _SYMBOL, "Messages waiting in the symbol's mailbox"),
    Metric("mm_event_loop_lag_seconds", _G, (), "Longest delay of the event loop in the last second"),
    Metric("mm_event_loop_stalled_seconds_total", _C, (), "Time that the event loop did not run"),
    Metric(
        "mm_order_requests_total",
        _C,
        ("symbol", "request", "outcome"),
        "Answers of the Order Service by request (place, cancel, ...) and outcome (ok, would_cross, ...)",
    ),
    Metric(
        "mm_order_request_latency_seconds",
        _H,
        ("request",),
        "Time from sending a request to its answer",
        REQUEST_BUCKETS,
    ),
    Metric("mm_fills_total", _C, ("symbol", "side"), "Fills counted into the position"),
    Metric("mm_book_deltas_total", _C, _SYMBOL, "Order book deltas applied"),
    Metric("mm_book_gaps_total", _C, _SYMBOL, "Times the book was given up: gap, crossed or off-grid"),
    Metric("mm_quotes_suppressed_total", _C, ("symbol", "reason"), "Levels or quotes not placed, by reason"),
    Metric("mm_journal_lag_seconds", _G, _SYMBOL, "Age of the oldest write that is not durable"),
    Metric("mm_outbox_backlog", _G, (), "Events in the outbox that are not yet published"),
    Metric(
        "mm_tick_to_order_latency_seconds",
        _H,
        (),
        "Time from reading a message to the answer of the order that it caused",
        REQUEST_BUCKETS,
    ),
    Metric(
        "mm_tick_to_wire_latency_seconds",
        _H,
        (),
        "Time from reading a message to the first byte of the order that it caused",
        WIRE_BUCKETS,
    ),
    Metric(
        "mm_tick_stage_latency_seconds",
        _H,
        ("stage",),
        "Parts of the way from a message to the answer of the order that it caused",
        WIRE_BUCKETS,
    ),
    Metric("mm_consumed_messages_total", _C, ("topic",), "Messages read from Kafka and given to symbols"),
    Metric("mm_asyncio_tasks", _G, (), "Tasks of the event loop; one that grows without end is a leak"),
    Metric("mm_dead_letters_total", _C, ("topic",), "Messages copied to a dead-letter topic"),
    Metric("mm_decode_errors_total", _C, ("topic",), "Messages that could not be decoded"),
    Metric(
        "mm_worker_failures_total",
        _C,
        _SYMBOL,
        "Crashes of the symbol's worker, and starts of it that failed",
    ),
    Metric(
        "mm_open_orders_at_exchange",
        _G,
        _SYMBOL,
        "Open orders as the exchange last reported them; NaN when that is not known",
    ),
    Metric(
        "mm_kill_latency_seconds",
        _H,
        _SYMBOL,
        "Time from the event that fired a kill switch to its cancel-all leaving the process",
        REQUEST_BUCKETS,
    ),
    Metric(
        "mm_kill_clear_seconds",
        _H,
        _SYMBOL,
        "Time from a kill to the exchange's proof of zero open orders",
        REQUEST_BUCKETS,
    ),
    Metric(
        "mm_unclaimed_events_total",
        _C,
        _SYMBOL,
        "Engine events of our account in a symbol that is not configured",
    ),
    Metric(
        "mm_publish_failures_total",
        _C,
        ("topic",),
        "Dead letters and simulated quotes that the broker did not acknowledge",
    ),
    Metric("mm_dependency_up", _G, ("dependency",), "1 while a dependency answers, else 0"),
    Metric("mm_shadow_mode", _G, (), "1 in shadow mode, in which no order request leaves, else 0"),
    Metric(
        "mm_guards_seen", _G, (), "Guards whose sign of life this instance sees in Redis; NaN without Redis"
    ),
    Metric(
        "mm_obligation_presence_ratio",
        _G,
        ("symbol", "programme", "tier"),
        "Share of today's window so far in which a programme's tier was kept; NaN before it",
    ),
    Metric(
        "mm_obligation_slack_ratio",
        _G,
        ("symbol", "programme", "tier"),
        "Share that is left of what may be absent today; negative: the day cannot be made any more",
    ),
    Metric("mm_log_lines_dropped_total", _C, (), "Log lines lost because they could not be written"),
)

PNL_PARTS: Final = ("spread", "inventory", "fees")
PNL_TYPES: Final = ("realized", "unrealized")


class _Family:
    """What counts one metric, by the values of its labels; one without labels is there from the start."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.children: dict[tuple[str, ...], Counter | Gauge | Histogram] = {}
        kind = metric.kind.value
        self._about = _about(metric.name, metric.help, kind)
        # What counts has its unit's name, a total, only at its line there.
        self._about_openmetrics = _about(metric.name.removesuffix("_total"), metric.help, kind)
        if not metric.labels:
            self.child(())

    def child(self, values: tuple[str, ...]) -> Counter | Gauge | Histogram:
        """The one with these values, made when it is asked for first."""
        found = self.children.get(values)
        if found is None:
            found = self.children[values] = _make(
                self.metric, tuple(zip(self.metric.labels, values, strict=True))
            )
        return found

    def text(self, *, openmetrics: bool) -> list[bytes]:
        """Safe from any thread."""
        about = self._about_openmetrics if openmetrics else self._about
        return [about, *[child.text() for child in list(self.children.values())]]


class Metrics:
    """What this process counts, made from a list of metrics; one object for each of its label values."""

    def __init__(self, metrics: tuple[Metric, ...] = METRICS) -> None:
        self._families = {metric.name: _Family(metric) for metric in metrics}
        self._of_symbol: dict[str, set[tuple[str, tuple[str, ...]]]] = {}
        """Per symbol the metrics and label values that show it: to look for them costs all symbols' time."""

    def counter(self, name: str, **labels: str) -> Counter:
        """A counter, bound to its labels. The list must have it as that, and with these labels."""
        return self._bound(Counter, name, labels)

    def gauge(self, name: str, **labels: str) -> Gauge:
        """A gauge, bound to its labels."""
        return self._bound(Gauge, name, labels)

    def histogram(self, name: str, **labels: str) -> Histogram:
        """A histogram, bound to its labels."""
        return self._bound(Histogram, name, labels)

    def remove_symbol(self, symbol: str) -> None:
        """Stop showing a symbol that is no longer configured."""
        for name, values in self._of_symbol.pop(symbol, ()):
            self._families[name].children.pop(values, None)

    def text(self, *, openmetrics: bool = False) -> bytes:
        """Everything in Prometheus' text format, or in OpenMetrics'. Safe from any thread."""
        families = [b"".join(family.text(openmetrics=openmetrics)) for family in self._families.values()]
        return b"".join([*families, b"# EOF\n"] if openmetrics else families)

    def _bound(self, kind: type[_T], name: str, labels: dict[str, str]) -> _T:
        family = self._families[name]
        if len(labels) != len(family.metric.labels):
            raise ValueError(f"{name} has the labels {family.metric.labels}, not {tuple(labels)}")
        values = tuple([labels[label] for label in family.metric.labels])
        if (symbol := labels.get("symbol")) is not None and values not in family.children:
            self._of_symbol.setdefault(symbol, set()).add((name, values))
        child = family.child(values)
        if not isinstance(child, kind):
            raise TypeError(f"{name} is a {type(child).__name__}, not a {kind.__name__}")
        return child


def _about(name: str, help_text: str, kind: str) -> bytes:
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n".encode()


def _make(metric: Metric, labels: tuple[tuple[str, str], ...]) -> Counter | Gauge | Histogram:
    if metric.kind is Kind.HISTOGRAM:
        return Histogram(metric.name, labels, metric.buckets)
    return (Counter if metric.kind is Kind.COUNTER else Gauge)(metric.name, labels)
