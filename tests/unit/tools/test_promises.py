"""docs/promises.md has a row for every promise, and each row names a test that exists."""

import ast
import re
from pathlib import Path

import pytest

from market_maker.core.states import KillReason

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/promises.md"
ACCEPTANCE = ROOT / "tests/acceptance"
PROMISES = (
    # the table of kill switch triggers
    "kill-exposure",
    "kill-loss",
    "kill-market-halt",
    "kill-kafka-lag",
    "kill-reject-storm",
    "kill-response-timeout",
    # triggers of ours
    "kill-manual",
    "kill-uncertain",
    "kill-stall",
    "kill-worker",
    "kill-journal",
    "kill-unreadable",
    "kill-drill",
    "kill-house",
    "kill-owner-lost",
    "kill-history",
    # what follows a kill
    "killed-cancels",
    "killed-alone",
    "killed-halted",
    "killed-event",
    "killed-ignores-market",
    "killed-needs-reset",
    # the checks before an order: four of the document, and ours
    "check-position",
    "check-loss",
    "check-state",
    "check-latch",
    "check-instrument",
    "check-book-valid",
    "check-book-fresh",
    "check-collar",
    "check-notional",
    "check-min-notional",
    "check-rate",
    "check-grid",
    "check-exchange-rate",
    # start-up behaviour
    "start-configs",
    "start-orders",
    "start-inventory",
    "start-paused",
    "start-waits",
    "start-follows-market",
    "start-never-by-itself",
    # shadow mode
    "shadow-computes",
    "shadow-sends-nothing",
    "shadow-publishes",
    "shadow-checks-risk",
    # what the service does not do
    "never-mutates-books",
    "never-bypasses",
    "never-touches-users",
    "never-privileged",
    "never-unless-active",
    "never-restarts-itself",
    # what it always does
    "always-cancels",
    "always-order-service",
    "always-tagged",
    "always-manual",
    "always-paused-first",
    "always-on-the-grid",
    # observability
    "watch-metrics",
    "watch-traces",
    "watch-logs",
)
ROW = re.compile(r"^\| `([a-z-]+)` \| (.+?) \| \[`(test_\w+)`\]\(\.\./tests/acceptance/(\w+\.py)\) \|$")


def rows(text: str) -> list[tuple[str, str, str]]:
    """Promise, file and test of each row of the tables; AssertionError for a row that is not one."""
    found = []
    for line in text.splitlines():
        if not line.startswith("|") or line.startswith(("| promise |", "|---")):
            continue
        match = ROW.match(line)
        assert match is not None, f"not a row of a promise: {line}"
        promise, _, test, file = match.groups()
        found.append((promise, file, test))
    return found


def collected(file: Path) -> set[str]:
    """The names of the tests that pytest collects from a file: its functions, at the top level."""
    tree = ast.parse(file.read_text("utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


def is_skipped(file: Path, test: str) -> bool:
    """Whether a marker can keep the test from running."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == test:
            return any(
                "skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark) for mark in node.decorator_list
            )
    return True


def test_every_promise_has_one_row_and_every_row_a_promise() -> None:
    named = [promise for promise, _, _ in rows(PAGE.read_text("utf-8"))]
    assert sorted(named) == sorted(PROMISES)
    assert len(set(PROMISES)) == len(PROMISES)


@pytest.mark.parametrize(("promise", "file", "test"), rows(PAGE.read_text("utf-8")))
def test_every_row_names_a_test_that_is_collected_and_not_skipped(promise: str, file: str, test: str) -> None:
    assert test in collected(ACCEPTANCE / file), f"{promise}: no {test} in {file}"
    assert not is_skipped(ACCEPTANCE / file, test)


def test_every_reason_of_a_kill_has_its_row() -> None:
    rows_of_reasons = {promise for promise in PROMISES if promise.startswith("kill-")}
    assert len(rows_of_reasons) == len(KillReason)


def test_a_line_that_is_no_row_is_noticed() -> None:
    with pytest.raises(AssertionError, match="not a row of a promise"):
        rows("| `kill-loss` | words | test_somewhere |")
