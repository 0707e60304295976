"""The tracker of our orders: live, final, settled; what may still fill; what stands in the book."""

from dataclasses import replace
from decimal import Decimal

from market_maker.core.commands import OrderStatus
from market_maker.core.events import ExchangeOrder, ExchangeStatus, Execution
from market_maker.core.instrument import Instrument
from market_maker.core.orders.order_tracker import RECENT_ORDERS_MAX, Order, OrderTracker
from market_maker.core.side import Side

INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5))


def order(name: str = "a", side: Side = Side.BUY, ticks: int = 9990, lots: int = 100) -> Order:
    return Order(
        name,
        side,
        0,
        ticks,
        lots,
        INSTRUMENT.price(ticks),
        INSTRUMENT.quantity(lots),
        0,
        OrderStatus.OPEN,
        f"x-{name}",
    )


def execution(name: str, lots: int | Decimal, trade: str = "t") -> Execution:
    quantity = INSTRUMENT.lot_size * lots
    return Execution(
        0,
        trade,
        Side.BUY,
        Decimal(999),
        quantity,
        Decimal(0),
        f"x-{name}",
        None,
        is_maker=True,
        sequence=1,
        executed_at_us=1,
    )


def report(name: str, status: ExchangeStatus, filled: int = 0) -> ExchangeOrder:
    return ExchangeOrder(
        f"x-{name}",
        name,
        Side.BUY,
        Decimal("999.0"),
        Decimal("0.1"),
        INSTRUMENT.quantity(filled),
        status,
    )


def tracking(*orders: Order) -> OrderTracker:
    tracker = OrderTracker()
    for each in orders:
        tracker.add(each)
    return tracker


def test_open_lots_are_what_may_still_fill() -> None:
    tracker = tracking(order("a"), order("b", lots=50), order("c", Side.SELL, lots=7))
    tracker.fill(execution("a", 30), INSTRUMENT, 0)
    assert (tracker.open_lots(Side.BUY), tracker.open_lots(Side.SELL)) == (120, 7)


def test_a_final_order_with_fills_on_their_way_counts_exactly_those() -> None:
    a = order()
    tracker = tracking(a)
    tracker.reported(a, report("a", ExchangeStatus.CANCELLED, filled=30), INSTRUMENT, 0)
    assert (a.is_live, a.settled, tracker.open_lots(Side.BUY)) == (False, False, 30)
    tracker.fill(execution("a", 30), INSTRUMENT, 0)
    assert (a.settled, tracker.open_lots(Side.BUY), a.status) == (True, 0, OrderStatus.CANCELLED)


def test_a_missing_fraction_of_a_lot_counts_as_a_whole_one() -> None:
    a = order()
    tracker = tracking(a)
    tracker.reported(a, report("a", ExchangeStatus.CANCELLED, filled=1), INSTRUMENT, 0)
    tracker.fill(execution("a", Decimal("0.5")), INSTRUMENT, 0)
    assert (a.settled, tracker.open_lots(Side.BUY)) == (False, 1)


def test_a_cancelled_order_counts_in_full_until_its_fills_are_known() -> None:
    a = order()
    tracker = tracking(a)
    tracker.close(a, OrderStatus.CANCELLED, 0)
    assert (len(tracker), tracker.live_count(), tracker.open_lots(Side.BUY)) == (1, 0, 100)
    tracker.close(a, OrderStatus.CANCELLED, 0, all_fills_seen=True)
    assert (len(tracker), tracker.open_lots(Side.BUY)) == (0, 0)


def test_a_settled_order_is_still_recognised_by_either_id() -> None:
    a = order()
    tracker = tracking(a)
    tracker.close(a, OrderStatus.CANCELLED, 0, all_fills_seen=True)
    assert tracker.get("a") is tracker.find(None, "x-a") is a


def test_the_memory_of_settled_orders_is_bounded() -> None:
    tracker = OrderTracker()
    for number in range(RECENT_ORDERS_MAX + 5):
        each = order(str(number))
        tracker.add(each)
        tracker.close(each, OrderStatus.CANCELLED, 0, all_fills_seen=True)
    assert tracker.get("4") is None
    assert tracker.find(None, "x-4") is None
    assert tracker.get("5") is not None


def test_the_memory_of_strangers_fills_is_bounded() -> None:
    tracker = OrderTracker()
    for number in range(RECENT_ORDERS_MAX + 1):
        tracker.fill(execution(str(number), 10), INSTRUMENT, 0)
    forgotten = tracker.adopt(report("0", ExchangeStatus.OPEN), INSTRUMENT, 0)
    remembered = tracker.adopt(report("1", ExchangeStatus.OPEN), INSTRUMENT, 0)
    assert (forgotten.filled_lots, remembered.filled_lots) == (0, 10)


def test_an_adopted_order_rounds_its_size_up_and_keeps_the_fills_that_were_counted() -> None:
    tracker = OrderTracker()
    tracker.fill(execution("a", 10, "t1"), INSTRUMENT, 0)
    tracker.fill(execution("a", 20, "t2"), INSTRUMENT, 0)
    odd = replace(report("a", ExchangeStatus.OPEN), quantity=Decimal("0.0995"))
    adopted = tracker.adopt(odd, INSTRUMENT, 0)
    assert (adopted.lots, adopted.filled_lots, tracker.open_lots(Side.BUY)) == (100, 30, 70)
    assert adopted.price_ticks == 9990


def test_an_order_that_was_believed_gone_is_adopted_with_what_it_had_filled() -> None:
    a = order()
    tracker = tracking(a)
    tracker.fill(execution("a", 40), INSTRUMENT, 0)
    tracker.close(a, OrderStatus.REJECTED, 0, all_fills_seen=True)
    tracker.adopt(report("a", ExchangeStatus.OPEN), INSTRUMENT, 0)
    assert tracker.open_lots(Side.BUY) == 60


def test_more_fills_than_the_order_had_end_it_and_count_nothing_below_zero() -> None:
    a = order()
    tracker = tracking(a)
    tracker.fill(execution("a", 130), INSTRUMENT, 0)
    assert (a.status, a.settled, tracker.open_lots(Side.BUY)) == (OrderStatus.FILLED, True, 0)


def test_two_sided_needs_a_confirmed_order_on_each_side() -> None:
    a, b = order("a"), order("b", Side.SELL)
    tracker = tracking(a, b)
    assert tracker.is_two_sided()
    b.status = OrderStatus.PENDING_NEW
    assert not tracker.is_two_sided()
    b.status = OrderStatus.UNKNOWN
    assert not tracker.is_two_sided()


def test_iterating_survives_changes() -> None:
    tracker = tracking(order("a"), order("b"))
    for each in tracker:
        tracker.close(each, OrderStatus.CANCELLED, 0, all_fills_seen=True)
    assert len(tracker) == 0


def test_an_order_of_an_earlier_process_counts_whole_lots_of_the_present_grid_that_cover_it() -> None:
    restored = Order.of_earlier_process(
        "a",
        "x-a",
        Side.SELL,
        1,
        Decimal("99.9"),
        Decimal("0.0105"),
        Decimal("0.0045"),
        replace(INSTRUMENT, lot_size=Decimal("0.002")),
        5,
    )
    assert (restored.lots, restored.filled_lots, restored.open_lots) == (6, 2, 4)
    assert (restored.status, restored.request_ended, restored.sent_ns) == (OrderStatus.UNKNOWN, True, 5)
