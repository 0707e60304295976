"""Market maker programmes: what was promised to an exchange, and whether orders keep it.

What may live here: frozen records and pure questions about them. Times are microseconds since 1970 UTC.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import Enum

from market_maker.core.instrument import EXACT
from market_maker.core.side import Side

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 1_440 * MINUTE_US
_FIRST_DAY = 3
"""1 January 1970 was a Thursday; Monday is 0."""


class Measure(Enum):
    """What the share of presence is a share of."""

    TIME = "time"
    MINUTES = "minutes"
    SAMPLES = "samples"


@dataclass(frozen=True, slots=True)
class Tier:
    """A size on both sides within a spread, and how much of the window it must be there."""

    name: str
    max_spread_bps: Decimal
    """Between our own bid and ask, in 1/10000 of their middle."""
    min_size: Decimal
    """On each side, together down to that price."""
    in_base: bool
    """Whether `min_size` is base currency; otherwise it is quote currency."""
    min_share_pct: Decimal


@dataclass(frozen=True, slots=True)
class Programme:
    """One programme for one symbol. The window is the same on each of its days, in UTC."""

    name: str
    symbol: str
    tiers: tuple[Tier, ...]
    measure: Measure
    sample_us: int = 0
    """Between two samples; 0 unless samples are counted."""
    minute_pct: int = 0
    """How much of a minute must be covered for it to count; 0 unless minutes are counted."""
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Days of the week; Monday is 0."""
    from_minute: int = 0
    until_minute: int = 1_440
    since_us: int = 0
    """Its first day; on a day before nothing was promised."""

    def covers(self, at_us: int) -> bool:
        """Whether a time lies within the window."""
        day, rest_us = divmod(at_us, DAY_US)
        return self._is_of(day) and self.from_minute <= rest_us // MINUTE_US < self.until_minute

    def window(self, day_us: int) -> tuple[int, int]:
        """The window of the day that begins then; an empty one on other days."""
        if not self._is_of(day_us // DAY_US):
            return day_us, day_us
        return day_us + self.from_minute * MINUTE_US, day_us + self.until_minute * MINUTE_US

    def _is_of(self, day: int) -> bool:
        return day * DAY_US >= self.since_us and (day + _FIRST_DAY) % 7 in self.days

    def units(self, from_us: int, until_us: int) -> int:
        """How much of the measure a time within the window holds: microseconds, whole minutes or samples."""
        if until_us <= from_us:
            return 0
        if self.measure is Measure.SAMPLES:
            return samples(from_us, until_us, self.sample_us)
        return until_us - from_us if self.measure is Measure.TIME else (until_us - from_us) // MINUTE_US


@dataclass(frozen=True, slots=True)
class Resting:
    """What the exchange has acknowledged of an order and has not filled: quote and base currency."""

    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class PresenceSpan:
    """How much of a stretch of time in which we quoted a tier was kept.

    Stretches end where quoting ends, and at each full hour. A later record of the same beginning replaces an
    earlier one.
    """

    programme: str
    tier: str
    from_us: int
    until_us: int
    present_us: int
    minutes: int
    samples: int


def samples(from_us: int, until_us: int, every_us: int) -> int:
    """Sample times from the first time to before the second."""
    return -(-until_us // every_us) + from_us // -every_us


def is_present(tier: Tier, resting: Iterable[Resting]) -> bool:
    """Whether orders hold the size on both sides within the spread."""
    orders = tuple(resting)
    bid = _reached(tier, sorted((one for one in orders if one.side is Side.BUY), key=lambda one: -one.price))
    ask = _reached(tier, sorted((one for one in orders if one.side is Side.SELL), key=lambda one: one.price))
    if bid is None or ask is None:
        return False
    spread = EXACT.multiply(EXACT.subtract(ask, bid), Decimal(20_000))
    return spread <= EXACT.multiply(tier.max_spread_bps, EXACT.add(ask, bid))


def _reached(tier: Tier, best_first: Iterable[Resting]) -> Decimal | None:
    """The price at which a side holds the size, counted from its best; None when it does not."""
    size = Decimal(0)
    for one in best_first:
        size = EXACT.add(size, one.quantity if tier.in_base else EXACT.multiply(one.price, one.quantity))
        if size >= tier.min_size:
            return one.price
    return None


@dataclass(frozen=True, slots=True)
class ProgrammeDay:
    """How one tier stands on one day, in units of the programme's measure."""

    programme: Programme
    tier: Tier
    from_us: int
    until_us: int
    """The day's window; empty on a day that is none of the programme's."""
    present: int
    elapsed: int
    total: int

    @classmethod
    def of(cls, programme: Programme, tier: Tier, present: int, day_us: int, now_us: int) -> "ProgrammeDay":
        """On the day that begins then, as of now."""
        from_us, until_us = programme.window(day_us)
        elapsed = programme.units(from_us, min(max(now_us, from_us), until_us))
        return cls(programme, tier, from_us, until_us, present, elapsed, programme.units(from_us, until_us))

    @property
    def needed(self) -> int:
        """How much must be present by the end of the window."""
        share = EXACT.divide(EXACT.multiply(self.tier.min_share_pct, Decimal(self.total)), Decimal(100))
        return int(share.to_integral_value(ROUND_CEILING))

    @property
    def slack(self) -> int:
        """How much may still be absent; negative: the day cannot be made any more."""
        absent = max(0, self.elapsed - self.present)
        return self.total - self.needed - absent

    @property
    def slack_ratio(self) -> float:
        """The same as a share of what may be absent in all; 0 when nothing may be and nothing was."""
        allowed = self.total - self.needed
        return self.slack / allowed if allowed else float(self.slack)

    @property
    def is_met(self) -> bool | None:
        """Whether the day is made, or cannot be made any more; None while it is open."""
        if self.slack < 0:
            return False
        return True if self.present >= self.needed else None
