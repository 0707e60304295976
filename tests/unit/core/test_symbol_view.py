"""What operators see: complete, consistent, and computed from nothing but the engine's state."""

from decimal import Decimal

from tests.support.conversation import INSTRUMENT
from tests.support.playbook import Playbook, active, quoting, ready

from market_maker.core.events import RequestOutcome
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side
from market_maker.core.view import spread_bps


def test_a_new_symbol_shows_that_nothing_is_known_yet() -> None:
    view = Playbook().view()
    assert (view.mid, view.reference.source, view.quote, view.book.valid) == (None, "", None, False)
    assert (view.book.best_bid, view.book.data_ns, view.open_orders) == (None, None, 0)
    assert view.open_orders_at_exchange is None
    assert view.pnl.inventory_usdt == 0
    assert view.no_quote_reason == "not evaluated yet"


def test_the_book_is_shown_as_published_with_our_own_orders_in_it() -> None:
    view = quoting().view()
    assert (view.book.best_bid, view.book.best_ask) == (Decimal("999.5"), Decimal("1000.5"))


def test_the_book_is_shown_in_its_own_grid_while_a_new_one_waits() -> None:
    play = quoting()
    play.grid(tick_size=Decimal("0.01"))
    play.snapshot(((99_800, 5),), ((100_200, 5),))
    assert play.engine.symbol.instrument == INSTRUMENT
    assert play.view().book.best_bid == Decimal("998.00")


def test_live_and_unknown_orders_are_counted_and_listed() -> None:
    play = active()
    play.place_answer("c1")
    play.place_answer("c2", RequestOutcome.UNCERTAIN)
    view = play.view()
    assert (view.open_orders, view.unknown_orders, len(view.orders)) == (2, 1, 2)
    assert {order.side for order in view.orders} == {Side.BUY, Side.SELL}


def test_pnl_is_unknown_only_while_no_price_is() -> None:
    inventory = Inventory()
    inventory.apply(Side.BUY, Decimal(990), Decimal(2), Decimal(1))
    unpriced = Playbook(inventory=inventory, pnl_baseline=Decimal(5)).view().pnl
    assert (unpriced.inventory_usdt, unpriced.unrealized, unpriced.total) == (None, None, Decimal(-6))
    priced = ready(inventory=inventory, pnl_baseline=Decimal(5)).view().pnl
    assert (priced.inventory_usdt, priced.unrealized, priced.total) == (
        Decimal(2000),
        Decimal(20),
        Decimal(14),
    )
    assert (priced.position, priced.average_entry, priced.fees, priced.fill_count) == (
        Decimal(2),
        Decimal(990),
        Decimal(1),
        1,
    )


def test_the_spread_is_that_of_our_innermost_resting_orders() -> None:
    play = active()

    def spread() -> Decimal | None:
        return spread_bps(play.engine.symbol.orders, play.view().mid)

    assert spread() is None
    play.place_answer("c1")
    assert spread() is None
    play.place_answer("c2")
    assert spread() == Decimal("10.0000")
    assert spread_bps(play.view().orders, play.view().mid) == spread()


def test_counters_add_up() -> None:
    play = quoting()
    play.fill("c1", 100, "t1")
    play.mid(10_008)
    play.evaluate()
    play.cancel_answer("c2")
    counters = play.view().counters
    assert (counters.orders_placed, counters.orders_cancelled, counters.fills) == (4, 1, 1)
    assert counters.quotes_computed == 2
    assert counters.book_deltas == 1


def test_looking_changes_nothing() -> None:
    play = quoting()
    assert play.view() == play.view()
    assert play.evaluate().lines == ()
