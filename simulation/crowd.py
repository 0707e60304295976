"""The crowd of a simulated market: sparse, so that runs are quick, and wild, so that we get hit."""

from random import Random

from tradex_sandbox.flow import Flow, FlowOrder, Participant
from tradex_sandbox.orders import Side

ORDERS_PER_SECOND = 7.0
OPENING_QUOTES = 14
VALUE_BPS_PER_ORDER = 1.2
TAKER_SHARE = 0.3
TAKER_LIMIT_BPS = 25.0
TAKER_NOTIONAL = (10.0, 600.0)
QUOTE_NOTIONAL = (150.0, 900.0)
QUOTE_BPS = (3.0, 30.0)
QUOTE_LIFETIME_MS = (400, 5_000)


class Crowd(Flow):
    """An endless, seeded stream of orders around a value that wanders."""

    def __init__(self, start_price: float, seed: str) -> None:
        super().__init__(start_price, seed)
        self._rng = Random(seed)
        self._at_us = 0

    def __next__(self) -> FlowOrder:
        """The next arrival."""
        rng = self._rng
        self._at_us += 1 + round(rng.expovariate(ORDERS_PER_SECOND) * 1e6)
        self.value *= 1 + rng.gauss(0, VALUE_BPS_PER_ORDER) / 10_000
        side = Side.BUY if rng.random() < 0.5 else Side.SELL
        return self._sweeper(side) if rng.random() < TAKER_SHARE else self._provider(side)

    def opening(self) -> list[FlowOrder]:
        """Quotes that stand when the market opens."""
        sides = (Side.BUY, Side.SELL)
        return [self._provider(sides[index % 2]) for index in range(OPENING_QUOTES)]

    def _provider(self, side: Side) -> FlowOrder:
        away = self._rng.uniform(*QUOTE_BPS) / 10_000
        price = self.value * (1 - away if side is Side.BUY else 1 + away)
        lifetime_us = self._rng.randrange(*QUOTE_LIFETIME_MS) * 1_000
        notional = self._rng.uniform(*QUOTE_NOTIONAL)
        return FlowOrder(self._at_us, Participant.PROVIDER, side, price, notional, lifetime_us)

    def _sweeper(self, side: Side) -> FlowOrder:
        through = TAKER_LIMIT_BPS / 10_000
        price = self.value * (1 + through if side is Side.BUY else 1 - through)
        return FlowOrder(
            self._at_us, Participant.NOISE, side, price, self._rng.uniform(*TAKER_NOTIONAL), lifetime_us=0
        )
