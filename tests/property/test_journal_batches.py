"""However the journal cuts its entries into batches, and whichever it repeats, the tables are the same."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.folding import fold

from lab.journal_records import NOON, Fills, order, risk, state
from market_maker.core.commands import OrderStatus, Record, RecordFill, RecordOrder, RecordState
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.orders import OrderRepository
from market_maker.repositories.outbox import OutboxRepository
from market_maker.repositories.positions import PositionRepository
from market_maker.repositories.states import StateRepository

Item = TypeVar("Item")

BASE_SUM = "SELECT sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) FROM mm_fills WHERE symbol = $1"
"""A second opinion on the fold, by SQL alone."""
_symbols = (f"S{number}" for number in itertools.count())


@st.composite
def records(draw: st.DrawFn) -> tuple[Record, ...]:
    """What the engine of one symbol might record in a few steps."""
    fills = Fills()
    made: list[Record] = []
    for kind in draw(st.lists(st.sampled_from("forsk"), min_size=1, max_size=25)):
        if kind == "f":
            quantity = f"{draw(st.integers(1, 10**9))}e-8"
            made.append(fills.next(draw(st.sampled_from(Side)), quantity, fee="0.00001"))
        elif kind == "r":
            made.append(risk())
        elif kind == "s":
            made.append(state(draw(st.sampled_from(State))))
        else:
            made.append(order(draw(st.sampled_from("abc")), draw(st.sampled_from(OrderStatus))))
    return tuple(made)


@given(
    made=records(),
    records_per_entry=st.integers(1, 4),
    entries_per_batch=st.lists(st.integers(1, 6), min_size=1),
    writes=st.lists(st.integers(1, 3), min_size=1),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_batches_and_repetitions_do_not_show_in_the_tables(
    pool: asyncpg.Pool,
    made: tuple[Record, ...],
    records_per_entry: int,
    entries_per_batch: list[int],
    writes: list[int],
) -> None:
    symbol = next(_symbols)
    entries = [
        JournalEntry(symbol, tuple(prefixed(symbol, one) for one in chunk), NOON + timedelta(seconds=number))
        for number, chunk in enumerate(chunks(made, itertools.repeat(records_per_entry)))
    ]
    times = itertools.cycle(writes)
    for batch in chunks(entries, itertools.cycle(entries_per_batch)):
        for _ in range(next(times)):
            await JournalStore(pool).write(batch)
    await check_fills(pool, symbol, [one for one in made if isinstance(one, RecordFill)])
    await check_orders(pool, symbol, [one for one in made if isinstance(one, RecordOrder)])
    await check_states(pool, symbol, [one for one in made if isinstance(one, RecordState)])
    events = await OutboxRepository(pool).list(symbol)
    assert [one.event_id for one in reversed(events)] == [e for one in entries for e in one.event_ids]


async def check_fills(pool: asyncpg.Pool, symbol: str, expected: list[RecordFill]) -> None:
    stored = [fill async for fill in FillRepository(pool).fold_rows(symbol, page_rows=4)]
    listed = await FillRepository(pool).list(symbol)
    assert [fill.trade_id for fill in reversed(listed)] == [one.trade_id for one in expected]
    position = await PositionRepository(pool).get(symbol)
    assert position == (expected[-1].after if expected else None)
    if position is not None:
        assert position == fold(stored)
        assert await pool.fetchval(BASE_SUM, symbol) == position.position


async def check_orders(pool: asyncpg.Pool, symbol: str, expected: list[RecordOrder]) -> None:
    last: dict[str, OrderStatus] = {}
    for one in expected:
        if one.status.is_final or not last.get(one.client_order_id, one.status).is_final:
            last[one.client_order_id] = one.status
    stored = await OrderRepository(pool).list(symbol)
    assert {one.client_order_id: one.status for one in stored} == {
        f"{symbol}-{client_order_id}": status for client_order_id, status in last.items()
    }


async def check_states(pool: asyncpg.Pool, symbol: str, expected: list[RecordState]) -> None:
    stored = await StateRepository(pool).get(symbol)
    if not expected:
        assert stored is None
        return
    assert stored is not None
    assert (stored.state, stored.version) == (expected[-1].to_state, len(expected))


def prefixed(symbol: str, record: Record) -> Record:
    """Order ids are unique over all symbols."""
    if isinstance(record, RecordOrder):
        return order(f"{symbol}-{record.client_order_id}", record.status)
    return record


def chunks(items: Sequence[Item], sizes: Iterator[int]) -> Iterator[Sequence[Item]]:
    start = 0
    while start < len(items):
        size = next(sizes)
        yield items[start : start + size]
        start += size
