"""Our text is prometheus_client's, byte for byte."""

import math

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from market_maker.telemetry.guard_metrics import GUARD_METRICS
from market_maker.telemetry.metrics import METRICS, Kind, Metric, Metrics
from market_maker.telemetry.series import Counter

VALUES = (0.0, 1, 0.1, 12.5, 999_999, 1_000_000, 1_234_567.875, 1e15, 1e16, 1e22, 1e-7, math.inf, math.nan)
AMOUNTS = (0.0, 0.000025, 0.0000251, 0.0007, 0.003, 0.05, 0.9, 60, 2_000_000)
"""On edges, between them and beyond the last."""
NEGATIVE = (-1.5, -0.0, -2_000_000.0, -math.inf)
NAMES = ("BTC-USDT", 'a "quoted" one', "back\\slash", "two\nlines", "\u20bf")


class Library:
    """The same metrics, counted and written by prometheus_client."""

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's gap
        self.registry = CollectorRegistry()
        kinds = {Kind.COUNTER: prometheus_client.Counter, Kind.GAUGE: prometheus_client.Gauge}
        self.by_name = {
            metric.name: kinds[metric.kind](metric.name, metric.help, metric.labels, registry=self.registry)
            if metric.kind in kinds
            else prometheus_client.Histogram(
                metric.name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets
            )
            for metric in metrics
        }

    def child(self, metric: Metric, labels: dict[str, str]) -> object:
        made = self.by_name[metric.name]
        return made.labels(**labels) if labels else made


class Both:
    """Counts in both, and compares what they write."""

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        self.metrics = metrics
        self.ours, self.library = Metrics(metrics), Library(metrics)

    def count(self, value: float) -> None:
        for metric in self.metrics:
            if metric.kind is Kind.HISTOGRAM and math.isnan(value):
                continue  # no duration; the library counts it nowhere and spoils its sum
            for name in NAMES if metric.labels else NAMES[:1]:
                labels = dict.fromkeys(metric.labels, name)
                ours = getattr(self.ours, metric.kind.value)(metric.name, **labels)
                for child in (ours, self.library.child(metric, labels)):
                    how = {Kind.COUNTER: "inc", Kind.GAUGE: "set", Kind.HISTOGRAM: "observe"}[metric.kind]
                    getattr(child, how)(value)

    def agree(self) -> None:
        assert self.ours.text() == generate_latest(self.library.registry)
        openmetrics = generate_openmetrics(self.library.registry)  # type: ignore[no-untyped-call]  # the library's gap
        assert self.ours.text(openmetrics=True) == openmetrics


@pytest.mark.parametrize("metrics", [METRICS, GUARD_METRICS])
def test_the_text_is_the_librarys_whatever_is_counted_and_whenever_it_is_asked_for(
    metrics: tuple[Metric, ...],
) -> None:
    both = Both(metrics)
    both.agree()
    for value in (*AMOUNTS, *VALUES, *VALUES[:2]):
        both.count(value)
        both.agree()
    both.agree()


def test_gauges_below_zero_are_written_as_the_library_does() -> None:
    both = Both(tuple(metric for metric in METRICS if metric.kind is Kind.GAUGE))
    for value in (0.0, *NEGATIVE, 0.0):
        both.count(value)
        both.agree()


def test_a_symbol_that_comes_back_begins_anew_and_stands_where_the_library_has_it() -> None:
    both = Both(tuple(metric for metric in METRICS if metric.labels == ("symbol",)))
    both.count(1)
    both.agree()
    both.ours.remove_symbol(NAMES[0])
    for metric in both.metrics:
        both.library.by_name[metric.name].remove(NAMES[0])
    both.agree()
    both.count(2)
    both.agree()


def test_what_has_not_changed_is_not_written_again() -> None:
    counter = Counter("mm_fills_total", (("symbol", "BTC-USDT"),))
    counter.inc()
    first = counter.text()
    assert counter.text() is first
    counter.inc()
    assert counter.text() == b'mm_fills_total{symbol="BTC-USDT"} 2.0\n'


def test_a_counter_refuses_to_fall() -> None:
    with pytest.raises(ValueError, match="only grows"):
        Counter("mm_fills_total", ()).inc(-1)
