from pathlib import Path

from lab.sandbox_market import BTC, Capture, Recording
from tradex_sandbox.exchange import FeedChecks

BIDS = [("100.0", "5"), ("99.9", "8")]
ASKS = [("100.5", "4"), ("100.6", "9")]


def checked(capture: Capture, path: Path) -> FeedChecks:
    recording = Recording(capture.write(path / "market.gz"), instrument=BTC)
    recording.play(100)
    assert recording.exchange.error("BTCUSDT") is None
    return recording.exchange.feed_checks("BTCUSDT")


def test_a_ticker_is_compared_with_the_depth_message_of_its_id(tmp_path: Path) -> None:
    capture = Capture().opened(BIDS, ASKS).ticker("100.1", "100.5", 106).depth(bids=[("100.1", "1")])
    assert checked(capture, tmp_path) == FeedChecks(1, 0)


def test_the_ticker_may_come_after_the_depth_message(tmp_path: Path) -> None:
    capture = Capture().opened(BIDS, ASKS).depth(bids=[("100.1", "1")]).ticker("100.1", "100.5", 106)
    assert checked(capture.depth(), tmp_path) == FeedChecks(1, 0)


def test_a_ticker_from_before_the_join_counts_too(tmp_path: Path) -> None:
    capture = Capture().ticker("100.0", "100.5", 103).opened(BIDS, ASKS)
    assert checked(capture, tmp_path) == FeedChecks(1, 0)


def test_another_price_is_a_mismatch(tmp_path: Path) -> None:
    capture = Capture().opened(BIDS, ASKS).ticker("100.0", "100.6", 106).depth()
    assert checked(capture, tmp_path) == FeedChecks(1, 1)


def test_ids_between_depth_messages_are_not_compared(tmp_path: Path) -> None:
    capture = Capture().opened(BIDS, ASKS).ticker("1.0", "2.0", 105).depth().ticker("1.0", "2.0", 104)
    assert checked(capture.depth(), tmp_path) == FeedChecks(0, 0)


def test_each_id_is_compared_once(tmp_path: Path) -> None:
    capture = Capture().opened(BIDS, ASKS).ticker("100.0", "100.5", 106).depth().ticker("100.0", "100.5", 106)
    assert checked(capture.depth(), tmp_path) == FeedChecks(1, 0)
