"""Queues of a recorded market by the exchange's own times: which trade concerns which order."""

from pathlib import Path
from typing import Any

import pytest

from lab.sandbox_market import BTC, Capture, Recording, new_order, only
from tradex_sandbox.market_events import PublicTrade
from tradex_sandbox.orders import Side
from tradex_sandbox.queue_position import QueueModel

BUY, SELL = Side.BUY, Side.SELL
BIDS = [("100.0", "10"), ("99.9", "8")]
ASKS = [("100.5", "4")]


def opened(tmp_path: Path, capture: Capture, queue: QueueModel = QueueModel.PROPORTIONAL) -> Recording:
    return Recording(capture.write(tmp_path / "market.gz"), queue, instrument=BTC)


def market(**times: Any) -> Capture:
    """A book of exchange time 1000."""
    return Capture().snapshot(BIDS, ASKS).depth(**(times or {"E": 1000}))


@pytest.mark.parametrize(("price", "quantity"), [("100.0", "12"), ("99.9", "1")])
def test_a_trade_older_than_the_book_in_which_an_order_was_accepted_does_not_fill_it(
    tmp_path: Path, price: str, quantity: str
) -> None:
    capture = market().trade(price, quantity, SELL, T=999).trade(price, quantity, SELL, T=1000).depth()
    recording = opened(tmp_path, capture)
    ours = recording.submit(new_order(BUY, "100.0", "1"))
    (told,) = only(PublicTrade, recording.play())
    assert f"{told.quantity:f}" == f"{float(quantity):.3f}"
    assert recording.left(ours) == 1
    recording.play()
    assert recording.left(ours) == 0


def test_a_trade_older_than_the_book_leaves_a_new_orders_queue_as_it_is(tmp_path: Path) -> None:
    capture = market().trade("100.0", "9", SELL, T=990).trade("100.0", "10", SELL, T=1001)
    recording = opened(tmp_path, capture.trade("100.0", "0.5", SELL, T=1002).depth())
    ours = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play(2)
    assert recording.left(ours) == 1
    recording.play()
    assert str(recording.left(ours)) == "0.500"


def test_a_late_trade_still_fills_the_order_that_was_there_before_that_book(tmp_path: Path) -> None:
    capture = market().depth(E=1100).trade("100.0", "10.4", SELL, T=1050).depth(E=1200)
    recording = opened(tmp_path, capture)
    old = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play()
    young = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play()
    assert [str(recording.left(order)) for order in (old, young)] == ["0.600", "1.000"]


def test_on_futures_the_time_of_the_transaction_counts_not_that_of_the_message(tmp_path: Path) -> None:
    capture = market(E=1005, T=1000).trade("100.0", "10.4", SELL, T=1002, E=1009).depth()
    recording = opened(tmp_path, capture)
    ours = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play()
    assert str(recording.left(ours)) == "0.600"


def test_an_order_joins_behind_the_whole_level_when_the_book_contains_the_last_trades(tmp_path: Path) -> None:
    capture = market().trade("100.0", "4", SELL, T=990).trade("100.0", "10", SELL, T=1001).depth()
    recording = opened(tmp_path, capture)
    recording.play()
    ours = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play()
    assert recording.left(ours) == 1


def test_a_level_that_a_depth_message_does_not_name_keeps_what_was_traded_at_it(tmp_path: Path) -> None:
    # 4 of the 10 ahead trade; the message that tells the level's fall by 4 is the second one.
    capture = market().trade("100.0", "4", SELL, T=1010).depth(bids=[("99.9", "7")], E=1005)
    capture.depth(bids=[("100.0", "6")], E=1100).trade("100.0", "6", SELL, T=1110)
    recording = opened(tmp_path, capture.trade("100.0", "0.5", SELL, T=1111).depth())
    ours = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play(4)
    assert recording.left(ours) == 1, "6 of the 10 are still ahead: the fall was the trade, no cancellation"
    recording.play()
    assert str(recording.left(ours)) == "0.500"


def test_a_level_told_before_a_trade_that_came_earlier_keeps_that_trade_too(tmp_path: Path) -> None:
    # The trade was received first, but the level of 12 is from before it; its fall to 8 is the trade.
    capture = market().trade("100.0", "4", SELL, T=1010).depth(bids=[("100.0", "12")], E=1005)
    capture.depth(bids=[("100.0", "8")], E=1100).trade("100.0", "6", SELL, T=1110)
    recording = opened(tmp_path, capture.trade("100.0", "0.5", SELL, T=1111).depth())
    ours = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play(4)
    assert recording.left(ours) == 1
    recording.play()
    assert str(recording.left(ours)) == "0.500"


def test_the_risk_averse_queue_counts_every_cancellation_as_one_behind_us(tmp_path: Path) -> None:
    # 10 ahead, 10 more join behind, 8 of the 20 are withdrawn: 6 or all 10 of ours may still be ahead.
    capture = market().depth(bids=[("100.0", "20")], E=1100).depth(bids=[("100.0", "12")], E=1200)
    capture.trade("100.0", "6.5", SELL, T=1210).trade("100.0", "4", SELL, T=1220).depth()
    left = {}
    for queue in QueueModel:
        recording = opened(tmp_path, capture, queue)
        ours = recording.submit(new_order(BUY, "100.0", "1"))
        recording.play(3)
        left[queue] = [str(recording.left(ours))]
        recording.play()
        left[queue].append(str(recording.left(ours)))
    assert left == {QueueModel.PROPORTIONAL: ["0.500", "0.000"], QueueModel.RISK_AVERSE: ["1.000", "0.500"]}


def test_the_risk_averse_queue_never_exceeds_what_stands_at_the_level(tmp_path: Path) -> None:
    capture = market().depth(bids=[("100.0", "2")], E=1100).trade("100.0", "2.5", SELL, T=1110).depth()
    recording = opened(tmp_path, capture, QueueModel.RISK_AVERSE)
    ours = recording.submit(new_order(BUY, "100.0", "1"))
    recording.play(2)
    assert str(recording.left(ours)) == "0.500"


def test_with_the_risk_averse_queue_an_order_joins_behind_all_that_the_book_shows(tmp_path: Path) -> None:
    capture = market().trade("100.0", "4", SELL, T=1010).trade("100.0", "6.5", SELL, T=1020).depth()
    left = []
    for queue in QueueModel:
        recording = opened(tmp_path, capture, queue)
        recording.play()
        ours = recording.submit(new_order(BUY, "100.0", "1"))
        recording.play()
        left.append(str(recording.left(ours)))
    assert left == ["0.500", "1.000"]
