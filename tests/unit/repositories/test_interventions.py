"""A symbol is taken away from a lost instance and HALTED in one transaction, with a chain of events."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from market_maker.core.commands import (
    OrderStatus,
    PositionRow,
    Record,
    RecordFill,
    RecordOrder,
    RecordRisk,
    RecordState,
)
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.repositories.errors import DatabaseUnavailableError
from market_maker.repositories.executor import Database
from market_maker.repositories.interventions import Holder, InterventionRepository, Loss
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.outbox import OutboxRepository
from market_maker.repositories.owners import OwnerRepository, Release
from market_maker.repositories.states import StateRepository

BTC, ETH = "BTCUSDT", "ETHUSDT"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LOST = Loss("lost-1", "lost-1 silent for 3.2 s", "3s")


@pytest.fixture
async def store(pool: asyncpg.Pool) -> InterventionRepository:
    """BTCUSDT and ETHUSDT belong to the lost instance."""
    await OwnerRepository(Database(pool)).claim([BTC, ETH], "lost-1")
    return InterventionRepository(Database(pool))


def state(before: State, after: State, reason: str = "test", kill: KillReason | None = None) -> RecordState:
    return RecordState(before, after, reason, "alice", kill, Decimal("12.5"), rebase_pending=True)


async def write(pool: asyncpg.Pool, *records: Record, symbol: str = BTC, epoch: int = 1) -> bool:
    """Write as the owner does; whether it was written."""
    result = await JournalStore(pool).write([JournalEntry(symbol, records, NOW, epoch=epoch)])
    return not result.stale


async def events(pool: asyncpg.Pool, symbol: str = BTC) -> list[tuple[str, dict[str, Any]]]:
    """Topic and payload of every event, oldest first."""
    listed = await OutboxRepository(Database(pool)).list(symbol)
    return [(event.topic, event.payload) for event in reversed(listed)]


async def test_holders_are_those_who_may_still_send(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    await OwnerRepository(Database(pool)).release([Release(ETH, 1, resume=False)])
    assert await store.holders() == {BTC: Holder(1, "lost-1")}
    await store.take_away(BTC, LOST, 1, NOW)
    assert await store.holders() == {BTC: Holder(2, None)}


async def test_a_symbol_is_taken_away_halted_and_told_in_one_chain(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    order = RecordOrder(
        "c-1", "x-1", Side.BUY, 0, Decimal(60000), Decimal(1), Decimal(0), OrderStatus.OPEN, ""
    )
    position = PositionRow(Decimal("0.5"), Decimal(30000), Decimal("20"), Decimal(0), 1, Decimal(30000))
    fill = RecordFill(
        trade_id="t-1",
        side=Side.BUY,
        price=Decimal(60000),
        quantity=Decimal("0.5"),
        fee=Decimal(0),
        order_id="x-2",
        client_order_id="c-2",
        is_maker=True,
        sequence=1,
        executed_at_us=0,
        after=position,
    )
    assert await write(pool, state(State.PAUSED, State.ACTIVE, "enable"), order, fill)
    assert await store.take_away(BTC, LOST, 1, NOW) == Holder(2, None)
    stored = await StateRepository(Database(pool)).get(BTC)
    assert stored is not None
    assert (stored.state, stored.kill_reason, stored.actor) == (State.HALTED, KillReason.OWNER_LOST, "guard")
    assert stored.reason == "OWNER_LOST: lost-1 silent for 3.2 s"
    assert (stored.pnl_baseline, stored.rebase_pending, stored.version) == (Decimal("12.5"), True, 2)
    assert await events(pool) == [
        (
            "mm.state.changed.v1",
            {"symbol": BTC, "from": "PAUSED", "to": "ACTIVE", "reason": "enable", "actor": "alice"},
        ),
        (
            "mm.state.changed.v1",
            {
                "symbol": BTC,
                "from": "ACTIVE",
                "to": "HALTED",
                "reason": "OWNER_LOST: lost-1 silent for 3.2 s",
                "actor": "guard",
            },
        ),
        (
            "mm.risk.triggered.v1",
            {
                "symbol": BTC,
                "reason": "OWNER_LOST",
                "measured": "lost-1 silent for 3.2 s",
                "threshold": "3s",
                "position": "0.5",
                "pnl": "7.5",
                "open_orders": 1,
                "action": "cancel all, HALTED",
            },
        ),
    ]


async def test_a_symbol_that_never_had_a_transition_goes_from_paused_to_halted(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    await store.take_away(BTC, LOST, 1, NOW)
    [(_, changed), (_, risk)] = await events(pool)
    assert (changed["from"], changed["to"], risk["position"], risk["pnl"]) == ("PAUSED", "HALTED", "0", "0")


async def test_a_halted_symbol_keeps_its_reason_and_nothing_is_told(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    risk = RecordRisk(KillReason.LOSS_BREACH, "m", "t", Decimal(0), Decimal(0), 0, "a")
    await write(pool, state(State.ACTIVE, State.HALTED, "loss", KillReason.LOSS_BREACH), risk)
    before = await events(pool)
    assert await store.take_away(BTC, LOST, 1, NOW) == Holder(2, None)
    stored = await StateRepository(Database(pool)).get(BTC)
    assert stored is not None
    assert (stored.kill_reason, stored.reason) == (KillReason.LOSS_BREACH, "loss")
    assert await events(pool) == before


async def test_what_the_lost_instance_still_writes_changes_nothing(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    await store.take_away(BTC, LOST, 1, NOW)
    before = await events(pool)
    assert not await write(pool, state(State.PAUSED, State.ACTIVE))
    assert await write(pool, state(State.PAUSED, State.ACTIVE), symbol=ETH)
    assert await events(pool) == before


async def test_two_guards_at_once_halt_a_symbol_once(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    holders = await asyncio.gather(*(store.take_away(BTC, LOST, 1, NOW) for _ in range(2)))
    assert holders == [Holder(2, None)] * 2
    assert len(await events(pool)) == 2


@pytest.mark.parametrize("epoch", [1, None])
async def test_a_symbol_that_somebody_else_has_taken_is_left_to_him(
    pool: asyncpg.Pool, store: InterventionRepository, epoch: int | None
) -> None:
    await OwnerRepository(Database(pool)).claim([BTC], "other-1")
    assert await store.take_away(BTC, LOST, epoch, NOW) == Holder(2, "other-1")
    assert await events(pool) == []


@pytest.mark.parametrize("epoch", [1, None])
async def test_a_symbol_that_was_given_up_in_order_is_left_alone(
    pool: asyncpg.Pool, store: InterventionRepository, epoch: int | None
) -> None:
    await OwnerRepository(Database(pool)).release([Release(BTC, 1, resume=True)])
    assert await store.take_away(BTC, LOST, epoch, NOW) is None
    assert await events(pool) == []


async def test_an_instance_that_has_taken_its_symbol_anew_keeps_it(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    await OwnerRepository(Database(pool)).claim([BTC], "lost-1")
    assert await store.take_away(BTC, LOST, 1, NOW) == Holder(2, "lost-1")
    assert await events(pool) == []


async def test_without_an_epoch_a_symbol_is_taken_at_the_one_it_has(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    assert await store.take_away(BTC, LOST, None, NOW) == Holder(2, None)
    assert len(await events(pool)) == 2


async def test_a_halt_that_cannot_be_written_leaves_the_symbol_where_it_was(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    await pool.execute("ALTER TABLE outbox ADD CHECK (topic <> 'mm.risk.triggered.v1')")
    with pytest.raises(Exception, match="PostgreSQL refuses"):
        await store.take_away(BTC, LOST, 1, NOW)
    assert await store.holders() == {BTC: Holder(1, "lost-1"), ETH: Holder(1, "lost-1")}
    assert await events(pool) == []


async def test_a_stopped_owner_in_the_middle_of_a_transaction_does_not_hold_the_guard_for_long(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    async with pool.acquire() as stopped, stopped.transaction():
        await stopped.execute("SELECT * FROM mm_owners WHERE symbol = $1 FOR SHARE", BTC)
        began = datetime.now(UTC)
        with pytest.raises(DatabaseUnavailableError, match="lock"):
            await store.take_away(BTC, LOST, 1, NOW)
        assert datetime.now(UTC) - began < timedelta(seconds=5)
    assert await store.take_away(BTC, LOST, 1, NOW) == Holder(2, None)


async def test_an_instance_of_which_nothing_is_left_is_forgotten(
    pool: asyncpg.Pool, store: InterventionRepository
) -> None:
    await OwnerRepository(Database(pool)).beat("lost-1")
    assert await store.beats() == {"lost-1": 1}
    await store.forget_instance("lost-1")
    assert await store.beats() == {}
