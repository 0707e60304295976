"""Captures in other formats: the same market gives the same run, and what is wrong names its line."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.support.backtest import backtested, config_file, wandering
from tests.support.other_tapes import npz, tardis

from tradex_backtest.command import main

GRID = "BTCUSDT:0.1:0.001:5"
STEADY = [word for name in ("feed", "order", "answer") for word in (f"--{name}-latency", "1ms")]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_file(tmp_path / "a.yaml")


def test_a_market_gives_the_same_run_in_every_format(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market = wandering(60)
    words = ("--config", config, "--instrument", GRID, *STEADY, "--capture")
    told = [
        backtested(capsys, *words, *files)["runs"]
        for files in (
            [market.write(tmp_path / "market.gz")],
            tardis(market, tmp_path),
            [npz(market, tmp_path / "btcusdt_20231114.npz")],
        )
    ]
    without_files = [[{**run, "capture": ""} for run in runs] for runs in told]
    assert len(told[0]) == 1
    assert told[0][0]["fills"] > 10
    assert without_files[0] == without_files[1] == without_files[2]
    assert told[1][0]["capture"] == "book.csv + trades.csv.gz"


def test_the_grid_is_inferred_in_every_format(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market = wandering(20)
    words = ("--config", config, "--capture")
    (from_csv,) = backtested(capsys, *words, *tardis(market, tmp_path))["runs"]
    (from_npz,) = backtested(capsys, *words, npz(market, tmp_path / "BTCUSDT_1.npz"))["runs"]
    assert from_csv["symbol"] == from_npz["symbol"] == "BTCUSDT"
    assert from_csv["orders_placed"] == from_npz["orders_placed"] > 0


def test_a_snapshot_in_the_middle_replaces_the_book(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book, trades = tardis(wandering(20), tmp_path)
    last = book.read_text().splitlines()[-1].split(",")
    at = int(last[2]) + 50_000
    again = [
        f"binance,BTCUSDT,{at},{at},true,{side},{price},1"
        for side, price in (("bid", "900.0"), ("bid", "899.9"), ("ask", "900.5"))
    ]
    late = f"binance,BTCUSDT,{at + 900_000},{at + 900_000},false,bid,899.8,2"
    book.write_text(book.read_text() + "\n".join([*again, late]) + "\n")
    (run,) = backtested(capsys, "--config", config, "--capture", book, trades)["runs"]
    assert run["state"] == "ACTIVE"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _spoil(row: int, text: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        packed = path.suffix == ".gz"
        content = (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode()
        lines = content.splitlines()
        lines[row - 1] = text
        told = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(told) if packed else told)

    return spoil


def _row(received: str) -> str:
    return f"binance,BTCUSDT,1700000000500000,{received},false,bid,1000.0,1"


@pytest.mark.parametrize(
    ("file", "spoil", "problem"),
    [
        (0, _spoil(900, "binance,BTCUSDT"), "book.csv, line 900: has 2 columns where 8 are needed"),
        (
            0,
            _spoil(900, "binance,BTCUSDT,1,x,false,bid,1,1"),
            "line 900: timestamp and local_timestamp must be",
        ),
        (0, _spoil(901, "binance,BTCUSDT,1700000000500000,1700000000500000,false,bid,1e5x,1"), "line 901"),
        (
            0,
            _spoil(901, "binance,BTCUSDT,1700000000500000,1700000000500000,false,buy,1000.0,1"),
            "line 901: side must be bid or ask",
        ),
        (
            0,
            _spoil(901, "binance,BTCUSDT,1700000000500000,1700000000500000,false,bid,1000.03,1"),
            "line 901: price 1000.03 is off the grid",
        ),
        (0, _spoil(900, _row("9223372036854775")), "line 900: the receive time 9223372036854775000 is not"),
        (0, _spoil(900, _row("9" * 5000)), "line 900: timestamp and local_timestamp must be"),
        (0, _spoil(900, _row("1700100000000000")), "line 900: the receive time 1700100000000000000 is more"),
        (0, _spoil(1, "exchange,symbol,timestamp,is_snapshot"), "book.csv, line 1: the header lacks"),
        (
            1,
            _spoil(20, "binance,BTCUSDT,1700000000500000,1700000000500000,7,up,1000.0,1"),
            "trades.csv.gz, line 20: a trade needs side",
        ),
        (1, _cut, "the gzip file is cut off here"),
    ],
)
def test_a_wrong_row_is_one_error_with_file_and_line(
    tmp_path: Path,
    config: Path,
    file: int,
    spoil: Callable[[Path], None],
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = tardis(wandering(30), tmp_path)
    spoil(files[file])
    words = ["--jobs", "1", "--config", config, "--instrument", GRID, "--capture", *files]
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("price", ["abc", "9" * 5_000, "1e999999999"])
def test_a_wrong_price_is_refused_at_its_line_also_where_the_grid_is_inferred(
    tmp_path: Path, price: str, capsys: pytest.CaptureFixture[str]
) -> None:
    book, _ = tardis(wandering(5), tmp_path)
    lines = book.read_text().splitlines()
    lines[3] = ",".join([*lines[3].split(",")[:-2], price, "1"])
    book.write_text("\n".join(lines) + "\n")
    assert main(["--jobs", "1", "--capture", str(book)]) == 1
    said = capsys.readouterr().err
    assert f"{book}, line 4: price must be a decimal string, zero or more, got '{price[:59]}" in said
    assert (said.count("\n"), len(said) < len(str(book)) + 250) == (1, True)


def test_an_npz_that_is_none_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "market.npz"
    path.write_bytes(b"PK\x03\x04")
    assert main(["--capture", str(path)]) == 1
    assert "is no sound npz file" in capsys.readouterr().err
    np.savez(path, data=np.zeros(3))
    assert main(["--capture", str(path)]) == 1
    assert "its array lacks ev, exch_ts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("at_ns", "problem"),
    [
        (-5, "the receive time -1000 is not nanoseconds since 1970"),
        (2**63 - 1, "is not nanoseconds since 1970"),
        (
            1_700_100_000_000_000_000,
            "the receive time 1700100000000000000 is more than a day from that of the",
        ),
    ],
)
def test_a_receive_time_of_an_npz_that_cannot_be_names_the_row(
    tmp_path: Path, config: Path, at_ns: int, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = npz(wandering(10), tmp_path / "BTCUSDT_1.npz")
    data = np.load(path)["data"]
    data["local_ts"][500] = at_ns
    np.savez(path, data=data)
    assert main(["--jobs", "1", "--config", str(config), "--capture", str(path)]) == 1
    said = capsys.readouterr().err
    assert f"{path}, line 501: " in said
    assert problem in said
