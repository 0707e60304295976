"""Alerts and dashboard are what the list of metrics says, and the alerts fire when they should."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tools.monitoring import dashboard as board
from tools.monitoring.alerts import rules, runbook_url
from tools.monitoring.dashboard import LayoutError, dashboard
from tools.monitoring.metric_use import BY_NAME, UnknownUseError, use_of
from tools.monitoring.rules import ALERTS, CRITICAL, WARNING

from market_maker.telemetry.metrics import Kind

ROOT = Path(__file__).parents[3]
ALERT_FILE = ROOT / "deploy/prometheus/alerts.yaml"
BOARD_FILE = ROOT / "deploy/grafana/market-maker.json"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")


def expressions() -> list[str]:
    """Every query of the dashboard."""
    panels = json.loads(dashboard())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


# --- the files ---------------------------------------------------------------------------------


def test_the_alert_file_is_what_the_rules_say() -> None:
    assert ALERT_FILE.read_text("utf-8") == rules(), "run `make generate`"


def test_the_dashboard_is_what_the_list_of_metrics_says() -> None:
    assert BOARD_FILE.read_text("utf-8") == dashboard(), "run `make generate`"


# --- against the list of metrics ---------------------------------------------------------------


def test_every_alert_and_every_panel_uses_metrics_and_labels_that_exist() -> None:
    for alert in ALERTS:
        assert use_of(alert.expression).metrics or "up{" in alert.expression, alert.name
    assert all(use_of(expression).metrics for expression in expressions())


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("mm_nonsense > 0", "mm_nonsense is not on the list"),
        ('mm_state_gauge{reason="MANUAL"} == 1', "no label reason on mm_state_gauge"),
        ("sum by (topic) (mm_inventory_usdt)", "no label topic"),
        ("mm_outbox_backlog_bucket > 0", "mm_outbox_backlog_bucket is not on the list"),
        ("mm_tick_to_order_latency_seconds > 1", "mm_tick_to_order_latency_seconds is not on the list"),
        ("(mm_state_gauge == 1) and on (topic) (mm_spread_bps > 0)", "no label topic"),
    ],
)
def test_a_metric_or_label_that_does_not_exist_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(UnknownUseError, match=problem):
        use_of(expression)


def test_every_metric_of_the_list_is_on_the_dashboard() -> None:
    shown = {name for expression in expressions() for name in use_of(expression).metrics}
    assert shown == set(BY_NAME)


def test_a_metric_without_a_place_on_the_dashboard_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "ROWS", {})
    with pytest.raises(LayoutError, match="mm_inventory_usdt"):
        dashboard()


def test_a_panel_shows_every_label_that_its_metric_has() -> None:
    for metric in BY_NAME.values():
        for expression, legend in board.queries(metric):
            assert all(f"{{{{{label}}}}}" in legend for label in metric.labels), metric.name
            assert ("rate(" in expression) == (metric.kind is not Kind.GAUGE)


def test_panels_have_their_own_numbers_and_do_not_overlap() -> None:
    panels: list[dict[str, Any]] = json.loads(dashboard())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < board.COLUMNS


# --- the alerts themselves ---------------------------------------------------------------------


def test_every_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert.severity in (CRITICAL, WARNING)
        assert re.fullmatch(r"(\S.*)\.", alert.summary), alert.name
        assert runbook_url(alert).startswith("docs/runbook.md#")
        assert re.fullmatch(r"\d+[sm]", alert.lasting)


@needs_promtool
def test_prometheus_accepts_the_alerts_and_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    asked = [
        expression.replace(board.RATE, "5m").replace("$symbol", "BTCUSDT") for expression in expressions()
    ]
    recording = [{"record": f"q:{number}", "expr": text} for number, text in enumerate(asked)]
    queries = tmp_path / "queries.yaml"
    queries.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recording}]}))
    for file in (ALERT_FILE, queries):
        checked = _promtool("check", "rules", str(file))
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "SUCCESS" in checked.stdout


NAN = " ".join(["NaN"] * 40)
BTC = 'symbol="BTCUSDT",instance="a"'
FIRES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "KillSwitchFired": (
        {f'mm_kill_switch_total{{{BTC},reason="LOSS_BREACH"}}': "0x12 1x28"},
        {f'mm_kill_switch_total{{{BTC},reason="LOSS_BREACH"}}': "1x40"},
    ),
    "SymbolHalted": (
        {f'mm_state_gauge{{{BTC},state="HALTED"}}': "1x40"},
        {
            f'mm_state_gauge{{{BTC},state="HALTED"}}': "0x40",
            f'mm_state_gauge{{{BTC},state="ACTIVE"}}': "1x40",
        },
    ),
    "OpenOrdersNotProvenZero": (
        {f'mm_state_gauge{{{BTC},state="HALTED"}}': "1x40", f"mm_open_orders_at_exchange{{{BTC}}}": NAN},
        {f'mm_state_gauge{{{BTC},state="HALTED"}}': "1x40", f"mm_open_orders_at_exchange{{{BTC}}}": "0x40"},
    ),
    "WorkerFailed": (
        {f"mm_worker_failures_total{{{BTC}}}": "0x12 1x28"},
        {f"mm_worker_failures_total{{{BTC}}}": "1x40"},
    ),
    "EventsUnclaimed": (
        {f"mm_unclaimed_events_total{{{BTC}}}": "1+1x40"},
        {f"mm_unclaimed_events_total{{{BTC}}}": "1x40"},
    ),
    "ServiceDown": ({'up{job="market-maker"}': "0x40"}, {'up{job="market-maker"}': "1x40"}),
    "ServiceRestarted": (
        {"mm_event_loop_stalled_seconds_total": "5 6 7 8 9 10 1x34"},
        {"mm_event_loop_stalled_seconds_total": "5+1x40"},
    ),
    "DependencyDown": (
        {'mm_dependency_up{dependency="postgres"}': "0x40"},
        {'mm_dependency_up{dependency="redis"}': "0x40", 'mm_dependency_up{dependency="kafka"}': "1x40"},
    ),
    "DependencyImpaired": (
        {'mm_dependency_up{dependency="redis"}': "0x40"},
        {'mm_dependency_up{dependency="postgres"}': "0x40", 'mm_dependency_up{dependency="redis"}': "1x40"},
    ),
    "EventLoopLag": ({"mm_event_loop_lag_seconds": "0.03x40"}, {"mm_event_loop_lag_seconds": "0.02x40"}),
    "LogLinesLost": (
        {"mm_log_lines_dropped_total": "0x12 5x28"},
        {"mm_log_lines_dropped_total": "5x40"},
    ),
    "KafkaLag": (
        {'mm_kafka_lag_seconds{topic="md.mark.v1"}': "3x40"},
        {'mm_kafka_lag_seconds{topic="md.mark.v1"}': "1x40"},
    ),
    "KafkaLagUnmeasurable": (
        {'mm_kafka_lag_seconds{topic="md.mark.v1"}': NAN},
        {'mm_kafka_lag_seconds{topic="md.mark.v1"}': "0x40"},
    ),
    "BookGaps": ({f"mm_book_gaps_total{{{BTC}}}": "0+1x40"}, {f"mm_book_gaps_total{{{BTC}}}": "0 1 2x38"}),
    "DeadLetters": (
        {'mm_dead_letters_total{topic="md.mark.v1"}': "0x12 1x28"},
        {'mm_dead_letters_total{topic="md.mark.v1"}': "1x40"},
    ),
    "MailboxFilling": ({f"mm_mailbox_depth{{{BTC}}}": "600x40"}, {f"mm_mailbox_depth{{{BTC}}}": "400x40"}),
    "TwoSidedQuotingLost": (
        {f'mm_state_gauge{{{BTC},state="ACTIVE"}}': "1x40", f"mm_spread_bps{{{BTC}}}": NAN},
        {f'mm_state_gauge{{{BTC},state="ACTIVE"}}': "1x40", f"mm_spread_bps{{{BTC}}}": "10x40"},
    ),
    "OrdersRejected": (
        {f'mm_order_requests_total{{{BTC},request="place",outcome="rejected"}}': "0+1x40"},
        {f'mm_order_requests_total{{{BTC},request="place",outcome="would_cross"}}': "0+1x40"},
    ),
    "OrderOutcomesUnknown": (
        {f'mm_order_requests_total{{{BTC},request="cancel",outcome="timeout"}}': "0x12 1x28"},
        {f'mm_order_requests_total{{{BTC},request="cancel",outcome="ok"}}': "0+1x40"},
    ),
    "OrderAnswersSlow": (
        {
            'mm_order_placement_latency_seconds_bucket{le="0.02"}': "0+1x40",
            'mm_order_placement_latency_seconds_bucket{le="0.05"}': "0+9x40",
            'mm_order_placement_latency_seconds_bucket{le="+Inf"}': "0+9x40",
        },
        {
            'mm_order_placement_latency_seconds_bucket{le="0.002"}': "0+9x40",
            'mm_order_placement_latency_seconds_bucket{le="+Inf"}': "0+9x40",
        },
    ),
    "JournalLag": (
        {f"mm_journal_lag_seconds{{{BTC}}}": "2x40"},
        {f"mm_journal_lag_seconds{{{BTC}}}": "0.2x40"},
    ),
    "OutboxBacklog": ({"mm_outbox_backlog": "3x40"}, {"mm_outbox_backlog": "3 0 3 0 3 0 3 0 3 0 3 0 3"}),
    "InstanceLost": (
        {"mm_guard_interventions_total": "0x12 2x28"},
        {"mm_guard_interventions_total": "2x40"},
    ),
    "GuardMissing": (
        {"mm_event_loop_lag_seconds": "0x40"},
        {
            "mm_event_loop_lag_seconds": "0x40",
            "mm_guard_up": "1x40",
            'mm_guards_seen{instance="a"}': "1x40",
            'mm_guards_seen{instance="b"}': NAN,
            "mm_guard_last_look_timestamp_seconds": "0+15x40",
        },
    ),
    "GuardBlind": (
        {'mm_guard_blind{instance="a"}': "1x40", 'mm_guard_blind{instance="b"}': "1x40"},
        {'mm_guard_blind{instance="a"}': "1x40", 'mm_guard_blind{instance="b"}': "0x40"},
    ),
    "PublishFailures": (
        {'mm_publish_failures_total{topic="mm.quote.simulated.v1"}': "1+1x40"},
        {'mm_publish_failures_total{topic="mm.quote.simulated.v1"}': "1x40"},
    ),
    "ModelFallback": (
        {f"mm_model_fallback{{{BTC}}}": "1x40", f'mm_state_gauge{{{BTC},state="ACTIVE"}}': "1x40"},
        {
            f"mm_model_fallback{{{BTC}}}": "1x40",
            f'mm_state_gauge{{{BTC},state="ACTIVE"}}': "0x40",
            f'mm_state_gauge{{{BTC},state="PAUSED"}}': "1x40",
        },
    ),
    "ObligationAtRisk": (
        {f'mm_obligation_slack_ratio{{{BTC},programme="p",tier="t"}}': "0.2x40"},
        {f'mm_obligation_slack_ratio{{{BTC},programme="p",tier="t"}}': "0.3x40"},
    ),
    "ObligationMissed": (
        {f'mm_obligation_slack_ratio{{{BTC},programme="p",tier="t"}}': "-0.1x40"},
        {f'mm_obligation_slack_ratio{{{BTC},programme="p",tier="t"}}': "0.1x40"},
    ),
    "MarkoutEatsSpread": (
        {
            f'mm_markout_usdt_total{{{BTC},horizon="10",side="buy",sign="gain"}}': "0+1x40",
            f'mm_markout_usdt_total{{{BTC},horizon="10",side="sell",sign="loss"}}': "0+2x40",
            f'mm_markouts_total{{{BTC},horizon="10",outcome="measured"}}': "0+20x40",
        },
        {
            f'mm_markout_usdt_total{{{BTC},horizon="10",side="buy",sign="gain"}}': "0+2x40",
            f'mm_markout_usdt_total{{{BTC},horizon="10",side="sell",sign="loss"}}': "0+1x40",
            f'mm_markouts_total{{{BTC},horizon="10",outcome="measured"}}': "0+20x40",
        },
    ),
}
"""Alert -> series on which it fires after five minutes, and series on which it does not; every 15 s."""
SHADOW = {
    f'mm_state_gauge{{{BTC},state="ACTIVE"}}': "1x40",
    f'mm_state_gauge{{{BTC},state="PAUSED"}}': "1x40",
    f"mm_spread_bps{{{BTC}}}": NAN,
    f"mm_open_orders_at_exchange{{{BTC}}}": NAN,
    'mm_shadow_mode{instance="a"}': "1x40",
}


def test_every_alert_has_series_on_which_it_fires_and_on_which_it_does_not() -> None:
    assert set(FIRES) == {alert.name for alert in ALERTS}


@needs_promtool
def test_every_alert_fires_when_it_should_and_stays_silent_when_it_should(tmp_path: Path) -> None:
    silent = [(name, quiet) for name, (_, quiet) in FIRES.items()]
    silent += [("TwoSidedQuotingLost", SHADOW), ("OpenOrdersNotProvenZero", SHADOW)]
    cases = [_case(name, quiet) for name, quiet in silent]
    tested = _test_rules(tmp_path / "silent.yaml", cases)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    # Expected silence fails exactly where an alert fires, whatever its labels are.
    for name, (loud, _) in FIRES.items():
        tested = _test_rules(tmp_path / f"{name}.yaml", [_case(name, loud)])
        assert tested.returncode == 1, f"{name} does not fire on {loud}"
        assert f"MarketMaker{name}" in tested.stdout + tested.stderr


def _case(name: str, series: dict[str, str]) -> dict[str, Any]:
    return {
        "interval": "15s",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "alert_rule_test": [{"eval_time": "6m", "alertname": f"MarketMaker{name}", "exp_alerts": []}],
    }


def _test_rules(file: Path, cases: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    tests = {"rule_files": [str(ALERT_FILE)], "evaluation_interval": "15s", "tests": cases}
    file.write_text(json.dumps(tests))
    return _promtool("test", "rules", str(file))


def _promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False, timeout=60)
