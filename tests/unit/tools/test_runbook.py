"""The runbook has a section for everything that can wake somebody up, and names only what exists."""

import re
from pathlib import Path

import pytest
from tools.monitoring.alerts import RUNBOOK, runbook_url
from tools.monitoring.metric_use import BY_NAME
from tools.monitoring.rules import ALERTS, Alert

from market_maker.core.states import KillReason

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / RUNBOOK).read_text("utf-8")
DEPENDENCIES = ("postgres", "kafka", "redis", "order_service", "metadata", "schema_registry", "auth")
LABELS = {
    "{{ $labels.reason | toLower }}": [reason.value.lower() for reason in KillReason],
    "{{ $labels.dependency }}": DEPENDENCIES,
}
"""What a label in an anchor can be."""


def anchors() -> list[str]:
    """Every heading as its link on the usual hosts: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def targets(alert: Alert) -> list[str]:
    """Where an alert can lead."""
    for label, values in LABELS.items():
        if label in alert.anchor:
            return [alert.anchor.replace(label, value) for value in values]
    return [alert.anchor]


@pytest.mark.parametrize("reason", KillReason, ids=lambda reason: reason.value)
def test_every_kill_reason_says_what_it_means_what_to_look_at_and_how_to_come_back(
    reason: KillReason,
) -> None:
    [section] = re.findall(rf"^### {reason.value}\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL)
    for part in ("**Means:**", "**Look at:**", "**Come back:**"):
        assert section.count(part) == 1


def test_every_alert_leads_to_a_heading() -> None:
    assert not {anchor for alert in ALERTS for anchor in targets(alert)} - set(anchors())
    assert all("{{" not in anchor for alert in ALERTS for anchor in targets(alert))
    assert all(runbook_url(alert) == f"docs/runbook.md#{alert.anchor}" for alert in ALERTS)


def test_every_link_within_the_runbook_leads_to_a_heading() -> None:
    links = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert links
    assert not links - set(anchors())
    assert len(anchors()) == len(set(anchors()))


def test_every_dependency_that_health_names_has_a_section() -> None:
    bootstrap = ROOT / "src/market_maker/bootstrap"
    probed = re.findall(
        r'^            "(\w+)": ', (bootstrap / "dependencies.py").read_text("utf-8"), re.MULTILINE
    )
    probed += re.findall(r'\{"(\w+)": keys\.health\}', (bootstrap / "access.py").read_text("utf-8"))
    assert tuple(probed) == DEPENDENCIES
    assert {f"down-{name}" for name in DEPENDENCIES} < set(anchors())


def test_every_metric_that_the_runbook_names_exists() -> None:
    tables = {
        "mm_audit",
        "mm_checkpoints",
        "mm_fills",
        "mm_orders",
        "mm_instances",
        "mm_owners",
        "mm_kill_orders",
        "mm_markouts",
        "mm_pnl",
        "mm_presence",
        "mm_pruned",
        "mm_quoting_time",
    }
    named = set(re.findall(r"\bmm_[a-z_]+\b", TEXT))
    assert not named - set(BY_NAME) - tables


def test_every_code_field_and_setting_that_the_runbook_names_exists() -> None:
    """Log codes, fields of the API, verdicts, problem codes, settings: whatever is in backticks."""
    files = [path for suffix in ("py", "sql") for path in (ROOT / "src/market_maker").rglob(f"*.{suffix}")]
    source = set(re.findall(r"\w+", "\n".join(path.read_text("utf-8") for path in files)))
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+|[A-Z]+(?:_[A-Z]+)+)", TEXT))
    assert len(named) >= 50
    assert not named - source


def test_every_route_that_the_runbook_names_exists() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src/market_maker/api").glob("*.py"))
    named = re.findall(r"(?:GET|POST|PUT|\$API) ?(/[\w/{}.-]+)", TEXT)
    assert len(named) >= 8
    for route in named:
        assert f'"{route.replace("SYMBOL", "{symbol}")}"' in source, route
