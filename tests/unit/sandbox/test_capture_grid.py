from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lab.sandbox_market import Capture
from tradex_sandbox.capture import CaptureError, CaptureLine, FieldError, MessageKind, read_capture
from tradex_sandbox.capture_grid import Units, infer_instrument
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.orders import Side


def quantities(*values: str) -> list[CaptureLine]:
    levels = [["1", value] for value in values]
    return [CaptureLine(0, 1, MessageKind.DEPTH, "BTCUSDT", {"b": levels, "a": []})]


def test_strings_become_whole_units() -> None:
    units = Units("price", Decimal("0.01"), strays=False)
    assert [
        units[text] for text in ("61837.63000000", "1", "0.10", "0.00000000", "5.", "61837.63000000")
    ] == [
        6183763,
        100,
        10,
        0,
        500,
        6183763,
    ]


@pytest.mark.parametrize(
    ("step", "text", "whole"), [("0.5", "61837.50", 123675), ("10", "120", 12), ("0.25", "1.75", 7)]
)
def test_steps_that_are_no_power_of_ten_work(step: str, text: str, whole: int) -> None:
    assert Units("price", Decimal(step), strays=False)[text] == whole


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "-1", "NaN", "Infinity", "1_0", "\uff11"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match="price"):
        assert Units("price", Decimal("0.01"), strays=False)[text] == 1


@pytest.mark.parametrize(("step", "in_one"), [("0.01", 100), ("0.25", 4)])
def test_more_than_thirty_digits_on_a_side_of_the_point_are_refused_whatever_the_step(
    step: str, in_one: int
) -> None:
    units = Units("price", Decimal(step), strays=False)
    assert units[f"{'1' * 30}.{'0' * 30}"] == int("1" * 30) * in_one
    for text in ("1" * 31, "1" * 5_000, "1." + "0" * 31):
        with pytest.raises(FieldError, match=f"of {len(text)} characters; at most 30 digits") as refused:
            units[text]
        assert len(str(refused.value)) < 200


def test_a_price_between_two_ticks_is_refused() -> None:
    with pytest.raises(FieldError, match=r"price 1\.001 is off the grid: not a multiple of 0\.01"):
        Units("price", Decimal("0.01"), strays=False)["1.001"]


def test_a_stray_quantity_is_rounded_down_and_counted() -> None:
    units = Units("quantity", Decimal("0.001"), strays=True)
    assert (units["25.4265"], units["0.0001"], units.stray_count) == (25426, 1, 2)
    assert units[f"{'1' * 30}.0001"] == int("1" * 30) * 1000


def test_too_many_stray_quantities_mean_a_wrong_lot() -> None:
    units = Units("quantity", Decimal(1), strays=True)
    for number in range(3):
        units[f"{number}.5"]
    with pytest.raises(FieldError, match=r"quantity 7\.5 is off the grid"):
        units["7.5"]


@pytest.mark.parametrize(
    ("values", "lot"),
    [
        (["0.00100000", "2.500", "7"], "0.001"),
        (["0.5", "1.5", "10"], "0.5"),
        (["0.06", "0.09"], "0.01"),
        (["20", "300"], "10"),
        (["3", "0.000"], "1"),
        ([f"{number}.37" for number in range(1, 150)] + ["1.123456"], "0.01"),
        ([f"{number}.37" for number in range(1, 50)] + ["1.123456"], "0.000001"),
    ],
)
def test_the_lot_is_inferred_from_the_quantities(values: list[str], lot: str) -> None:
    instrument = infer_instrument("BTCUSDT", quantities(*values))
    assert str(instrument.lot_size) == lot
    assert instrument.min_notional == 5


def test_the_tick_is_inferred_from_every_price_without_exception() -> None:
    levels = [[f"{number}.5", "1"] for number in range(1, 500)] + [["7.001", "1"]]
    instrument = infer_instrument(
        "X", [CaptureLine(0, 1, MessageKind.SNAPSHOT, "", {"bids": levels, "asks": []})]
    )
    assert str(instrument.tick_size) == "0.001"


@pytest.mark.parametrize("wrong", [["1"], {}, None, 1, "abc", "1" * 31, "1" * 5_000])
def test_what_is_no_number_is_refused_at_its_line_also_where_the_grid_is_inferred(
    tmp_path: Path, wrong: Any
) -> None:
    path, wrong_bids = tmp_path / "wrong.gz", [("100.0", wrong)]
    opened = Capture().opened([("99.9", "5")], [("100.1", "3")])
    sound = list(opened.lines)
    for capture in (opened.depth(bids=wrong_bids), opened.trade("1", "1", Side.BUY, p=wrong)):
        capture.lines[2:-1] = []
        exchange = Exchange()
        exchange.add_recorded(capture.write(path))
        exchange.start(0)
        exchange.advance(10_000_000)
        said = str(exchange.error("BTCUSDT"))
        assert f"{path}, line {len(sound) + 1}: " in said
        assert len(said) < len(str(path)) + 200


def test_a_wrong_level_of_a_snapshot_is_told_with_the_snapshots_line(tmp_path: Path) -> None:
    wrongs: list[Any] = [["100.0", "1" * 5_000], ["1" * 5_000, "1"], [], ["100.0"], 5, {}]
    for wrong in wrongs:
        bids = [wrong]
        for asks in ([("100.1", "3")], bids):
            capture = Capture().trade("100.0", "1", Side.BUY).opened(bids, asks)
            with pytest.raises(CaptureError, match=r"wrong\.gz, line 2: "):
                Exchange().add_recorded(capture.write(tmp_path / "wrong.gz"))


def test_nothing_to_infer_from_asks_for_the_grid() -> None:
    with pytest.raises(FieldError, match="give it as SYMBOL:tick:lot:min_notional"):
        infer_instrument("BTCUSDT", quantities())


def test_grid_of_a_whole_capture_is_inferred_when_none_is_given(tmp_path: Path) -> None:
    capture = Capture("DOGEUSDT").opened([("0.10010", "12")], [("0.10025", "7")])
    exchange = Exchange()
    symbol = exchange.add_recorded(capture.write(tmp_path / "doge.gz"))
    instrument = exchange.instrument(symbol)
    assert (str(instrument.tick_size), str(instrument.lot_size)) == ("0.00005", "1")
    assert (instrument.base_currency, instrument.quote_currency) == ("DOGE", "USDT")


def test_inference_survives_a_fault_further_down(tmp_path: Path) -> None:
    capture = Capture().opened([("100.0", "5")], [("100.5", "4")]).line("rubbish")
    exchange = Exchange()
    exchange.add_recorded(capture.write(tmp_path / "broken.gz"))
    exchange.start(0)
    exchange.advance(10_000_000)
    assert "line 3" in str(exchange.error("BTCUSDT"))
    assert list(read_capture(Capture().write(tmp_path / "empty.gz"))) == []
