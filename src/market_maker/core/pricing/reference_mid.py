"""The reference mid: the price around which quotes stand, exact in ticks."""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import gcd
from typing import NamedTuple

from market_maker.core.instrument import EXACT, Instrument

BPS = 10_000


class MidSource(Enum):
    """Where a reference mid comes from, in order of preference."""

    BOOK = "book"
    MARK = "mark"
    LAST_TRADE = "last_trade"


_BOOK = MidSource.BOOK


class ReferenceMid(NamedTuple):
    """A price of `num / den` ticks; both are positive."""

    num: int
    den: int
    source: MidSource

    def price(self, instrument: Instrument) -> Decimal:
        """The mid in quote currency; exact, as it was made from a decimal price or two of them."""
        return EXACT.divide(EXACT.multiply(instrument.tick_size, Decimal(self.num)), Decimal(self.den))

    def is_between(self, bid: int | None, ask: int | None) -> bool:
        """Whether it is the midpoint of these best prices (ticks), both of which there are."""
        return (
            self.source is _BOOK
            and bid is not None
            and ask is not None
            and self.num == bid + ask
            and self.den == 2
        )

    @property
    def ticks(self) -> Fraction:
        """The mid in ticks, exact."""
        return Fraction(self.num, self.den)


class MidRange(NamedTuple):
    """Where the reference mid must lie: `low` and `high` are the same unless a best level is undecided."""

    low: ReferenceMid
    high: ReferenceMid

    @classmethod
    def of(cls, candidates: Sequence[ReferenceMid]) -> "MidRange":
        """From the lowest to the highest of what is possible; at least one candidate."""
        if len(candidates) == 1:
            return cls(candidates[0], candidates[0])
        ordered = sorted(candidates, key=lambda mid: mid.ticks)
        return cls(ordered[0], ordered[-1])

    @property
    def is_certain(self) -> bool:
        """Whether every possible mid is within a tick of every other."""
        return self.low is self.high or self.high.ticks - self.low.ticks <= 1

    def nearest(self, mid: ReferenceMid) -> ReferenceMid:
        """The possible mid that is nearest to an earlier one."""
        if mid.ticks < self.low.ticks:
            return self.low
        return self.high if mid.ticks > self.high.ticks else mid


def reference_mid(
    bid_without_own: int | None,
    ask_without_own: int | None,
    mark: Decimal | None,
    last_trade: Decimal | None,
    instrument: Instrument,
) -> ReferenceMid | None:
    """The midpoint of others' best prices (ticks); else the mark, else the last trade; else None.

    `mark` and `last_trade` are in quote currency; the caller passes None for one that is not fresh.
    A price that is not positive is no price.
    """
    if bid_without_own is not None and ask_without_own is not None:
        return ReferenceMid(bid_without_own + ask_without_own, 2, _BOOK)
    if mark is not None and mark > 0:
        return _from_price(mark, MidSource.MARK, instrument)
    if last_trade is not None and last_trade > 0:
        return _from_price(last_trade, MidSource.LAST_TRADE, instrument)
    return None


def _from_price(price: Decimal, source: MidSource, instrument: Instrument) -> ReferenceMid:
    price_num, price_den = price.as_integer_ratio()
    tick_num, tick_den = instrument.tick_size.as_integer_ratio()
    num, den = price_num * tick_den, price_den * tick_num
    common = gcd(num, den)
    return ReferenceMid(num // common, den // common, source)
