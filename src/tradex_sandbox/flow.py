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
from dataclasses import dataclass, replace
from enum import Enum

from tradex_sandbox.orders import Side


@dataclass(frozen=True, slots=True)
class FlowProfile:
    """What a crowd is like. Pairs are ranges, drawn from uniformly (distances) or log-uniformly (amounts)."""

    opening_quotes: int = 160
    """Quotes that stand when the market opens, both sides together."""
    orders_per_second: float = 26.0
    """Arrivals; with the cancellations of providers that makes some 50 book events a second."""
    value_bps_per_sqrt_s: float = 0.45
    """How far the fundamental value wanders: basis points per square root of a second."""
    mood_bps: float = 3.0
    """Standard deviation of the mood."""
    mood_half_life_s: float = 4.0

    sweep_share: float = 0.035
    """Share of arrivals that are noise traders' sweeps."""
    sweep_limit_bps: tuple[float, float] = (2.0, 14.0)
    """How far from value plus mood a sweep goes."""
    sweep_quote: tuple[float, float] = (3_000.0, 25_000.0)
    """What a sweep wants to trade, quote currency."""

    informed_share: float = 0.02
    informed_edge_bps: float = 5.0
    """What an informed trader wants to earn against the value."""
    informed_quote: tuple[float, float] = (2_000.0, 10_000.0)

    noise_share: float = 0.08
    """Share of arrivals that are small orders at the touch."""
    noise_limit_bps: float = 2.5
    noise_quote: tuple[float, float] = (20.0, 1_500.0)

    quote_size: tuple[float, float] = (150.0, 3_500.0)
    """What a provider offers at one price, quote currency."""
    quote_half_spread_bps: float = 0.8
    quote_depth_bps: float = 7.0
    """Providers stand beyond the half spread by an exponentially distributed distance of this mean."""
    quote_lifetime_s: tuple[float, float] = (0.5, 0.55)
    """Mean lifetime of a quote at the half spread, and what each further basis point adds."""
    deep_share: float = 0.06
    """Share of quotes that stand deep and long."""
    deep_bps: tuple[float, float] = (20.0, 120.0)
    deep_lifetime_s: float = 90.0
    joining_share: float = 0.0
    """Share of the other quotes that join the best price of their side, whoever stands there."""


NORMAL = FlowProfile()
"""A liquid market."""
THIN = FlowProfile(
    opening_quotes=16,
    orders_per_second=9.0,
    mood_bps=2.0,
    sweep_share=0.01,
    sweep_quote=(100.0, 600.0),
    informed_share=0.005,
    informed_quote=(100.0, 400.0),
    noise_share=0.06,
    noise_quote=(10.0, 80.0),
    quote_size=(15.0, 250.0),
    quote_half_spread_bps=4.0,
    quote_depth_bps=2.5,
    quote_lifetime_s=(1.2, 0.2),
    deep_share=0.04,
    deep_bps=(9.0, 18.0),
    deep_lifetime_s=40.0,
    joining_share=0.2,
)
"""A handful of levels on each side, often a single small order at the best, and some that join our prices."""
PROFILES = {"normal": NORMAL, "thin": THIN}
"""By the word on a command line."""


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
    joins: bool = False
    """It rests at the best price of its side instead, if there is one."""


class Flow:
    """The stream; iterate over it. `value` is the fundamental value at the last order given."""

    def __init__(self, start_price: float, seed: str, profile: FlowProfile = NORMAL) -> None:
        self.value = start_price
        self._profile = profile
        self._mood_bps = 0.0
        self._clock_s = 0.0
        self._random = random.Random(seed)  # noqa: S311 - reproducible by its seed, guards no secret

    def __iter__(self) -> Iterator[FlowOrder]:
        return self

    def __next__(self) -> FlowOrder:
        """The next arrival. Every branch draws from one generator, in an order that the seed fixes."""
        self._pass_time(self._random.expovariate(self._profile.orders_per_second))
        return self._order()

    def opening(self) -> list[FlowOrder]:
        """Quotes that stand when the market opens."""
        return [self._quote() for _ in range(self._profile.opening_quotes)]

    def _pass_time(self, seconds: float) -> None:
        self._clock_s += seconds
        step_bps = self._profile.value_bps_per_sqrt_s * math.sqrt(seconds) * self._random.gauss(0, 1)
        self.value *= math.exp(step_bps / 10_000)
        kept = 0.5 ** (seconds / self._profile.mood_half_life_s)
        shock = self._profile.mood_bps * math.sqrt(1 - kept * kept) * self._random.gauss(0, 1)
        self._mood_bps = self._mood_bps * kept + shock

    def _order(self) -> FlowOrder:
        profile, draw = self._profile, self._random.random()
        if draw < profile.informed_share:
            return self._informed()
        if draw < profile.informed_share + profile.sweep_share:
            limit_bps = self._random.uniform(*profile.sweep_limit_bps)
            return self._taker(Participant.SWEEPER, limit_bps, profile.sweep_quote)
        if draw < profile.informed_share + profile.sweep_share + profile.noise_share:
            return self._taker(Participant.NOISE, profile.noise_limit_bps, profile.noise_quote)
        return self._quote()

    def _informed(self) -> FlowOrder:
        side = Side.SELL if self._mood_bps > 0 else Side.BUY
        edge = self._profile.informed_edge_bps if side is Side.SELL else -self._profile.informed_edge_bps
        price = self.value * (1 + edge / 10_000)
        return self._made(Participant.INFORMED, side, price, self._profile.informed_quote, 0.0)

    def _taker(self, who: Participant, limit_bps: float, size: tuple[float, float]) -> FlowOrder:
        side = self._side()
        distance = limit_bps if side is Side.BUY else -limit_bps
        return self._made(who, side, self._opinion(distance), size, 0.0)

    def _quote(self) -> FlowOrder:
        profile, side, joins = self._profile, self._side(), False
        if self._random.random() < profile.deep_share:
            distance = self._random.uniform(*profile.deep_bps)
            lifetime_s = self._random.expovariate(1 / profile.deep_lifetime_s)
        else:
            beyond = self._random.expovariate(1 / profile.quote_depth_bps)
            distance = profile.quote_half_spread_bps + beyond
            base_s, per_bp_s = profile.quote_lifetime_s
            lifetime_s = self._random.expovariate(1 / (base_s + per_bp_s * beyond))
            joins = profile.joining_share > 0 and self._random.random() < profile.joining_share
        price = self._opinion(-distance if side is Side.BUY else distance)
        quote = self._made(Participant.PROVIDER, side, price, profile.quote_size, lifetime_s)
        return replace(quote, joins=joins)

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
