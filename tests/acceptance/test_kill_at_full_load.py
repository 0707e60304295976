"""Kills while orders are leaving: the benchmark's run, short, and judged by what the exchange received."""

import asyncio
from collections.abc import Callable

import pytest
from benchmarks.bench_kill import run

from market_maker.clients.connection import Broken, Connection, HttpReply

KILLS = 50
LATER_S = 0.002


def test_no_new_order_leaves_after_a_kill_at_full_quoting_load() -> None:
    result = run(KILLS)
    assert len(result.kills) == KILLS
    assert all(0 < kill.at_ns <= kill.left_ns < kill.enabled_ns for kill in result.kills)
    assert all(kill.at_ns < kill.proven_ns < kill.enabled_ns for kill in result.kills)
    assert len(result.received) > KILLS
    assert result.sent_after_a_kill == 0


def test_orders_that_leave_some_turns_after_their_gate_was_asked_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send = Connection.send

    def later(connection: Connection, request: bytes, heard: Callable[[HttpReply | Broken], None]) -> None:
        if request.startswith(b"POST"):
            asyncio.get_running_loop().call_later(LATER_S, send, connection, request, heard)
        else:
            send(connection, request, heard)

    monkeypatch.setattr(Connection, "send", later)
    assert run(KILLS).sent_after_a_kill > 0
