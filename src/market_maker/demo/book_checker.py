"""Compares the service's book and reference mid with the exchange's own record of the same sequence."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from market_maker.demo.http import JsonClient

Top = tuple[str | None, str | None]


@dataclass(slots=True)
class _Samples:
    """What the service claimed of one symbol, by sequence, since the last comparison."""

    tops: dict[int, Top] = field(default_factory=dict)
    mids: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class BookChecker:
    """Samples of the book's top and of the mid per symbol and sequence, and how they compared."""

    sandbox: JsonClient
    account_id: str
    """Whose orders are not to be in the reference mid."""
    checks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    mismatches: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    mid_checks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    mid_mismatches: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _waiting: dict[str, _Samples] = field(default_factory=lambda: defaultdict(_Samples))
    _compared: dict[str, tuple[int, int]] = field(default_factory=lambda: defaultdict(lambda: (0, 0)))
    """Up to which sequence tops and mids were compared: each sequence counts once."""

    def sample(self, symbol: str, status: dict[str, Any]) -> None:
        """Note what the service's status says of its book and its mid.

        No claims are an invalid book, and a mid that is uncertain or was not computed from the book.
        """
        book, reference = status["book"], status["reference"]
        top_done, mid_done = self._compared[symbol]
        if book["valid"] and book["sequence"] > top_done:
            self._waiting[symbol].tops[book["sequence"]] = (book["best_bid"], book["best_ask"])
        if (
            reference["mid"] is not None
            and reference["source"] == "book"
            and not reference["uncertain"]
            and reference["sequence"] > mid_done
        ):
            self._waiting[symbol].mids[reference["sequence"]] = reference["mid"]

    async def compare(self) -> None:
        """Ask the exchange for the sampled sequences and compare."""
        for symbol in tuple(self._waiting):
            sampled = self._waiting.pop(symbol)
            sequences = sorted({*sampled.tops, *sampled.mids})
            answer = await self.sandbox.get(
                f"/sandbox/book/{symbol}",
                [("account_id", self.account_id), *(("sequence", str(number)) for number in sequences)],
            )
            for sequence, seen in sampled.tops.items():
                self._judge_top(symbol, sequence, seen, answer["tops"][str(sequence)])
            tick = Decimal(answer["tick_size"])
            for sequence, mid in sampled.mids.items():
                self._judge_mid(symbol, sequence, mid, answer["tops"][str(sequence)], tick)
            top_done, mid_done = self._compared[symbol]
            self._compared[symbol] = max((top_done, *sampled.tops)), max((mid_done, *sampled.mids))

    def _judge_top(self, symbol: str, sequence: int, seen: Top, top: dict[str, Any] | None) -> None:
        self.checks[symbol] += 1
        published = (top["best_bid"], top["best_ask"]) if top is not None else None
        if published is None or not _same(seen, published):
            self.mismatches[symbol].append(f"sequence {sequence}: service {seen}, exchange {published}")

    def _judge_mid(
        self, symbol: str, sequence: int, mid: str, top: dict[str, Any] | None, tick: Decimal
    ) -> None:
        """A mid may differ by one tick; without both sides of others there is nothing to compare with."""
        if top is None or top["others_bid"] is None or top["others_ask"] is None:
            return
        self.mid_checks[symbol] += 1
        bid, ask = Decimal(top["others_bid"]), Decimal(top["others_ask"])
        if abs(Decimal(mid) - (bid + ask) / 2) > tick:
            self.mid_mismatches[symbol].append(
                f"sequence {sequence}: the service's mid {mid}, others {bid} / {ask}"
            )


def _same(seen: Top, published: Top) -> bool:
    return all(
        (a is None and b is None) or (a is not None and b is not None and Decimal(a) == Decimal(b))
        for a, b in zip(seen, published, strict=True)
    )
