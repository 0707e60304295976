import gzip
import pickle
from pathlib import Path
from typing import Any

import pytest

from lab.sandbox_market import BTC, Capture, Recording
from tradex_sandbox.capture import CaptureError, MessageKind, read_capture
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.orders import Side

BIDS = [("100.0", "5"), ("99.9", "8")]
ASKS = [("100.5", "4"), ("100.6", "9")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "market.gz"


def opened(capture: Capture, path: Path) -> Recording:
    return Recording(capture.write(path), instrument=BTC)


def market() -> Capture:
    return Capture().opened(BIDS, ASKS)


def why_not(capture: Capture, path: Path, symbol: str | None = None) -> str:
    """The error with which a capture is refused at the start."""
    with pytest.raises(CaptureError) as error:
        Exchange().add_recorded(capture.write(path), symbol=symbol)
    return str(error.value)


def breaks(capture: Capture, path: Path) -> str:
    """The error with which a capture that opened ends, after all that stands before it was played."""
    recording = opened(capture, path)
    recording.play(100)
    assert recording.exchange.finished("BTCUSDT")
    assert recording.exchange.snapshot("BTCUSDT").bids[0][1] == 7, "what stands before the fault is played"
    error = recording.exchange.error("BTCUSDT")
    assert error is not None
    return error


def test_reads_every_kind_of_message_with_its_time_and_line(path: Path) -> None:
    capture = market().trade("100.0", "1", Side.SELL).ticker("100.0", "100.5")
    messages = list(read_capture(capture.write(path)))
    assert [(message.kind, message.line) for message in messages] == [
        (MessageKind.SNAPSHOT, 1),
        (MessageKind.DEPTH, 2),
        (MessageKind.TRADE, 3),
        (MessageKind.TICKER, 4),
    ]
    assert messages[0].at_ns == 1_700_000_000_001_000_000


@pytest.mark.parametrize("stream", ["btcusdt@depth", "btcusdt@depth@0ms", "btcusdt@depth@100ms"])
def test_depth_streams_of_every_speed_are_read(path: Path, stream: str) -> None:
    capture = Capture().raw({"stream": stream, "data": {"s": "BTCUSDT", "U": 1, "u": 2, "b": [], "a": []}})
    assert [message.kind for message in read_capture(capture.write(path))] == [MessageKind.DEPTH]


@pytest.mark.parametrize("stream", ["btcusdt@aggTrade", "btcusdt@depth20@100ms", "btcusdt@markPrice@1s"])
def test_other_streams_and_empty_lines_are_passed_over(path: Path, stream: str) -> None:
    capture = Capture().raw({"stream": stream, "data": {"s": "BTCUSDT"}}).line("").ticker("1", "2", 5)
    assert [message.line for message in read_capture(capture.write(path))] == [3]


def test_whole_capture_ends_without_an_error(path: Path) -> None:
    recording = opened(market().depth(bids=[("100.0", "7")]), path)
    recording.play(10)
    assert recording.exchange.finished("BTCUSDT")
    assert recording.exchange.error("BTCUSDT") is None
    assert recording.exchange.next_event_us() is None


def test_a_truncated_gzip_plays_what_is_readable_and_then_says_so(path: Path) -> None:
    capture = market().depth(bids=[("100.0", "7")])
    for number in range(3000):
        capture.trade("100.0", f"{1 + number * 7919 % 1000}", Side.SELL)
    whole = capture.write(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    recording = Recording(path, instrument=BTC)
    recording.play(4000)
    assert recording.exchange.finished("BTCUSDT")
    assert recording.exchange.snapshot("BTCUSDT").bids[0][1] == 7
    assert "cut off here; fetch the whole file again" in str(recording.exchange.error("BTCUSDT"))
    assert f"{path}, line " in str(recording.exchange.error("BTCUSDT"))


def test_a_capture_cut_off_before_its_snapshot_is_refused(path: Path) -> None:
    whole = market().write(path).read_bytes()
    path.write_bytes(whole[:60])
    with pytest.raises(CaptureError, match=r"market\.gz, line 1: the gzip file is cut off here"):
        Exchange().add_recorded(path)


def test_a_file_that_is_not_gzip_is_refused(path: Path) -> None:
    path.write_text("1700000000 {}\n")
    with pytest.raises(CaptureError, match=r"line 1: not a sound gzip file"):
        Exchange().add_recorded(path)


def test_a_file_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be read: No such file or directory; check the path"):
        Exchange().add_recorded(path)


def test_damaged_compressed_data_is_reported(path: Path) -> None:
    whole = bytearray(market().write(path).read_bytes())
    whole[40] ^= 0xFF
    path.write_bytes(bytes(whole))
    with pytest.raises(CaptureError, match=r"not a sound gzip file|cut off|not valid JSON|receive time"):
        list(read_capture(path))


def test_an_empty_file_is_refused(path: Path) -> None:
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(CaptureError, match="holds no market data"):
        Exchange().add_recorded(path)


PLAYED = [("100.0", "7")]


def test_invalid_json_names_the_line(path: Path) -> None:
    error = breaks(market().depth(bids=PLAYED).line('1700000000000000001 {"stream": '), path)
    assert f"{path}, line 4: the message is not valid JSON" in error


def test_a_line_without_a_time_names_the_line(path: Path) -> None:
    error = breaks(market().depth(bids=PLAYED).line('{"stream":"btcusdt@trade","data":{}}'), path)
    assert "line 4: must start with the receive time in ns" in error


@pytest.mark.parametrize(
    ("stamp", "problem"),
    [
        ("9223372036854775808", "the receive time 9223372036854775808 is not nanoseconds since 1970"),
        ("1700000000", "the receive time 1700000000 is not nanoseconds since 1970"),
        ("9" * 5000, "must start with the receive time in ns"),
        ("1700100000000000000", "is more than a day from that of the line before (1700000000003000000)"),
        ("1699900000000000000", "is more than a day from that of the line before (1700000000003000000)"),
    ],
)
def test_a_receive_time_that_cannot_be_names_the_line(path: Path, stamp: str, problem: str) -> None:
    capture = market().depth(bids=PLAYED)
    _, _, body = capture.lines[-1].partition(" ")
    said = breaks(capture.line(f"{stamp} {body}"), path)
    assert f"{path}, line 4: " in said
    assert problem in said


def test_an_error_of_a_capture_can_leave_a_process() -> None:
    for line in (3, None):
        error = CaptureError(Path("market.gz"), line, "is broken; fetch it again")
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- made right here
        assert type(again) is CaptureError
        assert str(again) == str(error)
    assert str(CaptureError(Path("a.gz"), 3, "is broken")) == "a.gz, line 3: is broken"


@pytest.mark.parametrize("body", [[1], {"x": 1}, {"stream": "btcusdt@trade", "data": {"p": "1"}}, "text"])
def test_a_message_of_another_shape_names_the_line(path: Path, body: object) -> None:
    assert "line 4: " in breaks(market().depth(bids=PLAYED).raw(body), path)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"p": "100.05"}, "price 100.05 is off the grid: not a multiple of 0.1"),
        ({"p": "abc"}, "price must be a decimal string, zero or more, got 'abc'"),
        ({"p": "-1"}, "price must be a decimal string, zero or more, got '-1'"),
        ({"p": "0"}, "price must be positive"),
        ({"p": 100.0}, "field 'p' must be a string, got 100.0"),
        ({"q": "0"}, "field 'q' of a trade must be positive"),
        ({"m": 1}, "field 'm' must be true or false, got 1"),
        ({"t": None}, "field 't' must be a whole number, got None"),
    ],
)
def test_a_wrong_field_of_a_trade_is_named(path: Path, override: dict[str, object], said: str) -> None:
    error = breaks(market().depth(bids=PLAYED).trade("100.0", "1", Side.SELL, **override), path)
    assert f"line 4: {said}" in error


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"U": "104"}, "field 'U' must be a whole number"),
        ({"u": 1}, "field 'u' 1 must not be below 'U'"),
        ({"b": None}, "field 'b' must be a list"),
        ({"a": [["100.7"]]}, "a level must be [price, quantity]"),
        ({"b": [["99.95", "1"]]}, "price 99.95 is off the grid"),
        ({"b": [["100.5", "1"]]}, "the rebuilt book is crossed"),
        ({"U": 110, "u": 112}, "depth message with U 110 does not follow update 106: lines are missing"),
    ],
)
def test_a_wrong_depth_message_ends_the_market_with_its_book_as_it_was(
    path: Path, override: dict[str, Any], said: str
) -> None:
    error = breaks(market().depth(bids=PLAYED).depth(**override), path)
    assert f"line 4: {said}" in error


