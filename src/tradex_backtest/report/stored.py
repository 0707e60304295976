"""Reads the figures of a period from the service's database; it writes nothing.

Results are those of full minutes (`mm_pnl`), and so is how ACTIVE time was spent (`mm_quoting_time`). The
queue before orders is not stored, and is None.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from market_maker.core.instrument import EXACT
from market_maker.core.results import Markout, Parts
from market_maker.core.states import State
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.executor import Executor
from market_maker.repositories.fills import FillRecord, FillRepository
from market_maker.repositories.journal_batch import STATE_TOPIC
from market_maker.repositories.markouts import MarkoutRepository, StoredMid
from market_maker.repositories.orders import OrderRecord, OrderRepository
from market_maker.repositories.outbox import OutboxEvent, OutboxRepository
from market_maker.repositories.paging import PAGE_ROWS_MAX, Period
from market_maker.repositories.pnl import Earned, PnlRepository
from market_maker.repositories.quoting_time import quoting_time
from market_maker.repositories.wall_time import microseconds
from tradex_backtest.report.figures import FillFigures, Point, Subject, TimeShare
from tradex_backtest.report.stored_orders import InnermostOrders, order_figures, standings, two_sided_us

UNKNOWN = "not recorded"
Span = tuple[int, int, str, str]
"""Began and ended (microseconds), state, reason."""


async def stored_symbols(db: Executor) -> list[str]:
    """Every symbol that is configured."""
    return [record.config.symbol for record in await ConfigRepository(db).list()]


async def stored_subject(db: Executor, symbol: str, since: datetime, until: datetime) -> Subject:
    """One symbol in a period."""
    period = Period(since, until)
    fills = await _fills(db, symbol, period)
    orders = await _orders(db, symbol, period)
    earned = await PnlRepository(db).earned(symbol, since, until, "minute")
    spans = await _spans(db, symbol, since, until)
    told = standings(await OrderRepository(db).rested(symbol, since, until), until)
    active = [span for span in spans if span[2] == State.ACTIVE.value]
    active_us = sum(ended - began for began, ended, *_ in active)
    two_sided = sum(two_sided_us(told, began, ended) for began, ended, *_ in active)
    figures = await _figures(db, symbol, fills)
    points = _points(earned, told)
    return Subject(
        name=symbol,
        symbol=symbol,
        source="database",
        model=None,
        config={},
        state=spans[-1][2],
        state_reason=spans[-1][3],
        began_us=microseconds(since),
        ended_us=microseconds(until),
        parts=points[-1].parts if points else Parts(),
        volume=sum((fill.notional for fill in figures), Decimal(0)),
        fills=figures,
        orders=order_figures(orders),
        two_sided_share=two_sided / active_us if active_us else None,
        points=points,
        time=_shares(spans, await quoting_time(db, symbol, since, until)),
    )


async def _fills(db: Executor, symbol: str, period: Period) -> list[FillRecord]:
    """Oldest first."""
    repository, found = FillRepository(db), list[FillRecord]()
    before: int | None = None
    while page := await repository.list(symbol, before, PAGE_ROWS_MAX, period):
        found += page
        before = page[-1].id
    return found[::-1]


async def _orders(db: Executor, symbol: str, period: Period) -> list[OrderRecord]:
    repository, found = OrderRepository(db), list[OrderRecord]()
    before: str | None = None
    while page := await repository.list(symbol, before, PAGE_ROWS_MAX, period):
        found += page
        before = page[-1].client_order_id
    return found


async def _figures(db: Executor, symbol: str, fills: Sequence[FillRecord]) -> tuple[FillFigures, ...]:
    repository = MarkoutRepository(db)
    found: list[FillFigures] = []
    for start in range(0, len(fills), PAGE_ROWS_MAX):
        page = fills[start : start + PAGE_ROWS_MAX]
        mids = await repository.of_fills(symbol, [(fill.trade_id, fill.side) for fill in page])
        found += [_figure(fill, mids[fill.trade_id, fill.side]) for fill in page]
    return tuple(found)


def _figure(fill: FillRecord, mids: Sequence[StoredMid]) -> FillFigures:
    markouts = [
        Markout(
            fill.trade_id, fill.side, fill.level, fill.price, fill.quantity, stored.horizon_ms, stored.mid
        )
        for stored in mids
    ]
    known = {markout.horizon_ms: usdt for markout in markouts if (usdt := markout.usdt) is not None}
    return FillFigures.of(fill, microseconds(fill.executed_at), known)


def _points(earned: Sequence[Earned], told: Sequence[InnermostOrders]) -> tuple[Point, ...]:
    """One at each minute's end: the result since the period began, and the position at its price."""
    standing_times = [standing.at_us for standing in told]
    found: list[Point] = []
    sums = Parts()
    for minute in earned:
        sums = Parts(
            EXACT.add(sums.spread, minute.parts.spread),
            EXACT.add(sums.inventory, minute.parts.inventory),
            EXACT.add(sums.fees, minute.parts.fees),
        )
        at_us = microseconds(minute.since) + 60_000_000
        inventory = Decimal(0) if not minute.position else None
        if minute.mid is not None:
            inventory = EXACT.multiply(minute.position, minute.mid)
        stands = bisect_right(standing_times, at_us) - 1
        spread = None if stands < 0 else told[stands].spread_bps
        found.append(Point(at_us, sums, inventory, spread))
    return tuple(found)


async def _spans(db: Executor, symbol: str, since: datetime, until: datetime) -> list[Span]:
    """The states of the period in order, from its begin to its end; what was before any record is unknown."""
    repository = OutboxRepository(db)
    changes = await _changes(repository, symbol, Period(since, until))
    earlier = await _changes(repository, symbol, Period(None, since), only_latest=True)
    state = _state(earlier[0]) if earlier else (UNKNOWN, UNKNOWN)
    at_us = microseconds(since)
    spans: list[Span] = []
    for change in reversed(changes):
        changed_us = microseconds(change.created_at)
        spans.append((at_us, changed_us, *state))
        at_us, state = changed_us, _state(change)
    spans.append((at_us, microseconds(until), *state))
    return spans


async def _changes(
    repository: OutboxRepository, symbol: str, period: Period, *, only_latest: bool = False
) -> list[OutboxEvent]:
    """Changes of state, newest first."""
    found: list[OutboxEvent] = []
    before: int | None = None
    while page := await repository.list(symbol, before, PAGE_ROWS_MAX, period):
        found += [event for event in page if event.topic == STATE_TOPIC]
        before = page[-1].id
        if only_latest and found:
            break
    return found


def _state(change: OutboxEvent) -> tuple[str, str]:
    return change.payload["to"], change.payload["reason"]


def _shares(spans: Sequence[Span], quoted: Mapping[str, int]) -> tuple[TimeShare, ...]:
    """ACTIVE time by reason; what of it is in no minute (none was full, no process ran) is not recorded."""
    active = State.ACTIVE.value
    sums: Counter[tuple[str, str]] = Counter({(active, reason): us for reason, us in quoted.items()})
    sums[active, UNKNOWN] = -sum(quoted.values())
    for began_us, ended_us, state, reason in spans:
        sums[state, UNKNOWN if state == active else reason] += ended_us - began_us
    sums = +sums
    ordered = sorted(sums.items(), key=lambda item: -item[1])
    return tuple(TimeShare(state, reason, spent / 1e6) for (state, reason), spent in ordered)
