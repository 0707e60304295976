"""From messages of the market's topics to lines of a capture, in the format that `tapes/binance` reads.

A symbol's lines begin with a delta and a snapshot that this delta, or one after it, continues. Quantities and
prices stay the strings that they were. Our own orders are part of the published book, and so of the capture:
what was recorded while nothing of ours was in the market is a market of others alone.
"""

import json
from collections.abc import Mapping
from typing import Any

from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT, TRADES

TOPICS = (ORDER_BOOK_SNAPSHOT, ORDER_BOOK_DELTA, TRADES)


class SymbolLines:
    """One symbol's part of a capture."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.joined = False
        """Whether a snapshot is there that the deltas continue."""
        self.deltas = self.trades = 0
        self._first: int | None = None
        """The sequence that the first delta continues."""

    def line(self, topic: str, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """The message of a line; None when the capture has no use for it."""
        data = record["data"]
        if topic == ORDER_BOOK_DELTA:
            return self._delta(data, record["timestamp"])
        if topic == TRADES:
            return self._trade(data)
        return self._snapshot(data)

    def _delta(self, data: Mapping[str, Any], at: Any) -> dict[str, Any]:
        if self._first is None:
            self._first = data["prev_sequence"]
        self.deltas += 1
        told = {"s": self.symbol, "T": _us(at), "U": data["prev_sequence"] + 1, "u": data["sequence"]}
        return self._stream("depth", {**told, "b": _levels(data["bids"]), "a": _levels(data["asks"])})

    def _snapshot(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.joined or self._first is None or data["sequence"] < self._first:
            return None
        self.joined = True
        bids, asks = _levels(data["bids"]), _levels(data["asks"])
        return {"lastUpdateId": data["sequence"], "symbol": self.symbol, "bids": bids, "asks": asks}

    def _trade(self, data: Mapping[str, Any]) -> dict[str, Any]:
        self.trades += 1
        taker_sells = data["side"].upper() == "SELL"
        told = {"s": self.symbol, "T": _us(data["timestamp"]), "t": self.trades, "m": taker_sells}
        return self._stream("trade", {**told, "p": data["price"], "q": data["quantity"]})

    def _stream(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        return {"stream": f"{self.symbol.lower()}@{kind}", "data": data}


def line_of(at_ns: int, message: Mapping[str, Any]) -> bytes:
    """A whole line."""
    return f"{at_ns} {json.dumps(message, separators=(',', ':'))}\n".encode()


def _levels(levels: Any) -> list[list[str]]:
    return [[level["price"], level["quantity"]] for level in levels]


def _us(at: Any) -> int:
    """An Avro timestamp in microseconds."""
    return at if isinstance(at, int) else round(at.timestamp() * 1e6)
