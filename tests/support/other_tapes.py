"""The same market in the formats of Tardis and hftbacktest."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lab.sandbox_market import Capture

EVENT = [
    ("ev", "u8"),
    ("exch_ts", "i8"),
    ("local_ts", "i8"),
    ("px", "f8"),
    ("qty", "f8"),
    ("order_id", "u8"),
    ("ival", "i8"),
    ("fval", "f8"),
]
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4


def _messages(capture: Capture) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Receive time in ns, kind and content; the snapshot has the time of the message that joins it."""
    parsed = [line.partition(" ") for line in capture.lines]
    times = [int(stamp) for stamp, _, _ in parsed]
    for index, (_, _, body) in enumerate(parsed):
        content = json.loads(body)
        if "lastUpdateId" in content:
            yield times[index + 1], "snapshot", {"b": content["bids"], "a": content["asks"]}
        else:
            yield times[index], content["stream"].partition("@")[2].partition("@")[0], content["data"]


def tardis(capture: Capture, folder: Path) -> tuple[Path, Path]:
    """The book's file, plain, and the trades' file, gzip."""
    book = ["exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"]
    trades = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    for at_ns, kind, data in _messages(capture):
        at = at_ns // 1000
        if kind == "trade":
            side = "sell" if data["m"] else "buy"
            trades.append(f"binance,BTCUSDT,{at},{at},{data['t']},{side},{data['p']},{data['q']}")
            continue
        flag = "true" if kind == "snapshot" else "false"
        for side, levels in (("bid", data["b"]), ("ask", data["a"])):
            book += [f"binance,BTCUSDT,{at},{at},{flag},{side},{price},{amount}" for price, amount in levels]
    book_path, trades_path = folder / "book.csv", folder / "trades.csv.gz"
    book_path.write_text("\n".join(book) + "\n")
    trades_path.write_bytes(gzip.compress(("\n".join(trades) + "\n").encode()))
    return book_path, trades_path


def npz(capture: Capture, path: Path) -> Path:
    """One array, as hftbacktest 2 writes it."""
    rows: list[tuple[Any, ...]] = []
    for at_ns, kind, data in _messages(capture):
        if kind == "trade":
            side = SELL if data["m"] else BUY
            rows.append(_row(TRADE | side, at_ns, data["p"], data["q"]))
            continue
        if kind == "snapshot":
            rows += [_row(CLEAR | side, at_ns, "0", "0") for side in (BUY, SELL)]
        for side, levels in ((BUY, data["b"]), (SELL, data["a"])):
            what = SNAPSHOT if kind == "snapshot" else DEPTH
            rows += [_row(what | side, at_ns, price, amount) for price, amount in levels]
    np.savez_compressed(path, data=np.array(rows, dtype=EVENT))
    return path


def _row(event: int, at_ns: int, price: str, quantity: str) -> tuple[Any, ...]:
    return (event | EXCH | LOCAL, at_ns, at_ns, float(price), float(quantity), 0, 0, 0.0)
