"""Reset: when it is refused, what it leaves, and how a new baseline of the result is found."""

from decimal import Decimal

from tests.support.conversation import MS
from tests.support.playbook import LATCH, Playbook, proven, quoting, ready

from market_maker.core.events import ExchangeStatus
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State


def test_reset_of_a_symbol_that_is_not_halted_is_refused() -> None:
    assert ready().control(Cause.RESET).lines == ("refused: NOT_HALTED",)


def test_reset_is_refused_while_orders_are_open() -> None:
    play = quoting()
    play.kill()
    assert play.control(Cause.RESET).lines == ("refused: ORDERS_OPEN",)
    assert play.state is State.HALTED


def test_reset_is_refused_until_zero_is_proven() -> None:
    play = ready()
    play.kill()
    assert play.control(Cause.RESET).lines == ("refused: NOT_PROVEN_ZERO",)
    proven(play)
    said = play.control(Cause.RESET, reason="looked into it")
    assert said.lines == ("state HALTED -> PAUSED", "done")
    assert said.states[0].reason == "looked into it"
    assert said.states[0].kill_reason is None


def test_reset_is_accepted_while_fills_of_finished_orders_are_still_on_their_way() -> None:
    play = quoting()
    play.kill()
    play.when(play.query_event(play.at_exchange("c1", ExchangeStatus.FILLED, filled=100)))
    play.stream_cancelled("c2")
    proven(play)
    assert play.control(Cause.RESET).reply == "done"
    play.fill("c1", 100, "t1")
    assert play.position == Decimal("0.1")


def test_after_a_reset_the_symbol_waits_for_a_snapshot_and_then_quotes_again() -> None:
    play = ready()
    play.kill()
    proven(play).control(Cause.RESET)
    assert play.enable().reply == "refused: NO_VALID_BOOK"
    play.snapshot()
    assert play.enable().requests == ["place c1 buy 9995 x 100", "place c2 sell 10005 x 100"]


def test_a_reset_without_rebase_keeps_the_loss_and_enable_stays_refused() -> None:
    play = lost_too_much()
    play.control(Cause.RESET)
    play.snapshot()
    assert play.enable().reply == "refused: LOSS_BREACH"


def test_a_rebase_waits_for_the_first_fresh_price_in_paused_and_then_leaves_no_loss() -> None:
    play = lost_too_much()
    (reset,) = play.control(Cause.RESET, rebase_pnl=True).states
    assert (reset.to_state, reset.pnl_baseline, reset.rebase_pending) == (State.PAUSED, Decimal(0), True)
    assert play.view().pnl.rebase_pending
    (moved,) = play.after(10_000).mid(10_100).states
    assert (moved.from_state, moved.to_state) == (State.PAUSED, State.PAUSED)
    assert (moved.reason, moved.actor) == ("P&L counts from book 1010.0 on", "alice")
    assert (moved.pnl_baseline, moved.rebase_pending) == (Decimal("-501.95"), False)
    pnl = play.view().pnl
    assert (pnl.total, pnl.rebase_pending) == (Decimal(0), False)
    assert play.enable().reply == "done"


def test_a_rebase_does_not_take_the_price_from_before_the_kill() -> None:
    play = lost_too_much()
    play.control(Cause.RESET, rebase_pnl=True)
    assert play.tick(50).states == []
    assert play.view().pnl.rebase_pending


def test_enable_waits_for_a_pending_rebase_whatever_the_loss() -> None:
    play = lost_too_much()
    play.control(Cause.RESET, rebase_pnl=True)
    assert play.enable().reply == "refused: REBASE_PENDING, NO_VALID_BOOK"
    play.snapshot((), ((10_020, 500),))
    assert play.enable().reply == "refused: REBASE_PENDING"
    play.delta(((9980, 500),))
    assert play.enable().reply == "done"


def test_a_position_that_no_price_values_keeps_enable_back() -> None:
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(1000), Decimal(1), Decimal(0))
    play = proven(Playbook(inventory=inventory))
    assert play.enable().reply == "refused: NO_VALID_BOOK, INVENTORY_UNKNOWN"
    play.snapshot((), ((10_020, 500),))
    assert play.enable().reply == "refused: INVENTORY_UNKNOWN"
    play.mark("1000")
    assert play.enable().reply == "done"


