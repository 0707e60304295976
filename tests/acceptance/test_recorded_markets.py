"""The demo on recorded markets: the book is right at every check, and fills agree with the exchange."""

import gzip
from pathlib import Path

import pytest
from tests.acceptance.test_demo import require_clean, require_shape
from tests.support.demo_run import PERPETUAL, SPOT, DemoRun, RunningDemo, cut

pytestmark = [
    pytest.mark.long,
    pytest.mark.captures,
    pytest.mark.skipif(not SPOT.exists(), reason=f"the recorded markets are not at {SPOT.parent}"),
]
SECONDS = 14
SPOILT_LINE = 2_200


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Three recorded markets at once: the spot file, and the perpetual under two other names."""
    directory = tmp_path_factory.mktemp("captures")
    given = cut(PERPETUAL, 9_000, directory / "given.gz", "XBTUSDT")
    inferred = cut(PERPETUAL, 9_000, directory / "inferred.gz", "SOLUSDT")
    captures = [word for path in (SPOT, given, inferred) for word in ("--capture", str(path))]
    grid = ("--instrument", "XBTUSDT:0.1:0.001:100")
    return RunningDemo(directory, *captures, *grid, "--for", f"{SECONDS}s", "--spread-bps", "0.2").end()


def test_recorded_markets_agree_with_their_own_best_bid_and_ask(recorded: DemoRun) -> None:
    require_shape(recorded.summary)
    for name, symbol in require_clean(recorded).items():
        assert symbol["feed_checks"] >= SECONDS, name
        assert symbol["book_checks"] >= 5 * SECONDS


def test_recorded_markets_fill_our_orders_and_both_sides_stand_nearly_always(recorded: DemoRun) -> None:
    symbols = recorded.summary["symbols"]
    assert set(symbols) == {"BTCUSDT", "XBTUSDT", "SOLUSDT"}
    assert sum(symbol["fills"] for symbol in symbols.values()) > 0
    assert all(symbol["orders_placed"] > 0 for symbol in symbols.values())
    assert all(symbol["two_sided_share"] >= 0.95 for symbol in symbols.values()), symbols


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Three captures of half a minute at triple speed: a whole one, one cut off, one with a spoilt line."""
    directory = tmp_path_factory.mktemp("broken")
    whole = cut(SPOT, 2_400, directory / "whole.gz")
    for name, symbol in (("truncated", "XBTUSDT"), ("spoilt", "SOLUSDT")):
        _spoil(cut(SPOT, 2_400, directory / f"{name}.tmp", symbol), directory / f"{name}.gz", name)
    captures = [
        word
        for path in (whole, directory / "truncated.gz", directory / "spoilt.gz")
        for word in ("--capture", str(path))
    ]
    return RunningDemo(directory, *captures, "--for", "120s", "--speed", "3").end()


def test_a_capture_shorter_than_the_run_ends_it_early(broken: DemoRun) -> None:
    assert broken.summary["seconds"] < 40
    assert "played to its end" in broken.errors
    whole = broken.summary["symbols"]["BTCUSDT"]
    assert whole["two_sided_share"] >= 0.9
    assert "BTCUSDT" not in broken.summary["exit"]


def test_a_capture_that_breaks_off_is_played_up_to_there_and_named(broken: DemoRun) -> None:
    assert broken.code == 1
    told = broken.summary["exit"].split("; ")
    [truncated] = [text for text in told if "truncated.gz" in text]
    [spoilt] = [text for text in told if "spoilt.gz" in text]
    assert truncated.startswith("XBTUSDT: the capture breaks off: ")
    assert "the gzip file is cut off here" in truncated
    assert spoilt.startswith("SOLUSDT: the capture breaks off: ")
    assert f"line {SPOILT_LINE}" in spoilt
    for symbol in broken.summary["symbols"].values():
        assert symbol["fills"] == symbol["fills_at_exchange"]
        assert symbol["open_orders_at_exchange"] == 0
        assert symbol["feed_checks"] > 0
        assert symbol["feed_mismatches"] == symbol["book_mismatches"] == symbol["book_gaps"] == 0


def _spoil(capture: Path, to: Path, how: str) -> None:
    if how == "truncated":
        whole = capture.read_bytes()
        to.write_bytes(whole[: len(whole) * 9 // 10])
        return
    lines = gzip.decompress(capture.read_bytes()).splitlines()
    lines[SPOILT_LINE - 1] = lines[SPOILT_LINE - 1][:60]
    to.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
