import re
from pathlib import Path
from typing import Any

from tools.capacity_page import MEASURED, page, read

ROOT = Path(__file__).parents[3]


def step(symbols: int, rate: float, instances: int, **changed: Any) -> dict[str, Any]:
    consumed = symbols * (rate + 1)
    cpu = 0.1 * instances + 0.002 * symbols + 0.0001 * consumed
    made = {
        "symbols": symbols,
        "instances": instances,
        "rate": rate,
        "sent": symbols * rate,
        "sent_mb": symbols * rate * 250 / 1e6,
        "consumed": consumed,
        "placements": 0.5 * symbols,
        "mailbox_depth": 3.0,
        "lag_s": 0.0,
        "loop_lag_ms": 7.0,
        "tick_to_order_p50_ms": 2.5,
        "tick_to_order_p99_ms": 9.5,
        "order_ack_p50_ms": None,
        "order_ack_p99_ms": None,
        "cpu": cpu,
        "cpu_ms_per_symbol": cpu / symbols * 1e3,
        "rss_mib": 120.0 * instances + 0.5 * symbols,
        "beside_cpu": {"Kafka": 0.5, "generator": 0.1},
        "elsewhere_cpu": 0.05,
        "rows": 2.0 * symbols,
        "wal_mb": 0.0005 * symbols,
        "verdict": "",
    }
    return {**made, **changed}


def cell(symbols: int, instances: int) -> dict[str, Any]:
    steps = [step(symbols, rate, instances) for rate in (5.0, 20.0)]
    steps.append(step(symbols, 80.0, instances, verdict="lag 3.0 s"))
    return {"symbols": symbols, "instances": instances, "start_s": 3.0, "enable_s": 1.5, "steps": steps}


MEASUREMENT = {
    "machine": {"cores": 2, "python": "3.11", "kernel": "6"},
    "cells": [cell(symbols, instances) for symbols in (10, 50, 200) for instances in (1, 2)],
}
SOAK = {
    "warm_up_s": 3_600.0,
    "samples": [{"at_s": 86_400.0, "placed": 1_234, "fills": 56}],
    "verdicts": [
        {"name": "tasks", "at_warm_up": 8.0, "at_end": 9.0, "growth": 1.0, "told": "+1", "flat": False}
    ],
}

START = {"load": 2.0, "median_s": 1.5, "slowest_s": 2.25, "all_s": 4.0, "cpu_s": 2.5, "rss_mib": 150.0}
HISTORY = {
    "symbols": 20,
    "fills": 1_000_000,
    "fill_bytes": 374.0,
    "checkpoint_bytes": 81_000,
    "traded": {
        "seconds": 864.0,
        "rate": 5.0,
        "tables": [
            {"table": "mm_orders", "rows": 2_000, "bytes": 800_000},
            {"table": "outbox", "rows": 0, "bytes": 0},
        ],
    },
    "starts": {"folding_everything": [{**START, "cpu_s": None}], "from_checkpoints": [START]},
    "check": {"symbols": 20, "seconds": 600.0, "rss_mib": [150.0, 152.0, 151.0], "kills": 0},
}


def test_every_figure_of_the_page_is_filled_in() -> None:
    text = page(MEASUREMENT, {"a day": SOAK})
    assert not re.search(r"\{\w*\}", text)
    assert "| 1 | 200 | 20 | 4,200 |" in text
    assert "| 1 | 200 | 20 (4,200) | lag 3.0 s at 80 | 3.0 s | 1.5 s |" in text
    assert "| tasks | 8.0 | 9.0 | +1 | **grows** |" in text
    assert "24.00 hours, 1,234 orders, 56 fills" in text


def test_the_plan_follows_from_the_steps_that_held() -> None:
    text = page(MEASUREMENT, {})
    assert "12 of 18 steps" in text
    assert "| CPU of a symbol that quotes | 2.00 ms/s |" in text
    assert "| symbols per instance | 100 |" in text  # (0.6 - 0.1) / (0.002 + 30 * 0.0001)


def test_what_is_stored_is_told_per_day_and_symbol() -> None:
    text = page(MEASUREMENT, {}, HISTORY)
    assert "| `mm_orders` | 10,000 | 400 | 4.0 |" in text
    assert "Nothing was added to `outbox`" in text
    assert "| folding every fill | 2.0 | 1.5 | 2.2 | - | 150 |" in text
    assert "read the history of 20 of 20 symbols to its end in 600 s" in text
    assert "Not measured yet." in page(MEASUREMENT, {})


def test_the_committed_page_is_the_one_that_the_committed_measurement_makes() -> None:
    assert (ROOT / "docs" / "capacity.md").read_text() == read(MEASURED)


def test_the_page_says_what_the_peer_took_where_it_was_measured() -> None:
    ours, theirs = ({"p50_ns": p50, "p99_ns": 4_000.0, "count": 9, "orders": 0} for p50 in (2_000.0, 1_000.0))
    beside = {
        "machine": MEASUREMENT["machine"],
        "at": "2026-11-21T22:00+00:00",
        "load": 1.25,
        "peer": "NautilusTrader 1.221.0",
        "compared": [{"what": "orders", "on": "8 at once", "ours": ours, "theirs": theirs}],
    }
    line = "| an order to its answer, over HTTP | 8 at once | 2.0 / 4.0 | 1.0 / 4.0 | 0.50 | 1.00 |"
    assert line in page(MEASUREMENT, {}, None, beside)
    assert "Not measured yet." in page(MEASUREMENT, {}).partition("## Beside NautilusTrader")[2]


def test_two_versions_stand_below_each_other_with_what_ended_each() -> None:
    def measured(version: str, p99_ms: float | None, verdict: str) -> dict[str, Any]:
        timed = {"tick_to_wire_p50_ms": p99_ms and 0.25, "tick_to_wire_p99_ms": p99_ms}
        return step(10, 40.0, 1, version=version, verdict=verdict, **timed)

    steps = [measured("ce9c608", None, "tick to order 60 ms"), measured("now", 0.75, "")]
    ways = {**MEASUREMENT, "at": "2026-11-21T23:40+00:00", "cells": [{"steps": [each]} for each in steps]}
    made = page(MEASUREMENT, {}, None, None, ways)
    assert "| 10 | 40 | ce9c608 | - | 2.50 / 9.5 | - |" in made
    assert "| 10 | 40 | now | 0.25 / 0.8 | 2.50 / 9.5 | - |" in made
    assert "| ce9c608 | 10 | 0 | tick to order 60 ms at 40 |" in made
    assert "| now | 10 | 40 | nothing: the steps ended |" in made
    assert "machine was busy" not in made.partition("## From tick to wire")[2]
    steps[1]["elsewhere_cpu"] = 1.5
    assert "machine was busy" in page(MEASUREMENT, {}, None, None, ways).partition("## From tick to wire")[2]