def test_a_gap_on_futures_is_seen_by_the_previous_id(path: Path) -> None:
    capture = Capture(futures=True).opened(BIDS, ASKS).depth(bids=PLAYED).depth(pu=1)
    assert "depth message with pu 1 does not follow update 106" in breaks(capture, path)


def test_a_missing_snapshot_is_named(path: Path) -> None:
    said = why_not(Capture().depth().depth(), path)
    assert "no depth snapshot for BTCUSDT (a line with 'lastUpdateId')" in said


def test_a_snapshot_that_no_depth_message_continues_is_named(path: Path) -> None:
    capture = Capture().depth(bids=PLAYED).snapshot(BIDS, ASKS).depth(U=110, u=111)
    assert "no depth message of BTCUSDT continues a snapshot (line 2)" in why_not(capture, path)


def test_an_unknown_symbol_is_told_which_ones_there_are(path: Path) -> None:
    assert "holds no message of ETHUSDT; it holds BTCUSDT" in why_not(market(), path, "ETHUSDT")


def test_a_grid_that_does_not_fit_is_refused_at_the_first_price(path: Path) -> None:
    with pytest.raises(CaptureError, match=r"line 1: price 99\.9 is off the grid: not a multiple of 0\.5"):
        Exchange().add_recorded(market().write(path), instrument=parse_instrument("BTCUSDT:0.5:0.001:5"))


