from decimal import Decimal
from pathlib import Path

import pytest

from lab.sandbox_market import BTC, Capture, Recording
from tradex_sandbox.capture import CaptureLine, FieldError, MessageKind
from tradex_sandbox.capture_book import CrowdBook, DepthIds, Told
from tradex_sandbox.capture_grid import Grid
from tradex_sandbox.order_book import Change
from tradex_sandbox.orders import Side

ASKS = [("100.5", "4")]
SNAPSHOT_ID = 100


def depth(first: int, last: int, previous: int | None = None) -> DepthIds:
    return DepthIds(first, last, previous)


@pytest.mark.parametrize(
    ("ids", "precedes"),
    [
        (depth(90, 99), True),
        (depth(90, 100), True),
        (depth(90, 101), False),
        (depth(90, 99, 89), True),
        (depth(90, 100, 89), False),
    ],
)
def test_what_the_snapshot_contains_is_dropped(ids: DepthIds, *, precedes: bool) -> None:
    assert ids.precedes(SNAPSHOT_ID) is precedes


@pytest.mark.parametrize(
    ("ids", "spans"),
    [
        (depth(95, 101), True),
        (depth(101, 101), True),
        (depth(102, 105), False),
        (depth(95, 100, 94), True),
        (depth(100, 107, 98), True),
        (depth(105, 107, 100), True),
        (depth(105, 107, 103), False),
    ],
)
def test_the_first_message_applied_spans_the_snapshot(ids: DepthIds, *, spans: bool) -> None:
    assert ids.spans(SNAPSHOT_ID) is spans


def test_depth_from_before_the_snapshot_is_kept_until_it_comes(tmp_path: Path) -> None:
    # Ids 101-103 are in the snapshot already; 104-106 begin before it and end after it.
    capture = Capture().depth(bids=[("100.0", "1")]).depth(bids=[("100.0", "2"), ("99.0", "3")])
    snapshot = {"lastUpdateId": 104, "bids": [["100.0", "9"]], "asks": ASKS}
    capture.raw(snapshot).depth(bids=[("98.0", "4")])
    recording = Recording(capture.write(tmp_path / "m.gz"), instrument=BTC)
    assert [int(lots) for _, lots in recording.exchange.snapshot("BTCUSDT").bids] == [2, 3]
    recording.play()
    assert [int(lots) for _, lots in recording.exchange.snapshot("BTCUSDT").bids] == [2, 3, 4]


def test_on_futures_a_message_that_ends_at_the_snapshot_is_applied(tmp_path: Path) -> None:
    capture = Capture(futures=True).depth(bids=[("100.0", "1")]).depth(bids=[("99.0", "2")], ids=5)
    capture.snapshot([("98.0", "9")], ASKS).depth(bids=[("97.0", "3")])
    recording = Recording(capture.write(tmp_path / "m.gz"), instrument=BTC)
    bids = recording.exchange.snapshot("BTCUSDT").bids
    assert [str(price) for price, _ in bids] == ["99.0", "98.0"]
    recording.play()
    assert recording.exchange.error("BTCUSDT") is None
    assert len(recording.exchange.snapshot("BTCUSDT").bids) == 3


def test_trades_from_before_the_join_are_not_played(tmp_path: Path) -> None:
    capture = Capture().trade("100.0", "1", Side.BUY).opened([("100.0", "1")], ASKS).depth()
    recording = Recording(capture.write(tmp_path / "m.gz"), instrument=BTC)
    assert recording.exchange.next_event_us() == recording.now_us
    assert [type(event).__name__ for event in recording.play(5)] == ["MarkPrice"]


def test_a_level_told_twice_in_one_message_is_one_change_and_can_be_undone() -> None:
    book, grid = CrowdBook(), Grid(BTC)
    snapshot = {"lastUpdateId": 1, "bids": [["100.0", "5"]], "asks": ASKS}
    book.load(CaptureLine(0, 1, MessageKind.SNAPSHOT, "", snapshot), grid)
    twice = [["100.0", "7"], ["100.0", "0"]]
    crossed = CaptureLine(0, 2, MessageKind.DEPTH, "BTCUSDT", {"b": [*twice, ["100.6", "1"]], "a": []})
    with pytest.raises(FieldError, match="crossed"):
        book.apply(crossed, depth(2, 3), grid)
    assert book.bids.levels() == {1000: 5000}
    good = CaptureLine(0, 3, MessageKind.DEPTH, "BTCUSDT", {"b": twice, "a": []})
    assert book.apply(good, depth(2, 3), grid) == (
        Told({1000: 0}, Change({1000: 0}, [5000])),
        Told({}, Change({}, [])),
    )
    assert grid.instrument.price(1000) == Decimal("100.0")
