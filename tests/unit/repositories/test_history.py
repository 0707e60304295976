"""What is read back: orders, fills, events, audit, each paged."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest

from lab.journal_records import NOON, Fills, entry, order, risk, state
from market_maker.core.commands import OrderStatus, PositionRow
from market_maker.core.side import Side
from market_maker.repositories.audit import AuditEntry, AuditFilter, AuditRepository
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.orders import OrderRepository
from market_maker.repositories.outbox import OutboxRepository
from market_maker.repositories.paging import Period
from market_maker.repositories.positions import PositionRepository
from market_maker.repositories.states import StateRepository


async def test_every_field_of_a_fill_comes_back_exactly(pool: asyncpg.Pool) -> None:
    made = Fills().next(Side.SELL, "0.123456789012345678", "60000.01", "-0.000000000000000001")
    await JournalStore(pool).write([entry(made)])
    (fill,) = await FillRepository(pool).list("BTC-USDT")
    for name in (
        *("trade_id", "side", "price", "quantity", "fee", "order_id", "client_order_id"),
        *("is_maker", "sequence"),
    ):
        assert getattr(fill, name) == getattr(made, name), name
    assert (fill.symbol, fill.recorded_at) == ("BTC-USDT", NOON)
    assert fill.executed_at.isoformat() == "2025-11-20T12:00:00.000001+00:00"


async def test_fills_are_paged_newest_first_without_gap_or_repetition(pool: asyncpg.Pool) -> None:
    bitcoin, ether = Fills(), Fills()
    for _ in range(7):
        await JournalStore(pool).write([entry(bitcoin.next()), entry(ether.next(), symbol="ETH-USDT")])
    fills = FillRepository(pool)
    seen: list[str] = []
    before: int | None = None
    while page := await fills.list("BTC-USDT", before, limit=3):
        assert len(page) <= 3
        seen += [fill.trade_id for fill in page]
        before = page[-1].id
    assert seen == ["t7", "t6", "t5", "t4", "t3", "t2", "t1"]


async def test_recent_keys_are_the_last_ones_oldest_of_them_first(pool: asyncpg.Pool) -> None:
    fills = Fills()
    sides = [Side.BUY, Side.SELL, Side.SELL, Side.BUY]
    await JournalStore(pool).write([entry(fills.next(side)) for side in sides])
    assert await FillRepository(pool).recent_keys("BTC-USDT", 3) == [
        ("t2", "SELL"),
        ("t3", "SELL"),
        ("t4", "BUY"),
    ]


async def test_a_symbol_without_fills_folds_to_nothing(pool: asyncpg.Pool) -> None:
    assert [fill async for fill in FillRepository(pool).fold_rows("BTC-USDT")] == []
    assert await FillRepository(pool).recent_keys("BTC-USDT", 5) == []


async def test_a_position_that_differs_is_overwritten_by_the_fold(pool: asyncpg.Pool) -> None:
    positions = PositionRepository(pool)
    wrong = PositionRow(Decimal(9), Decimal(9), Decimal(9), Decimal(9), 9, Decimal(9))
    right = PositionRow(Decimal(1), Decimal(100), Decimal(0), Decimal(0), 1, Decimal(100))
    await positions.save({"BTC-USDT": wrong, "ETH-USDT": wrong}, NOON)
    await positions.save({"BTC-USDT": right}, NOON)
    assert await positions.get("BTC-USDT") == right
    assert await positions.get("ETH-USDT") == wrong
    assert await positions.get("ADA-USDT") is None


async def test_open_orders_are_all_that_are_not_final_unknown_ones_too(pool: asyncpg.Pool) -> None:
    entries = [entry(order(f"c{status.value}", status)) for status in OrderStatus]
    entries.append(entry(order("other"), symbol="ETH-USDT"))
    await JournalStore(pool).write(entries)
    orders = OrderRepository(pool)
    live = {status for status in OrderStatus if not status.is_final}
    assert {one.status for one in await orders.open("BTC-USDT")} == live
    assert {one.symbol for one in await orders.open()} == {"BTC-USDT", "ETH-USDT"}
    assert await orders.open("ADA-USDT") == []


async def test_orders_are_paged_newest_first_without_gap_or_repetition(pool: asyncpg.Pool) -> None:
    ids = [f"0197f2d4-0000-7000-8000-{number:012d}" for number in range(7)]
    await JournalStore(pool).write([entry(order(one)) for one in ids])
    await JournalStore(pool).write([entry(order("0197f2d4-0000-7000-8000-000000000003x"), symbol="ETH-USDT")])
    seen: list[str] = []
    before: str | None = None
    while page := await OrderRepository(pool).list("BTC-USDT", before, limit=3):
        seen += [one.client_order_id for one in page]
        before = page[-1].client_order_id
    assert seen == ids[::-1]


async def test_every_field_of_an_order_comes_back_exactly(pool: asyncpg.Pool) -> None:
    made = order("c1", OrderStatus.FILLED)
    await JournalStore(pool).write([entry(made)])
    (stored,) = await OrderRepository(pool).list("BTC-USDT")
    for name in type(made).__dataclass_fields__:
        assert getattr(stored, name) == getattr(made, name), name


async def test_waiting_events_take_turns_and_keep_their_order_within_a_symbol(pool: asyncpg.Pool) -> None:
    busy = [entry(state(), symbol="BUSY") for _ in range(5)]
    quiet = entry(state(), symbol="QUIET")
    await JournalStore(pool).write([*busy, quiet])
    first = await OutboxRepository(pool).unsent(("BUSY", "QUIET"), 3)
    assert [event.symbol for event in first] == ["BUSY", "QUIET", "BUSY"]
    assert [e.event_id for e in first if e.symbol == "BUSY"] == [
        busy[0].event_ids[0],
        busy[1].event_ids[0],
    ]


async def test_a_sent_event_waits_no_more_and_stays_in_the_history(pool: asyncpg.Pool) -> None:
    outbox = OutboxRepository(pool)
    await JournalStore(pool).write([entry(state()), entry(risk(), seconds=60)])
    assert await outbox.pending_count() == 2
    first = (await outbox.unsent(["BTC-USDT"], 10))[0]
    sent_at = NOON + timedelta(seconds=91)
    assert await outbox.mark_sent([first.id], sent_at) == 1
    assert await outbox.mark_sent([first.id], sent_at + timedelta(days=1)) == 0
    assert await outbox.pending_count() == 1
    newest, oldest = await outbox.list("BTC-USDT")
    assert (newest.topic, newest.sent_at) == ("mm.risk.triggered.v1", None)
    assert (oldest.topic, oldest.sent_at) == ("mm.state.changed.v1", sent_at)
    assert await outbox.list("BTC-USDT", before_id=oldest.id) == []
    [killed] = await outbox.of_topic("mm.risk.triggered.v1", None)
    assert killed == newest
    assert await outbox.of_topic("mm.risk.triggered.v1", "ETH-USDT") == []


async def test_history_is_read_by_period_too(pool: asyncpg.Pool) -> None:
    fills = Fills()
    for second in (0, 60, 120):
        await JournalStore(pool).write([entry(fills.next(), seconds=second), entry(state(), seconds=second)])
        await JournalStore(pool).write([entry(order(f"c{second}"), seconds=second)])
    minute = Period(NOON + timedelta(seconds=60), NOON + timedelta(seconds=120))
    (event,) = await OutboxRepository(pool).list("BTC-USDT", period=minute)
    (one,) = await OrderRepository(pool).list("BTC-USDT", period=minute)
    assert (event.created_at, one.client_order_id) == (minute.since, "c60")
    (fill,) = await FillRepository(pool).list("BTC-USDT", limit=1)
    executed = Period(fill.executed_at, fill.executed_at + timedelta(microseconds=1))
    assert fill in await FillRepository(pool).list("BTC-USDT", period=executed)
    assert (
        await FillRepository(pool).list("BTC-USDT", period=Period(until=fill.executed_at - timedelta(days=1)))
        == []
    )


async def test_the_audit_is_read_by_actor_route_and_period(pool: asyncpg.Pool) -> None:
    audit = AuditRepository(pool)
    bob = replace(audited(), actor="bob", route="POST /v1/mm/emergency/kill", at=NOON + timedelta(hours=1))
    await audit.append([audited(), bob])
    for wanted in (AuditFilter(actor="bob"), AuditFilter(route="POST /v1/mm/emergency/kill")):
        assert [one.actor for _, one in await audit.list(wanted)] == ["bob"]
    later = Period(since=NOON + timedelta(minutes=1))
    assert [one.actor for _, one in await audit.list(period=later)] == ["bob"]
    assert await audit.list(AuditFilter(actor="nobody")) == []


async def test_an_empty_outbox_has_nothing_to_send(pool: asyncpg.Pool) -> None:
    assert await OutboxRepository(pool).unsent(["BTC-USDT"], 10) == []


async def test_a_symbol_that_never_had_a_transition_has_no_stored_state(pool: asyncpg.Pool) -> None:
    assert await StateRepository(pool).load_all() == {}
    assert await StateRepository(pool).get("BTC-USDT") is None


def audited(symbol: str | None = "BTC-USDT", entry_id: UUID | None = None) -> AuditEntry:
    return AuditEntry(
        entry_id=entry_id or uuid4(),
        at=NOON,
        actor="alice",
        roles=("mm:operate", "mm:read"),
        route="PUT /v1/mm-configs/{symbol}",
        symbol=symbol,
        before=None,
        after={"base_spread_bps": "12.5", "levels": [1, None], "odd\x00": "\ud800"},
        why="wider \x00 for the night",
    )


async def test_an_audit_entry_comes_back_and_is_kept_once(pool: asyncpg.Pool) -> None:
    audit = AuditRepository(pool)
    made = audited()
    everywhere = audited(symbol=None)
    assert await audit.append([made, everywhere]) == 2
    assert await audit.append([made]) == 0
    ((row_id, stored),) = await audit.list(AuditFilter("BTC-USDT"))
    assert (stored.entry_id, stored.at, stored.actor, stored.roles, stored.before) == (
        *(made.entry_id, made.at, made.actor, made.roles, None),
    )
    assert stored.after == {"base_spread_bps": "12.5", "levels": [1, None], "odd\ufffd": "?"}
    assert stored.why == "wider \ufffd for the night"
    assert [one.symbol for _, one in await audit.list()] == [None, "BTC-USDT"]
    assert await audit.list(AuditFilter("BTC-USDT"), before_id=row_id) == []


@pytest.mark.parametrize(
    "change", ["UPDATE mm_audit SET actor = 'bob'", "DELETE FROM mm_audit", "TRUNCATE mm_audit"]
)
async def test_nobody_changes_or_removes_an_audit_entry(pool: asyncpg.Pool, change: str) -> None:
    await AuditRepository(pool).append([audited()])
    with pytest.raises(asyncpg.RaiseError, match="mm_audit is append-only"):
        await pool.execute(change)
    assert [one.actor for _, one in await AuditRepository(pool).list()] == ["alice"]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
async def test_a_page_of_no_or_too_many_rows_is_refused(pool: asyncpg.Pool, limit: int) -> None:
    with pytest.raises(ValueError, match="limit must be 1 to 10000"):
        await FillRepository(pool).list("BTC-USDT", limit=limit)