def test_a_lot_that_does_not_fit_is_refused(path: Path) -> None:
    bids = [(f"{99 - level}.0", f"0.{level + 1:03}") for level in range(40)]
    with pytest.raises(
        CaptureError, match=r"line 1: quantity 0\.00\d is off the grid: not a multiple of 0\.1"
    ):
        Exchange().add_recorded(
            Capture().opened(bids, ASKS).write(path), instrument=parse_instrument("BTCUSDT:0.1:0.1:5")
        )


def test_one_of_several_symbols_is_played_with_its_own_snapshot(path: Path) -> None:
    # Both snapshots fit the ids of both symbols; the price tells them apart.
    eth = Capture("ETHUSDT")
    capture = market()
    eth.ticker("10.0", "10.2").opened([("10.0", "1")], [("10.2", "1")]).depth(bids=[("10.1", "3")])
    capture.lines += eth.lines
    recording = Recording(capture.write(path), symbol="ETHUSDT")
    recording.play(10)
    assert [str(price) for price, _ in recording.exchange.snapshot("ETHUSDT").bids] == ["10.1", "10.0"]


def test_first_symbol_is_the_default_and_the_other_one_is_passed_over(path: Path) -> None:
    capture = market().depth(bids=PLAYED)
    capture.lines += Capture("ETHUSDT").depth(bids=[("1.23", "1")]).lines
    capture.depth(bids=[("99.9", "1")])
    recording = Recording(capture.write(path))
    recording.play(10)
    assert recording.exchange.error("BTCUSDT") is None
    assert [int(lots) for _, lots in recording.exchange.snapshot("BTCUSDT").bids] == [7, 1]
