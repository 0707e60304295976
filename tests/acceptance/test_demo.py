"""`market-maker demo --json` on the simulated market: its one line of JSON, and what it leaves behind."""

import json
import os
import signal
import time
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.demo_run import END_S_MAX, LOOK_EVERY_S, DemoRun, RunningDemo, processes_in

pytestmark = pytest.mark.long
SYMBOLS = {"BTCUSDT", "ETHUSDT"}
COUNTS = (
    "quotes_computed",
    "orders_placed",
    "orders_rejected",
    "orders_cancelled",
    "fills",
    "open_orders",
    "open_orders_at_exchange",
    "book_deltas",
    "book_gaps",
    "book_checks",
    "book_mismatches",
    "mid_checks",
    "mid_mismatches",
    "feed_checks",
    "feed_mismatches",
    "fills_at_exchange",
)
AMOUNTS = ("volume_usdt", "position", "inventory_usdt", "realized_pnl_usdt", "unrealized_pnl_usdt")
SHARES = ("spread_bps_p50", "two_sided_share", "mid_uncertain_share")
LATENCIES = {
    f"{name}_{percentile}"
    for name in ("quote", "tick_to_wire", "tick_to_order", "order_ack")
    for percentile in ("p50", "p99")
}


def require_shape(summary: dict[str, Any]) -> None:
    """Every key that scripts may count on, each with its type, and no other."""
    assert set(summary) == {"seconds", "symbols", "latency_us", "outbox_pending", "exit"}
    assert isinstance(summary["seconds"], float)
    assert isinstance(summary["outbox_pending"], int)
    assert set(summary["latency_us"]) == LATENCIES
    assert all(isinstance(value, float) and value > 0 for value in summary["latency_us"].values())
    for symbol in summary["symbols"].values():
        assert set(symbol) == {"state", "kill_reason", *COUNTS, *AMOUNTS, *SHARES}
        assert all(type(symbol[name]) is int and symbol[name] >= 0 for name in COUNTS)
        assert all(isinstance(symbol[name], str) and Decimal(symbol[name]).is_finite() for name in AMOUNTS)
        assert all(isinstance(symbol[name], float) for name in SHARES)


def require_clean(run: DemoRun) -> dict[str, Any]:
    """It ended as it must; returns the symbols' figures."""
    assert (run.code, run.summary["exit"]) == (0, "clean"), run.summary
    assert run.summary["outbox_pending"] == 0
    symbols: dict[str, Any] = run.summary["symbols"]
    for symbol in symbols.values():
        assert (symbol["state"], symbol["kill_reason"]) == ("PAUSED", None)
        assert symbol["open_orders"] == symbol["open_orders_at_exchange"] == 0
        assert symbol["book_mismatches"] == symbol["mid_mismatches"] == 0
        assert symbol["book_gaps"] == symbol["feed_mismatches"] == 0
        assert symbol["fills"] == symbol["fills_at_exchange"]
    return symbols


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Eight seconds of two simulated markets."""
    directory = tmp_path_factory.mktemp("demo")
    return RunningDemo(directory, "--for", "8s", "--seed", "11", "--spread-bps", "2").end()


def test_the_demo_ends_with_one_line_of_json_that_has_every_figure(simulated: DemoRun) -> None:
    require_shape(simulated.summary)
    assert set(simulated.summary["symbols"]) == SYMBOLS
    assert 8 <= simulated.summary["seconds"] < 10


def test_two_simulated_markets_are_quoted_on_both_sides_and_every_fill_is_counted(
    simulated: DemoRun,
) -> None:
    for symbol in require_clean(simulated).values():
        assert symbol["fills"] > 0
        assert symbol["orders_placed"] > 2
        assert symbol["book_checks"] >= 5 * 8
        assert symbol["two_sided_share"] >= 0.9


def test_the_demo_tells_people_where_everything_is_and_leaves_nothing_behind(simulated: DemoRun) -> None:
    for word in ("API", "metrics", "exchange", "KILL_SWITCH_RESPONSE_TIMEOUT_MS"):
        assert word in simulated.errors
    assert not Path(simulated.directory).exists()
    assert processes_in(simulated.directory) == []


def test_a_service_killed_in_the_middle_is_started_again_and_ctrl_c_ends_everything_in_order(
    tmp_path: Path,
) -> None:
    demo = RunningDemo(tmp_path, "--seed", "12", "--spread-bps", "2")
    pid = int(demo.wait_for(r"service +process (\d+)"))
    _wait_for_fills(demo)
    os.kill(pid, signal.SIGKILL)
    assert int(demo.wait_for(r"ended with code (-\d+): started again")) == -signal.SIGKILL
    demo.process.send_signal(signal.SIGINT)
    run = demo.end()
    symbols = require_clean(run)
    assert sum(symbol["fills"] for symbol in symbols.values()) > 0
    assert processes_in(run.directory) == []
    assert not Path(run.directory).exists()


def _wait_for_fills(demo: RunningDemo) -> None:
    api = demo.wait_for(r"(http://[\d.:]+)/ ")
    demo.wait_for(r"(every symbol is enabled)")
    deadline = time.monotonic() + END_S_MAX
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{api}/v1/mm/status", timeout=5) as answer:  # noqa: S310 - our own address
            if json.load(answer)["totals"]["fills"] > 0:
                return
        time.sleep(LOOK_EVERY_S)
    raise AssertionError(f"no fill in {END_S_MAX:g} s")


def test_with_approvals_one_person_approves_what_another_proposed_and_presence_is_shown(
    tmp_path: Path,
) -> None:
    demo = RunningDemo(tmp_path, "--seed", "14", "--approvals")
    api = demo.wait_for(r"(http://[\d.:]+)/ ")
    tokens = Path(demo.wait_for(r"with what (/\S+)/nora.token"))
    demo.wait_for(r"(every symbol is enabled)")

    def ask(name: str, path: str, body: dict[str, str] | None = None) -> Any:
        headers = {
            "Authorization": f"Bearer {(tokens / f'{name}.token').read_text('utf-8').strip()}",
            "Content-Type": "application/json",
        }
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{api}{path}", content, headers)  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    [waiting] = ask("nora", "/v1/mm/proposals")["items"]
    path = f"/v1/mm-configs/{waiting['symbol']}/proposals/{waiting['id']}/approve"
    assert ask("sam", path, {"reason": "narrower is fine"})["config"]["base_spread_bps"] == "8"
    assert {one["symbol"] for one in ask("nora", "/v1/mm/obligations")["items"]} == SYMBOLS
    demo.process.send_signal(signal.SIGINT)
    require_clean(demo.end())


def test_ctrl_c_before_trading_ends_everything_too(tmp_path: Path) -> None:
    demo = RunningDemo(tmp_path, "--seed", "13")
    demo.wait_for(r"(Ctrl-C ends)")
    demo.process.send_signal(signal.SIGINT)
    run = demo.end()
    assert run.code in (0, 1)
    assert "Traceback" not in run.errors
    assert processes_in(run.directory) == []
