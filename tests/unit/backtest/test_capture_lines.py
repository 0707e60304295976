"""Messages of the market's topics become a capture that backtests play."""

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.backtest import backtested

from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT, TRADES
from tradex_backtest.capture_lines import SymbolLines, line_of

BEGAN_US = 1_700_000_000_000_000


def levels(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"price": price, "quantity": quantity} for price, quantity in pairs]


def delta(sequence: int, at_us: int, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    data = {"symbol": "BTCUSDT", "prev_sequence": sequence - 1, "sequence": sequence}
    return {"timestamp": at_us, "data": {**data, "bids": levels(*bids), "asks": levels(*asks)}}


def snapshot(sequence: int) -> dict[str, Any]:
    bids = [(f"{100 - step / 10:.1f}", "1.5") for step in range(20)]
    asks = [(f"{100.1 + step / 10:.1f}", "1.5") for step in range(20)]
    return {
        "timestamp": BEGAN_US,
        "data": {"symbol": "BTCUSDT", "sequence": sequence, "bids": levels(*bids), "asks": levels(*asks)},
    }


def trade(at_us: int, price: str) -> dict[str, Any]:
    data = {"symbol": "BTCUSDT", "trade_id": "x", "price": price, "quantity": "0.4", "side": "sell"}
    return {"timestamp": at_us, "data": {**data, "timestamp": at_us}}


def test_what_kafka_told_is_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    symbol, written = SymbolLines("BTCUSDT"), []
    told: list[tuple[str, dict[str, Any]]] = [
        (ORDER_BOOK_SNAPSHOT, snapshot(3)),
        (ORDER_BOOK_DELTA, delta(8, BEGAN_US, asks=[("100.2", "2")])),
        (ORDER_BOOK_SNAPSHOT, snapshot(6)),
        (ORDER_BOOK_DELTA, delta(9, BEGAN_US + 1000, bids=[("99.9", "2")])),
        (ORDER_BOOK_SNAPSHOT, snapshot(8)),
    ]
    for step in range(200):
        at_us = BEGAN_US + 10_000 * (step + 2)
        told.append((ORDER_BOOK_DELTA, delta(10 + step, at_us, bids=[("99.0", f"{1 + step % 3}")])))
        told.append((TRADES, trade(at_us, "99.9")))
    for number, (topic, record) in enumerate(told):
        message = symbol.line(topic, record)
        if message is not None:
            written.append(line_of((BEGAN_US + 5_000 * number) * 1000, message))
    path = tmp_path / "tape.gz"
    path.write_bytes(gzip.compress(b"".join(written)))
    assert symbol.joined
    assert (symbol.deltas, symbol.trades) == (202, 200)
    (run,) = backtested(capsys, "--capture", path, "--sweep", "base_spread_bps=10")["runs"]
    assert run["state"] == "ACTIVE"
    assert run["fills"] > 0
    assert Decimal(run["volume_usdt"]) > 0
