"""The simulator must find what is planted: each bug within 300 seeds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from market_maker.actors.tenure import Tenure
from market_maker.core import events as ev
from market_maker.core.applied import Applied
from market_maker.core.book.own_share import Resident
from market_maker.core.commands import OrderStatus
from market_maker.core.engine import answers, fills, sending
from market_maker.core.engine.engine import HANDLERS
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.events import RequestOutcome
from market_maker.core.ledger.attribution import Attribution
from market_maker.core.orders.order_tracker import OrderTracker
from market_maker.core.orders.requote import SidePlan, Tolerance, plan_side
from market_maker.core.risk import pre_trade_check as risk
from market_maker.core.side import Side
from simulation.runner import Result, run_seed
from simulation.shrink import Shrinker

SEEDS_MAX = 300

Plant = Callable[[pytest.MonkeyPatch], None]


def a_limit_ignores_unknown_orders(patch: pytest.MonkeyPatch) -> None:
    def open_lots(tracker: OrderTracker, side: Side) -> int:
        orders = (order for order in tracker if order.side is side)
        return sum(order.open_lots for order in orders if order.status is not OrderStatus.UNKNOWN)

    patch.setattr(OrderTracker, "open_lots", open_lots)


def a_kill_forgets_late_sends(patch: pytest.MonkeyPatch) -> None:
    def on_place(symbol: Symbol, event: ev.PlaceAnswer, out: Out) -> None:
        order = symbol.orders.get(event.client_order_id)
        if symbol.kill is not None and event.outcome is RequestOutcome.OK and order is not None:
            symbol.orders.identify(order, event.order_id, symbol.instrument)
        else:
            answers.on_place(symbol, event, out)

    patch.setitem(HANDLERS, ev.PlaceAnswer, on_place)


def a_fill_counts_twice(patch: pytest.MonkeyPatch) -> None:
    def on_execution(symbol: Symbol, event: ev.Execution, out: Out) -> None:
        symbol.trade_keys.pop((event.trade_id, event.side.value), None)
        symbol.applied = None
        fills.on_execution(symbol, event, out)

    patch.setitem(HANDLERS, ev.Execution, on_execution)


def an_order_counts_as_shown_from_the_moment_it_is_meant(patch: pytest.MonkeyPatch) -> None:
    def shown(resident: Resident, _book_us: int, _touched_us: int) -> tuple[int, int]:
        left = max(0, resident.lots - sum(lots for _, lots in resident.fills))
        return (0, 0) if resident.ended_us is not None else (left, left)

    patch.setattr(Resident, "shown", shown)


def a_too_passive_order_goes_without_a_send_left(patch: pytest.MonkeyPatch) -> None:
    def plan(*given: Any) -> SidePlan:
        decided = plan_side(*given)
        return decided._replace(cancel=decided.cancel + decided.waiting, waiting=())

    patch.setattr(sending, "plan_side", plan)


def a_too_aggressive_order_waits_for_its_replacement(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tolerance, "too_aggressive", lambda _tolerance, _order, _level: False)


def new_orders_may_use_the_whole_position_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(risk, "_less", lambda value, _percent: value)


def a_place_in_the_stream_covers_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Applied, "covers", lambda _applied, _event: False)


def a_place_in_the_stream_covers_what_is_new(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Applied, "covers", lambda _applied, event: event.source is not None)


def cancels_of_our_own_wait_for_postgresql(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tenure, "lets_go", lambda tenure, **_: tenure.is_current)


def a_cancel_of_everything_does_not_wait_for_postgresql(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tenure, "lets_go", lambda tenure, **_: tenure.is_held)


def a_fill_forgets_what_the_price_did_before_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Attribution, "moved", lambda attribution, worth: replace(attribution, worth=worth))


def a_rebase_forgets_what_it_came_from(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Symbol, "parts", property(lambda symbol: symbol.gross_parts))


def first_failure() -> Result:
    for seed in range(SEEDS_MAX):
        result = run_seed(seed)
        if result.violation is not None:
            return result
    pytest.fail(f"not found within {SEEDS_MAX} seeds")


@pytest.mark.parametrize(
    ("plant", "invariant"),
    [
        (a_limit_ignores_unknown_orders, 2),
        (new_orders_may_use_the_whole_position_limit, 2),
        (a_kill_forgets_late_sends, 6),
        (a_fill_counts_twice, 8),
        (an_order_counts_as_shown_from_the_moment_it_is_meant, 15),
        (a_too_passive_order_goes_without_a_send_left, 16),
        (a_too_aggressive_order_waits_for_its_replacement, 16),
        (a_fill_forgets_what_the_price_did_before_it, 18),
        (a_rebase_forgets_what_it_came_from, 18),
        (a_place_in_the_stream_covers_nothing, 8),
        (a_place_in_the_stream_covers_what_is_new, 8),
        (cancels_of_our_own_wait_for_postgresql, 5),
        (a_cancel_of_everything_does_not_wait_for_postgresql, 17),
    ],
)
def test_a_planted_bug_is_found_by_the_invariant_that_it_breaks(
    plant: Plant, invariant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    found = first_failure().violation
    assert found is not None
    assert found.number == invariant


def test_the_script_of_a_planted_bug_shrinks_to_a_few_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    a_kill_forgets_late_sends(monkeypatch)
    failed = first_failure()
    shortest = Shrinker(failed).shrink()
    assert shortest.violation is not None
    assert shortest.violation.number == 6
    assert len(shortest.decisions) <= 4 < len(failed.decisions)
