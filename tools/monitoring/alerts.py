"""The alert rules as Prometheus reads them."""

import json

from tools.monitoring.metric_use import use_of
from tools.monitoring.rules import GROUPS, Alert

RUNBOOK = "docs/runbook.md"
HEAD = """# Alerts of the market maker. Made by `make generate` from tools/monitoring/rules.py; a test holds
# them against the list of metrics. They expect a scrape job named market-maker.
groups:
"""


def rules() -> str:
    """The rule file as YAML. Raises UnknownUseError for a metric or label that does not exist."""
    parts = [HEAD]
    for group, alerts in GROUPS.items():
        parts.append(f"  - name: {group}\n    rules:\n")
        parts += [_rule(alert) for alert in alerts]
    return "".join(parts)


def runbook_url(alert: Alert) -> str:
    """Where the alert sends the operator."""
    return f"{RUNBOOK}#{alert.anchor}"


def _rule(alert: Alert) -> str:
    use_of(alert.expression)
    return (
        f"      - alert: MarketMaker{alert.name}\n"
        f"        expr: {_text(alert.expression)}\n"
        f"        for: {alert.lasting}\n"
        f"        labels:\n"
        f"          severity: {alert.severity}\n"
        f"        annotations:\n"
        f"          summary: {_text(alert.summary)}\n"
        f"          runbook_url: {_text(runbook_url(alert))}\n"
    )


def _text(text: str) -> str:
    """A JSON string is a YAML string."""
    return json.dumps(text)
