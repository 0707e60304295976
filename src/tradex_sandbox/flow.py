"""The order flow of a simulated crowd: an endless, seeded stream of what its participants send.

The flow knows nothing of the book. Everything in it follows from the seed and the start price, so it
is the same whatever other accounts do; only what becomes of each order depends on them.

What drives it: a fundamental value that wanders, and a mood around it that overshoots and comes back.
Providers quote around value plus mood. Noise traders sweep one side up to a limit. Informed traders
see the value itself and trade against the mood when it has gone too far.

Prices here are floats: they are opinions, which the market rounds to its grid before they become orders.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from tradex_sandbox.orders import Side

ORDERS_PER_SECOND = 26.0
"""Arrivals; with the cancellations of providers that makes some 50 book events a second."""

VALUE_BPS_PER_SQRT_S = 0.45
"""How far the fundamental value wanders: basis points per square root of a second."""
MOOD_BPS = 3.0
"""Standard deviation of the mood."""
MOOD_HALF_LIFE_S = 4.0

SWEEP_SHARE = 0.035
"""Share of arrivals that are noise traders' sweeps."""
SWEEP_LIMIT_BPS = (2.0, 14.0)
"""How far from value plus mood a sweep goes, uniformly."""
SWEEP_QUOTE = (3_000.0, 25_000.0)
"""What a sweep wants to trade, quote currency, log-uniformly."""

INFORMED_SHARE = 0.02
INFORMED_EDGE_BPS = 5.0
"""What an informed trader wants to earn against the value."""
INFORMED_QUOTE = (2_000.0, 10_000.0)

NOISE_SHARE = 0.08
"""Share of arrivals that are small orders at the touch."""
NOISE_LIMIT_BPS = 2.5
NOISE_QUOTE = (20.0, 1_500.0)

QUOTE_SIZE = (150.0, 3_500.0)
"""What a provider offers at one price, quote currency, log-uniformly."""
QUOTE_HALF_SPREAD_BPS = 0.8
QUOTE_DEPTH_BPS = 7.0
"""Providers stand beyond the half spread by an exponentially distributed distance of this mean."""
QUOTE_LIFETIME_S = (0.5, 0.55)
"""Mean lifetime of a quote at the half spread, and what each further basis point adds."""
DEEP_SHARE = 0.06
"""Share of quotes that stand deep and long."""
DEEP_BPS = (20.0, 120.0)
DEEP_LIFETIME_S = 90.0


class Participant(Enum):
    """Who sends an order; the value is its account."""

    PROVIDER = "crowd-provider"
    NOISE = "crowd-noise"
    SWEEPER = "crowd-sweeper"
    INFORMED = "crowd-informed"


@dataclass(frozen=True, slots=True)
class FlowOrder:
    """An order of the crowd, `at_us` after the start: its limit an opinion, its size in quote currency."""

    at_us: int
    participant: Participant
    side: Side
    price: float
    notional: float
    lifetime_us: int
    """How long it rests; 0: it takes what it can and leaves."""


class Flow:
    """The stream; iterate over it. `value` is the fundamental value at the last order given."""

    def __init__(self, start_price: float, seed: str) -> None:
        self.value = start_price
        self._mood_bps = 0.0
        self._clock_s = 0.0
        self._random = random.Random(seed)  # noqa: S311 - reproducible by its seed, guards no secret

    def __iter__(self) -> Iterator[FlowOrder]:
        return self

    def __next__(self) -> FlowOrder:
        """The next arrival. Every branch draws from one generator, in an order that the seed fixes."""
        self._pass_time(self._random.expovariate(ORDERS_PER_SECOND))
        return self._order()

    def opening(self, count: int) -> list[FlowOrder]:
        """Quotes that stand when the market opens."""
        return [self._quote() for _ in range(count)]

    def _pass_time(self, seconds: float) -> None:
        self._clock_s += seconds
        step_bps = VALUE_BPS_PER_SQRT_S * math.sqrt(seconds) * self._random.gauss(0, 1)
        self.value *= math.exp(step_bps / 10_000)
        kept = 0.5 ** (seconds / MOOD_HALF_LIFE_S)
        shock = MOOD_BPS * math.sqrt(1 - kept * kept) * self._random.gauss(0, 1)
        self._mood_bps = self._mood_bps * kept + shock

    def _order(self) -> FlowOrder:
        draw = self._random.random()
        if draw < INFORMED_SHARE:
            return self._informed()
        if draw < INFORMED_SHARE + SWEEP_SHARE:
            limit_bps = self._random.uniform(*SWEEP_LIMIT_BPS)
            return self._taker(Participant.SWEEPER, limit_bps, SWEEP_QUOTE)
        if draw < INFORMED_SHARE + SWEEP_SHARE + NOISE_SHARE:
            return self._taker(Participant.NOISE, NOISE_LIMIT_BPS, NOISE_QUOTE)
        return self._quote()

    def _informed(self) -> FlowOrder:
        side = Side.SELL if self._mood_bps > 0 else Side.BUY
        edge = INFORMED_EDGE_BPS if side is Side.SELL else -INFORMED_EDGE_BPS
        price = self.value * (1 + edge / 10_000)
        return self._made(Participant.INFORMED, side, price, INFORMED_QUOTE, 0.0)

    def _taker(self, who: Participant, limit_bps: float, size: tuple[float, float]) -> FlowOrder:
        side = self._side()
        distance = limit_bps if side is Side.BUY else -limit_bps
        return self._made(who, side, self._opinion(distance), size, 0.0)

    def _quote(self) -> FlowOrder:
        side = self._side()
        if self._random.random() < DEEP_SHARE:
            distance = self._random.uniform(*DEEP_BPS)
            lifetime_s = self._random.expovariate(1 / DEEP_LIFETIME_S)
        else:
            beyond = self._random.expovariate(1 / QUOTE_DEPTH_BPS)
            distance = QUOTE_HALF_SPREAD_BPS + beyond
            base_s, per_bp_s = QUOTE_LIFETIME_S
            lifetime_s = self._random.expovariate(1 / (base_s + per_bp_s * beyond))
        price = self._opinion(-distance if side is Side.BUY else distance)
        return self._made(Participant.PROVIDER, side, price, QUOTE_SIZE, lifetime_s)

    def _made(
        self, who: Participant, side: Side, price: float, size: tuple[float, float], lifetime_s: float
    ) -> FlowOrder:
        low, high = size
        notional = low * (high / low) ** self._random.random()
        lifetime_us = max(1, round(lifetime_s * 1e6)) if lifetime_s else 0
        return FlowOrder(round(self._clock_s * 1e6), who, side, price, notional, lifetime_us)

    def _opinion(self, distance_bps: float) -> float:
        return self.value * (1 + (self._mood_bps + distance_bps) / 10_000)

    def _side(self) -> Side:
        return Side.BUY if self._random.random() < 0.5 else Side.SELL
