"""Compares the book that the service publishes with the exchange's own record of the same sequence."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from market_maker.demo.http import JsonClient

Top = tuple[str | None, str | None]


@dataclass(slots=True)
class BookChecker:
    """Samples of (sequence, best bid, best ask) per symbol, and how they compared."""

    sandbox: JsonClient
    checks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    mismatches: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _waiting: dict[str, dict[int, Top]] = field(default_factory=lambda: defaultdict(dict))

    def sample(self, symbol: str, book: dict[str, Any]) -> None:
        """Note what the service's status says of its book; an invalid book is no claim."""
        if book["valid"]:
            self._waiting[symbol][book["sequence"]] = (book["best_bid"], book["best_ask"])

    async def compare(self) -> None:
        """Ask the exchange for the sampled sequences and compare."""
        for symbol in tuple(self._waiting):
            sampled = self._waiting.pop(symbol)
            answer = await self.sandbox.get(
                f"/sandbox/book/{symbol}", [("sequence", str(sequence)) for sequence in sampled]
            )
            for sequence, seen in sampled.items():
                self._judge(symbol, sequence, seen, answer["tops"][str(sequence)])

    def _judge(self, symbol: str, sequence: int, seen: Top, top: dict[str, Any] | None) -> None:
        self.checks[symbol] += 1
        published = (top["best_bid"], top["best_ask"]) if top is not None else None
        if published is None or not _same(seen, published):
            self.mismatches[symbol].append(f"sequence {sequence}: service {seen}, exchange {published}")


def _same(seen: Top, published: Top) -> bool:
    return all(
        (a is None and b is None) or (a is not None and b is not None and Decimal(a) == Decimal(b))
        for a, b in zip(seen, published, strict=True)
    )
