"""Kills while orders are leaving: the benchmark's run, short, and judged by what the exchange received."""

import aiohttp
import pytest
from benchmarks.bench_kill import run

from market_maker.clients.departure import GatedBody

KILLS = 50


def test_no_new_order_leaves_after_a_kill_at_full_quoting_load() -> None:
    result = run(KILLS)
    assert len(result.kills) == KILLS
    assert all(0 < kill.at_ns <= kill.left_ns < kill.enabled_ns for kill in result.kills)
    assert all(kill.at_ns < kill.proven_ns < kill.enabled_ns for kill in result.kills)
    assert len(result.received) > KILLS
    assert result.withheld > 0, "kills fell between an order's decision and its departure"
    assert result.sent_after_a_kill == 0


def test_a_gate_that_is_asked_before_the_last_turns_of_the_loop_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(GatedBody, "write_with_length", aiohttp.BytesPayload.write_with_length)
    assert run(KILLS).sent_after_a_kill > 0
