"""The Grafana dashboard: the layout's panels, with queries that follow from the list of metrics."""

import json
from typing import Any, Final

from tools.monitoring.layout import FIGURES, ROWS, Figure, Panel
from tools.monitoring.metric_use import BY_NAME, use_of

from market_maker.telemetry.metrics import Kind, Metric

COLUMNS: Final = 24
GRAPH_WIDTH, GRAPH_HEIGHT = 8, 8
FIGURE_WIDTH, FIGURE_HEIGHT = 4, 4
RATE: Final = "$__rate_interval"
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
UNITS: Final = {"_seconds": "s", "_usdt": "currencyUSD", "_bps": "none"}


class LayoutError(Exception):
    """The layout and the list of metrics do not agree; the message names the metrics."""


def dashboard() -> str:
    """The dashboard as JSON. Raises LayoutError when a metric of the list has no place."""
    _require_all_placed()
    board = {
        "uid": "tradex-market-maker",
        "title": "TradeX market maker",
        "tags": ["tradex", "market-maker"],
        "timezone": "utc",
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": _panels(),
    }
    return json.dumps(board, indent=2) + "\n"


def queries(metric: Metric) -> list[tuple[str, str]]:
    """(PromQL, legend) of a metric: a gauge as it is, a counter's rate, a histogram's percentiles."""
    selector = '{symbol=~"$symbol"}' if "symbol" in metric.labels else ""
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels)
    if metric.kind is Kind.GAUGE:
        return [(f"{metric.name}{selector}", legend or metric.name)]
    if metric.kind is Kind.COUNTER:
        rate = f"rate({metric.name}{selector}[{RATE}])"
        by = f"sum by ({', '.join(metric.labels)}) ({rate})" if metric.labels else f"sum({rate})"
        return [(by, legend or metric.name)]
    labels = ", ".join(("le", *metric.labels))
    rates = f"sum by ({labels}) (rate({metric.name}_bucket{selector}[{RATE}]))"
    return [(f"histogram_quantile({q}, {rates})", f"{legend} p{q * 100:g}".strip()) for q in (0.5, 0.99)]


def _require_all_placed() -> None:
    placed = [name for panels in ROWS.values() for panel in panels for name in panel.metrics]
    if wrong := sorted(set(placed) ^ set(BY_NAME)):
        raise LayoutError(f"either not on the dashboard or not on the list of metrics: {', '.join(wrong)}")
    if len(placed) != len(set(placed)):
        raise LayoutError("a metric stands on two panels")


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        {
            "name": "symbol",
            "type": "query",
            "label": "Symbol",
            "datasource": SOURCE,
            "query": "label_values(mm_state_gauge, symbol)",
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    for number, figure in enumerate(FIGURES):
        place = {"x": number * FIGURE_WIDTH, "y": 0, "w": FIGURE_WIDTH, "h": FIGURE_HEIGHT}
        panels.append(_figure(figure) | {"gridPos": place})
    y = FIGURE_HEIGHT
    for title, row in ROWS.items():
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        panels.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": place})
        y += 1
        for number, panel in enumerate(row):
            line, column = divmod(number, COLUMNS // GRAPH_WIDTH)
            place = {"x": column * GRAPH_WIDTH, "y": y + line * GRAPH_HEIGHT, "w": GRAPH_WIDTH}
            panels.append(_graph(panel) | {"gridPos": place | {"h": GRAPH_HEIGHT}})
        y += -(-len(row) // (COLUMNS // GRAPH_WIDTH)) * GRAPH_HEIGHT
    return [{"id": number, **panel} for number, panel in enumerate(panels, 1)]


def _figure(figure: Figure) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if figure.red_from is not None:
        steps.append({"color": "red", "value": figure.red_from})
    return {
        "type": "stat",
        "title": figure.title,
        "datasource": SOURCE,
        "targets": [_target(0, figure.expression, figure.title)],
        "fieldConfig": {
            "defaults": {"unit": figure.unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"},
    }


def _graph(panel: Panel) -> dict[str, Any]:
    metrics = [BY_NAME[name] for name in panel.metrics]
    several = len(metrics) > 1
    wanted = [
        (expression, f"{metric.name} {legend}" if several and legend != metric.name else legend)
        for metric in metrics
        for expression, legend in queries(metric)
    ]
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": " ".join(f"{metric.help}." for metric in metrics),
        "datasource": SOURCE,
        "targets": [_target(number, *query) for number, query in enumerate(wanted)],
        "fieldConfig": {"defaults": {"unit": _unit(metrics[0])}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }


def _target(number: int, expression: str, legend: str) -> dict[str, Any]:
    use_of(expression)
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": expression,
        "legendFormat": legend,
    }


def _unit(metric: Metric) -> str:
    if metric.kind is Kind.COUNTER:
        return "cps"
    return next((unit for suffix, unit in UNITS.items() if metric.name.endswith(suffix)), "short")
