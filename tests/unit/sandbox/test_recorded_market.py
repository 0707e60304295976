from decimal import Decimal
from pathlib import Path

import pytest

from lab.sandbox_market import BTC, OTHERS, OURS, Capture, Recording, new_order, only, rebuilt
from tradex_sandbox.market_events import (
    BookDelta,
    MarkPrice,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    PublicTrade,
    Trade,
)
from tradex_sandbox.orders import OrderRefused, OrderStatus, RefusalCode, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
BIDS = [("100.0", "5"), ("99.9", "8")]
ASKS = [("100.5", "4"), ("100.6", "9")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "market.gz"


def opened(path: Path, capture: Capture) -> Recording:
    return Recording(capture.write(path), instrument=BTC)


def market() -> Capture:
    return Capture().opened(BIDS, ASKS)


def test_initial_snapshot_is_sequence_one_and_each_delta_follows_the_one_before(path: Path) -> None:
    recording = opened(path, market().depth(bids=[("100.0", "6")]).depth(asks=[("100.5", "0")]))
    recording.play(2)
    snapshot = recording.exchange.snapshot("BTCUSDT")
    assert [delta.sequence for delta in only(BookDelta, recording.events)] == [2, 3]
    assert rebuilt(recording.events, "BTCUSDT") == snapshot
    assert snapshot.bids == ((Decimal("100.0"), Decimal(6)), (Decimal("99.9"), Decimal(8)))
    assert snapshot.asks == ((Decimal("100.6"), Decimal(9)),)


def test_our_order_is_part_of_the_published_book(path: Path) -> None:
    recording = opened(path, market().depth())
    submitted = recording.submit(new_order(BUY, "100.0", "2"))
    (delta,) = only(BookDelta, submitted.events)
    assert delta.bids == ((Decimal("100.0"), Decimal(7)),)
    recording.exchange.cancel(recording.now_us, submitted.order.order_id)
    assert recording.exchange.snapshot("BTCUSDT").bids[0] == (Decimal("100.0"), Decimal(5))


def test_trades_at_our_price_consume_the_queue_ahead_before_us(path: Path) -> None:
    capture = market().trade("100.0", "3", SELL).trade("100.0", "2.5", SELL).trade("100.0", "9", SELL)
    recording = opened(path, capture.depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play()
    assert recording.left(ours) == 2
    events = recording.play()
    assert recording.left(ours) == Decimal("1.5")
    assert [trade.quantity for trade in only(Trade, events)] == [Decimal("0.5")]
    assert [trade.quantity for trade in only(PublicTrade, events)] == [Decimal("0.5"), Decimal(2)]
    recording.play()
    assert recording.left(ours) == 0
    assert len(only(OrderFilled, recording.events)) == 1


def test_public_trades_of_one_taker_have_one_time_of_the_exchange_also_where_one_is_ours(path: Path) -> None:
    one, next_one = {"T": 1_700_000_001_000_000_000}, {"T": 1_700_000_001_000_000_001}
    capture = market().trade("100.5", "3", BUY, **one).trade("100.5", "3", BUY, **one)
    capture.trade("100.0", "1", SELL, **one).trade("100.6", "1", BUY, **next_one)
    recording = opened(path, capture)
    recording.submit(new_order(SELL, "100.5", "2"))
    first_us = recording.now_us + 1000
    events = recording.play(4)
    assert [trade.quantity for trade in only(PublicTrade, events)] == [3, 2, 1, 1, 1]
    times = [trade.at_us - first_us for trade in only(PublicTrade, events)]
    assert times == [0, 0, 0, 2000, 3000]
    assert [trade.at_us - first_us for trade in only(Trade, events)] == [1000]


def test_trade_by_takers_of_our_own_side_does_not_touch_us(path: Path) -> None:
    recording = opened(path, market().trade("100.5", "50", BUY).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play()
    assert recording.left(ours) == 2


def test_cancellations_thin_out_the_queue_ahead_in_proportion(path: Path) -> None:
    # We stand behind 5; the level (5 of the crowd) grows to 10 behind us, then 4 of the 10 are withdrawn:
    # 5 ahead become 3, so that a trade of 3 reaches us and one of 0.5 more fills that much.
    capture = market().depth(bids=[("100.0", "10")]).depth(bids=[("100.0", "6")])
    recording = opened(path, capture.trade("100.0", "3", SELL).trade("100.0", "0.5", SELL).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play(3)
    assert recording.left(ours) == 2
    recording.play()
    assert recording.left(ours) == Decimal("1.5")


def test_a_decrease_that_trades_explain_is_not_taken_for_a_cancellation(path: Path) -> None:
    # 3 of the 5 ahead trade, and the level falls by exactly that: 2 are still ahead of us.
    capture = market().trade("100.0", "3", SELL).depth(bids=[("100.0", "2")]).trade("100.0", "2", SELL)
    recording = opened(path, capture.trade("100.0", "0.1", SELL).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play(3)
    assert recording.left(ours) == 2
    recording.play()
    assert recording.left(ours) == Decimal("1.9")


def test_queue_ahead_never_exceeds_what_stands_at_the_level(path: Path) -> None:
    capture = market().depth(bids=[("100.0", "0")]).depth(bids=[("100.0", "7")])
    recording = opened(path, capture.trade("100.0", "0.5", SELL).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play(3)
    assert recording.left(ours) == Decimal("1.5")


def test_an_order_joins_behind_what_trades_have_left_of_the_level(path: Path) -> None:
    capture = market().trade("100.0", "4", SELL).trade("100.0", "1.5", SELL).depth()
    recording = opened(path, capture)
    recording.play()
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play()
    assert recording.left(ours) == Decimal("1.5")


def test_trades_from_before_the_last_depth_message_no_longer_count(path: Path) -> None:
    # The 4 that traded are gone from the level of 5 that the depth message tells: all 5 are ahead of us.
    capture = market().trade("100.0", "4", SELL).depth().trade("100.0", "5", SELL).depth()
    recording = opened(path, capture)
    recording.play(2)
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play()
    assert recording.left(ours) == 2


def test_a_trade_through_our_price_fills_us_up_to_its_quantity(path: Path) -> None:
    recording = opened(path, market().trade("99.9", "0.75", SELL).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    events = recording.play()
    assert recording.left(ours) == Decimal("1.25")
    assert [trade.price for trade in only(Trade, events)] == [Decimal("100.0")]
    assert [trade.quantity for trade in only(PublicTrade, events)] == [Decimal("0.75")]


def test_an_improving_order_has_nobody_ahead(path: Path) -> None:
    recording = opened(path, market().trade("100.2", "0.5", BUY).depth())
    ours = recording.submit(new_order(SELL, "100.2", "2"))
    recording.play()
    assert recording.left(ours) == Decimal("1.5")


def test_one_trade_is_spent_once_over_all_our_orders_best_price_first(path: Path) -> None:
    recording = opened(path, market().trade("100.1", "3", SELL).depth())
    far = recording.submit(new_order(BUY, "100.1", "2"))
    near = recording.submit(new_order(BUY, "100.2", "2", OTHERS))
    recording.play()
    assert [recording.left(near), recording.left(far)] == [0, 1]


def test_orders_at_one_price_fill_oldest_first(path: Path) -> None:
    recording = opened(path, market().trade("100.2", "3", SELL).depth())
    old = recording.submit(new_order(BUY, "100.2", "2"))
    young = recording.submit(new_order(BUY, "100.2", "2", OTHERS))
    recording.play()
    assert [recording.left(old), recording.left(young)] == [0, 1]


@pytest.mark.parametrize("new_ask", ["100.3", "100.2"])
def test_crowd_reaching_our_price_fills_us_completely_at_our_price(path: Path, new_ask: str) -> None:
    capture = market().depth(bids=[("100.0", "0")], asks=[(new_ask, "0.1")]).depth()
    recording = opened(path, capture)
    ours = recording.submit(new_order(BUY, "100.3", "2"))
    events = recording.play()
    assert recording.left(ours) == 0
    assert [trade.price for trade in only(Trade, events)] == [Decimal("100.3")]
    assert recording.exchange.snapshot("BTCUSDT").asks[0] == (Decimal(new_ask), Decimal("0.1"))
    assert rebuilt(recording.events, "BTCUSDT") == recording.exchange.snapshot("BTCUSDT")


def test_trades_outside_the_book_fill_nobody_and_are_not_published(path: Path) -> None:
    recording = opened(path, market().trade("99.0", "50", SELL, X="INSURANCE_FUND").depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    events = recording.play()
    assert recording.left(ours) == 2
    assert only(PublicTrade, events) == []


def test_post_only_order_that_would_meet_the_crowd_is_refused_with_an_event(path: Path) -> None:
    recording = opened(path, market().depth())
    with pytest.raises(OrderRefused) as refusal:
        recording.submit(new_order(BUY, "100.5", "1"))
    assert refusal.value.code is RefusalCode.POST_ONLY_WOULD_CROSS
    (rejected,) = only(OrderRejected, recording.exchange.advance(recording.now_us))
    assert (rejected.account_id, rejected.reason) == (OURS, "POST_ONLY_WOULD_CROSS")
    assert recording.exchange.open_orders(OURS) == []


def test_taking_order_eats_the_crowd_until_the_capture_tells_the_level_anew(path: Path) -> None:
    recording = opened(path, market().depth(asks=[("100.6", "8")]).depth(asks=[("100.5", "3")]).depth())
    taken = recording.submit(new_order(BUY, "100.6", "5", post_only=False))
    assert taken.order.status is OrderStatus.FILLED
    assert [(t.price, t.quantity) for t in only(Trade, taken.events)] == [
        (Decimal("100.5"), Decimal(4)),
        (Decimal("100.6"), Decimal(1)),
    ]
    assert recording.exchange.snapshot("BTCUSDT").asks == ((Decimal("100.6"), Decimal(8)),)
    recording.play()
    assert recording.exchange.snapshot("BTCUSDT").asks == ((Decimal("100.6"), Decimal(8)),)
    recording.play()
    assert recording.exchange.snapshot("BTCUSDT").asks[0] == (Decimal("100.5"), Decimal(3))
    assert rebuilt(recording.events, "BTCUSDT") == recording.exchange.snapshot("BTCUSDT")


def test_remainder_of_an_ioc_order_is_cancelled(path: Path) -> None:
    recording = opened(path, market().depth())
    order = new_order(BUY, "100.5", "9", post_only=False, time_in_force=TimeInForce.IOC)
    submitted = recording.submit(order)
    assert (submitted.order.status, submitted.order.filled_quantity) == (OrderStatus.CANCELLED, Decimal(4))
    assert [event.reason for event in only(OrderCanceled, submitted.events)] == ["IOC_REMAINDER"]


def test_remainder_of_a_taking_limit_order_rests_and_meets_the_crowd_when_it_comes_back(path: Path) -> None:
    recording = opened(path, market().depth(asks=[("100.5", "2")]).depth())
    ours = recording.submit(new_order(BUY, "100.5", "6", post_only=False))
    assert recording.exchange.snapshot("BTCUSDT").bids[0] == (Decimal("100.5"), Decimal(2))
    recording.play()
    assert recording.left(ours) == 0


def test_accounts_trade_with_each_other_behind_the_crowd(path: Path) -> None:
    recording = opened(path, market().depth())
    maker = recording.submit(new_order(SELL, "100.5", "1"))
    taker = recording.submit(new_order(BUY, "100.5", "5", OTHERS, post_only=False))
    assert (recording.left(maker), taker.order.status) == (Decimal(0), OrderStatus.FILLED)
    assert [trade.maker_account_id for trade in only(Trade, taker.events)] == ["crowd", OURS]
    assert recording.exchange.trades("crowd", "BTCUSDT") == ()


def test_an_account_never_trades_with_itself(path: Path) -> None:
    recording = opened(path, market().depth())
    maker = recording.submit(new_order(SELL, "100.3", "1"))
    taker = recording.submit(new_order(BUY, "100.5", "3", post_only=False))
    assert recording.left(maker) == 1
    assert (taker.order.status, taker.order.reason) == (OrderStatus.CANCELLED, "SELF_TRADE")
    assert recording.exchange.executions(OURS, "BTCUSDT").count == 0


def test_own_record_of_executions_is_the_sum_of_the_trades(path: Path) -> None:
    capture = market().trade("99.8", "1", SELL).trade("101", "3", BUY).depth()
    recording = opened(path, capture)
    recording.submit(new_order(BUY, "100.0", "2"))
    recording.submit(new_order(SELL, "100.4", "2"))
    recording.play(2)
    done = recording.exchange.executions(OURS, "BTCUSDT")
    assert (done.count, done.buys, done.sells) == (2, 1, 1)
    assert done.position == -1
    assert done.volume == Decimal("100.0") + 2 * Decimal("100.4")
    assert done.fees == done.volume * Decimal("-0.5") / 10000
    assert [trade.sequence for trade in recording.exchange.trades(OURS, "BTCUSDT")] == [3, 4]


def test_halt_stops_the_recording_and_resume_goes_on_where_it_stopped(path: Path) -> None:
    recording = opened(path, market().trade("99.0", "50", SELL).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.exchange.halt(recording.now_us, "BTCUSDT", "test")
    assert recording.exchange.next_event_us() is None
    recording.play(1000)
    assert recording.left(ours) == 2
    with pytest.raises(OrderRefused, match="INSTRUMENT_HALTED"):
        recording.submit(new_order(BUY, "99.0", "1"))
    recording.exchange.resume(recording.now_us, "BTCUSDT", "test")
    assert recording.exchange.next_event_us() == recording.now_us + 1000
    recording.play()
    assert recording.left(ours) == 0
    assert recording.exchange.next_event_us() == recording.now_us + 1000


def test_orders_can_be_cancelled_while_halted(path: Path) -> None:
    recording = opened(path, market().depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.exchange.halt(recording.now_us, "BTCUSDT", "test")
    order, _ = recording.exchange.cancel(recording.now_us, ours.order.order_id)
    assert order.status is OrderStatus.CANCELLED


def test_a_finer_grid_cancels_orders_and_keeps_the_book(path: Path) -> None:
    recording = opened(path, market().depth(bids=[("100.0", "6")]).trade("99.0", "1", SELL).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.exchange.update_instrument(
        recording.now_us, "BTCUSDT", tick_size=Decimal("0.05"), lot_size=Decimal("0.0001")
    )
    assert recording.exchange.order(ours.order.order_id).reason == "INSTRUMENT_UPDATED"
    recording.play()
    assert recording.exchange.snapshot("BTCUSDT").bids[0] == (Decimal("100.0"), Decimal(6))
    finer = recording.submit(new_order(BUY, "100.05", "0.1001"))
    sequence = recording.exchange.snapshot("BTCUSDT").sequence
    assert recording.exchange.published_top("BTCUSDT", sequence) == (Decimal("100.05"), Decimal("100.5"))
    recording.play()
    assert recording.left(finer) == 0
    assert recording.exchange.published_top("BTCUSDT", 1) == (Decimal("100.0"), Decimal("100.5"))


def test_mark_price_is_the_middle_of_the_crowd_once_a_second(path: Path) -> None:
    capture = market().depth()
    for _ in range(1200):
        capture.depth()
    recording = opened(path, capture)
    events = recording.play(1100)
    assert [(mark.price, mark.at_us) for mark in only(MarkPrice, events)] == [
        (Decimal("100.25"), 1_000_000_000),
        (Decimal("100.25"), 1_001_000_000),
    ]


def test_events_of_an_order_come_in_the_order_in_which_they_happened(path: Path) -> None:
    recording = opened(path, market().trade("99.9", "5", SELL).depth())
    ours = recording.submit(new_order(BUY, "100.0", "2"))
    recording.play()
    ordered = [
        event
        for event in recording.events
        if isinstance(event, OrderAccepted | Trade | OrderFilled | OrderCanceled)
    ]
    assert [type(event) for event in ordered] == [OrderAccepted, Trade, OrderFilled]
    assert [event.sequence for event in ordered] == [1, 2, 3]
    assert ours.order.status is OrderStatus.OPEN


def test_a_market_order_takes_what_there_is_and_no_more(path: Path) -> None:
    recording = opened(path, market().depth())
    submitted = recording.submit(new_order(SELL, None, "99"))
    assert (submitted.order.status, submitted.order.filled_quantity) == (OrderStatus.CANCELLED, Decimal(13))
    assert recording.exchange.snapshot("BTCUSDT").bids == ()
    assert recording.exchange.published_top("BTCUSDT", 2) == (None, Decimal("100.5"))
