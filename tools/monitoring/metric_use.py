"""Which metrics and labels a PromQL expression uses, and whether they exist.

Not a parser of PromQL: promtool is that. This finds a metric that was renamed or a label that it never had.
"""

import re
from dataclasses import dataclass
from typing import Final

from market_maker.telemetry.guard_metrics import GUARD_METRICS
from market_maker.telemetry.metrics import METRICS, Kind, Metric

ADDED: Final = frozenset({"instance", "job", "le"})
"""Labels that Prometheus and histograms add."""
OTHERS: Final = frozenset({"up"})
"""Metrics that Prometheus itself makes."""

BY_NAME: Final = {metric.name: metric for metric in (*METRICS, *GUARD_METRICS)}
"""Every metric of the service and of the guard."""
_METRIC: Final = re.compile(r"\b(mm_\w+|up)\b(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING: Final = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


class UnknownUseError(Exception):
    """An expression names a metric or a label that does not exist; the message says which, and where."""


@dataclass(frozen=True, slots=True)
class Use:
    """What an expression uses."""

    metrics: frozenset[str]
    """Names as on the list, without a histogram's suffixes."""
    labels: frozenset[str]


def use_of(expression: str) -> Use:
    """The metrics and labels of an expression. Raises UnknownUseError."""
    metrics, labels, grouped = set(), set(), set(ADDED)
    for name, selector in _METRIC.findall(expression):
        allowed = set(ADDED)
        if name not in OTHERS:
            metric = _listed(name, expression)
            metrics.add(metric.name)
            allowed |= set(metric.labels)
        _require(set(_MATCHER.findall(selector)), allowed, f"{name} in {expression}")
        labels |= set(_MATCHER.findall(selector))
        grouped |= allowed
    for text in _GROUPING.findall(expression):
        names = {word.strip() for word in text.split(",") if word.strip()}
        _require(names, grouped, expression)
        labels |= names
    return Use(frozenset(metrics), frozenset(labels))


def _listed(name: str, expression: str) -> Metric:
    if (metric := BY_NAME.get(name)) is not None and metric.kind is not Kind.HISTOGRAM:
        return metric
    stem = re.sub(r"_(bucket|sum|count)$", "", name)
    if stem != name and (metric := BY_NAME.get(stem)) is not None and metric.kind is Kind.HISTOGRAM:
        return metric
    raise UnknownUseError(f"{name} is not on the list of metrics, used in {expression}")


def _require(names: set[str], allowed: set[str], where: str) -> None:
    if unknown := sorted(names - allowed):
        raise UnknownUseError(f"no label {', '.join(unknown)} on {where}")
