import asyncio
import logging

import pytest

from lab.api import Api, eventually
from lab.desk import FakeDesk
from market_maker.api import audit
from market_maker.api.audit import AuditTrail, entry
from market_maker.api.security import Principal, Role
from market_maker.repositories.audit import AuditEntry

BTC = "/v1/mm-configs/BTC-USDT"
ALICE = Principal("alice", frozenset({Role.OPERATE}))


def one(symbol: str) -> AuditEntry:
    return entry(ALICE, "POST /x", symbol, before=None, after=None, why="test")


async def test_a_change_records_who_what_before_after_and_why(api: Api, desk: FakeDesk) -> None:
    await api.put(BTC, {"num_levels": 2})
    [row] = desk.trail
    assert (row.actor, row.route, row.symbol, row.why) == (
        "anonymous",
        "PUT /v1/mm-configs/{symbol}",
        "BTC-USDT",
        "updated",
    )
    assert row.roles == ("mm:emergency", "mm:operate", "mm:read", "mm:risk")
    assert row.before is not None
    assert row.after is not None
    assert (row.before["num_levels"], row.after["num_levels"]) == (1, 2)


async def test_create_and_delete_are_recorded(api: Api, desk: FakeDesk) -> None:
    await api.post("/v1/mm-configs", {"symbol": "SOL-USDT"})
    await api.delete("/v1/mm-configs/SOL-USDT")
    created, deleted = desk.trail
    assert (created.before, deleted.after) == (None, None)
    assert created.after == deleted.before
    assert created.after is not None


async def test_control_is_recorded_also_when_refused(api: Api, desk: FakeDesk) -> None:
    await api.post(f"{BTC}/resume", {"reason": "try"})
    [row] = desk.trail
    assert (row.before, row.why) == ({"state": "PAUSED"}, "try")
    assert row.after is not None
    assert row.after["accepted"] is False


async def test_a_kill_is_recorded_for_each_symbol_after_the_answer(api: Api, desk: FakeDesk) -> None:
    await api.post("/v1/mm/emergency/kill", {"reason": "drill"})
    await eventually(lambda: len(desk.trail) == 2)
    assert [(row.symbol, row.before) for row in desk.trail] == [
        ("BTC-USDT", {"state": "PAUSED"}),
        ("ETH-USDT", {"state": "PAUSED"}),
    ]


async def test_a_rebase_of_pnl_is_in_the_record(api: Api, desk: FakeDesk) -> None:
    await api.post("/v1/mm/reset", {"reason": "new day", "rebase_pnl": True})
    assert desk.trail[0].why == "new day (P&L rebased)"


async def test_reading_records_nothing(api: Api, desk: FakeDesk) -> None:
    await api.get(f"{BTC}/status")
    await api.get("/v1/mm-configs")
    assert desk.trail == []


async def test_entries_wait_for_the_database_and_keep_their_order(desk: FakeDesk) -> None:
    trail = AuditTrail(desk, retry_after_s=0.001)
    trail.start()
    desk.database_up = False
    assert await trail.record([one("A")]) == "pending"
    desk.database_up = True
    assert await trail.record([one("B")]) == "pending"
    await eventually(lambda: trail.pending == 0)
    assert [row.symbol for row in desk.trail] == ["A", "B"]
    await trail.close()


async def test_a_database_that_never_answers_does_not_hold_the_call(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(entries: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk, "audit", stuck)
    monkeypatch.setattr(audit, "ATTEMPT_TIMEOUT_S", 0.01)
    assert await AuditTrail(desk).record([one("A")]) == "pending"


async def test_closing_writes_what_still_waits(desk: FakeDesk) -> None:
    trail = AuditTrail(desk)
    trail.record_later([one("A")])
    await trail.close()
    assert [row.symbol for row in desk.trail] == ["A"]


async def test_what_cannot_be_written_at_the_end_is_logged_whole(
    desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    trail = AuditTrail(desk)
    desk.database_up = False
    trail.record_later([one("LOST-1")])
    with caplog.at_level(logging.ERROR):
        await trail.close()
    assert "LOST-1" in caplog.text
    assert "alice" in caplog.text


async def test_waiting_entries_are_bounded_and_the_oldest_goes_to_the_log(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "PENDING_MAX", 2)
    trail = AuditTrail(desk)
    with caplog.at_level(logging.ERROR):
        trail.record_later([one("OLD"), one("A"), one("B")])
    assert trail.pending == 2
    assert "OLD" in caplog.text
