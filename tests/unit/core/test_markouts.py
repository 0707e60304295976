"""Which markouts a fill gives, when, and why it may have none."""

from decimal import Decimal

import pytest

from market_maker.core.ledger.markouts import HORIZONS_MS, NEVER_NS, WAITING_MAX, Markouts, Watched
from market_maker.core.results import Markout, Missing
from market_maker.core.side import Side

SECOND_NS = 1_000_000_000
NOW_NS = 1_000 * SECOND_NS
NOW_US = NOW_NS // 1_000


def fill(trade: str = "t1", side: Side = Side.BUY, age_ms: int = 0) -> Watched:
    return Watched(trade, side, 0, Decimal(1000), Decimal("0.5"), NOW_US - age_ms * 1_000)


def taken(markouts: Markouts, mid: str = "1001") -> list[Markout]:
    found = []
    while markouts.due_ns < NEVER_NS:
        found.append(markouts.take(Decimal(mid)))
    return found


def test_a_fill_is_due_at_each_horizon_after_its_execution() -> None:
    markouts = Markouts()
    assert markouts.watch(fill(), NOW_NS, NOW_US) == ()
    due = []
    while markouts.due_ns < NEVER_NS:
        due.append(markouts.due_ns - NOW_NS)
        markouts.take(Missing.STALE)
    assert due == [horizon * 1_000_000 for horizon in HORIZONS_MS]


def test_horizons_count_from_the_execution_not_from_hearing_of_it() -> None:
    markouts = Markouts()
    markouts.watch(fill(age_ms=40), NOW_NS, NOW_US)
    assert markouts.due_ns == NOW_NS + 60_000_000


def test_a_fill_from_the_future_counts_from_when_it_was_heard_of() -> None:
    markouts = Markouts()
    markouts.watch(fill(age_ms=-5_000), NOW_NS, NOW_US)
    assert markouts.due_ns == NOW_NS + 100_000_000


def test_horizons_that_are_over_when_a_fill_is_heard_of_are_missing_and_say_why() -> None:
    markouts = Markouts()
    lost = markouts.watch(fill(age_ms=1_000), NOW_NS, NOW_US)
    assert [(one.horizon_ms, one.missing) for one in lost] == [(100, Missing.LATE), (1_000, Missing.LATE)]
    assert [one.horizon_ms for one in taken(markouts)] == [10_000, 60_000]
    lost = markouts.watch(fill(age_ms=70_000), NOW_NS, NOW_US, Missing.RESTART)
    assert {one.missing for one in lost} == {Missing.RESTART}
    assert len(lost) == len(HORIZONS_MS)


def test_fills_come_up_in_the_order_of_time_not_of_hearing() -> None:
    markouts = Markouts()
    markouts.watch(fill("late", age_ms=950), NOW_NS, NOW_US)
    markouts.watch(fill("new"), NOW_NS, NOW_US)
    assert [(one.trade_id, one.horizon_ms) for one in taken(markouts)][:3] == [
        ("late", 1_000),
        ("new", 100),
        ("new", 1_000),
    ]


def test_what_is_beyond_the_bound_is_missing_and_nothing_is_lost() -> None:
    markouts = Markouts()
    lost: list[Markout] = []
    fills = WAITING_MAX // len(HORIZONS_MS) + 3
    for number in range(fills):
        lost += markouts.watch(fill(f"t{number}"), NOW_NS, NOW_US)
    assert len(markouts) == WAITING_MAX
    assert {one.missing for one in lost} == {Missing.OVERFLOW}
    assert len(lost) + len(taken(markouts)) == fills * len(HORIZONS_MS)


@pytest.mark.parametrize(
    ("side", "mid", "usdt", "bps"),
    [
        (Side.BUY, "1001", "0.5", "10.0000"),
        (Side.BUY, "999.5", "-0.25", "-5.0000"),
        (Side.SELL, "1001", "-0.5", "-10.0000"),
        (Side.SELL, "1000", "0", "0.0000"),
    ],
)
def test_a_markout_is_what_the_price_did_for_us(side: Side, mid: str, usdt: str, bps: str) -> None:
    markouts = Markouts()
    markouts.watch(fill(side=side), NOW_NS, NOW_US)
    first = taken(markouts, mid)[0]
    assert (first.usdt, first.bps) == (Decimal(usdt), Decimal(bps))


def test_a_missing_markout_has_no_amount() -> None:
    markouts = Markouts()
    markouts.watch(fill(), NOW_NS, NOW_US)
    first = markouts.take(Missing.UNCERTAIN)
    assert (first.mid, first.usdt, first.bps, first.missing) == (None, None, None, Missing.UNCERTAIN)