def test_a_position_that_only_an_old_price_values_keeps_enable_back() -> None:
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(1000), Decimal(1), Decimal(0))
    play = ready(inventory=inventory)
    play.after(6_000).snapshot((), ((10_020, 500),))
    assert play.enable().reply == "refused: INVENTORY_UNKNOWN"


def test_a_flat_symbol_may_be_enabled_without_any_price() -> None:
    play = proven(Playbook())
    play.snapshot((), ((10_020, 500),))
    assert play.enable().reply == "done"


def test_a_fresh_mark_is_price_enough_for_a_rebase() -> None:
    play = lost_too_much()
    play.control(Cause.RESET, rebase_pnl=True)
    assert play.mark("990", age_ms=6_000).states == []
    (moved,) = play.mark("990").states
    assert (moved.reason, moved.pnl_baseline) == ("P&L counts from mark 990 on", Decimal("-499.95"))


def test_a_mark_that_is_fresh_at_the_reset_moves_the_baseline_at_once() -> None:
    play = quoting()
    play.mark("1000")
    play.kill()
    play.fill("c2", 100, "t1", fee="501")
    play.stream_cancelled("c1")
    (reset,) = proven(play).control(Cause.RESET, rebase_pnl=True).states
    assert (reset.pnl_baseline, reset.rebase_pending) == (Decimal("-500.95"), False)


def test_a_flat_position_is_rebased_without_any_price() -> None:
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(1000), Decimal(1), Decimal(0))
    inventory.apply(Side.SELL, Decimal(300), Decimal(1), Decimal(0))
    play = proven(Playbook(state=State.HALTED, kill=LATCH, inventory=inventory))
    (reset,) = play.control(Cause.RESET, rebase_pnl=True).states
    assert (reset.pnl_baseline, reset.rebase_pending) == (Decimal(-700), False)


def test_a_pending_rebase_survives_a_restart_and_another_kill() -> None:
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(2000), Decimal(1), Decimal(0))
    play = proven(Playbook(state=State.PAUSED, inventory=inventory, rebase_pending=True))
    assert play.kill().states[0].rebase_pending
    assert proven(play).control(Cause.RESET).states[0].rebase_pending
    (moved,) = play.mid(10_000).states
    assert (moved.pnl_baseline, moved.rebase_pending) == (Decimal(-1000), False)


def test_a_halted_symbol_says_which_price_its_pnl_uses_and_how_old_that_is() -> None:
    play = quoting()
    play.mark("1000.5", age_ms=100)
    play.fill("c1", 100, "t1")
    play.kill()
    play.tick(3_000)
    pnl = play.view().pnl
    assert (pnl.price, pnl.price_source) == (Decimal("1000.5"), "mark")
    assert pnl.price_data_ns == play.now_ns - 3_100 * MS
    play.tick(3_000)
    pnl = play.view().pnl
    assert (pnl.price, pnl.price_source) == (Decimal(1000), "book")
    assert pnl.price_data_ns == play.now_ns - 6_000 * MS


def lost_too_much() -> Playbook:
    """HALTED by the loss limit, market cleared, zero proven."""
    play = quoting()
    play.fill("c2", 100, "t1", fee="501")
    assert play.said.risks[0].reason is KillReason.LOSS_BREACH
    play.stream_cancelled("c1")
    return proven(play)


def test_reset_answers_ask_only_once_even_when_a_limit_is_still_broken() -> None:
    play = lost_too_much()
    assert play.control(Cause.RESET).replies == ["done"]
    assert play.control(Cause.RESET).replies == ["refused: NOT_HALTED"]


def test_the_latched_kill_is_shown_and_survives_a_restart() -> None:
    play = Playbook(state=State.HALTED, kill=LATCH)
    kill = play.view().kill
    assert kill is not None
    assert (kill.reason, kill.measured) == (KillReason.MANUAL, "earlier")
