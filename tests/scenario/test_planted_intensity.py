"""Takers of a known intensity trade in a market that the engine follows: it finds what was planted."""

import math
from dataclasses import replace
from random import Random

from tests.support.conversation import CONFIG, INSTRUMENT, LIMITS, START_NS
from tests.support.recorded import restored

from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import Side

A, K, SIGMA = 40.0, 0.6, 1.0
SECONDS = 600


class PlantedMarket:
    """A book one or two ticks wide whose mid walks, and takers that reach depth d at the rate A e^(-K d)."""

    def __init__(self, engine: SymbolEngine) -> None:
        self._engine = engine
        self._rng = Random(7)  # noqa: S311 - a market, not a secret
        self._now_us = START_NS // 1000
        self._mid = 20_000
        self._sequence = 0

    def run(self) -> None:
        moves = 4 * SIGMA * SIGMA
        rate = 2 * A + moves
        end_us = self._now_us + SECONDS * 1_000_000
        self._publish()
        while self._now_us < end_us:
            self._now_us += 1 + int(self._rng.expovariate(rate) * 1_000_000)
            if self._rng.random() * rate < moves:
                self._mid += self._rng.choice((-1, 1))
                self._publish()
            else:
                self._take(self._rng.choice((Side.BUY, Side.SELL)))

    def _publish(self) -> None:
        self._sequence += 1
        bid, ask = (self._mid - 1) // 2, self._mid // 2 + 1
        at_ns = self._now_us * 1000
        self._engine.handle(
            ev.BookSnapshot(
                at_ns, at_ns, self._sequence, ((bid, 500),), ((ask, 500),), exchange_us=self._now_us
            )
        )

    def _take(self, side: Side) -> None:
        reach = (self._mid + side.sign * 2 * self._rng.expovariate(K)) / 2
        deepest = math.floor(reach) if side is Side.BUY else math.ceil(reach)
        nearest = self._mid // 2 + 1 if side is Side.BUY else (self._mid - 1) // 2
        at_ns = self._now_us * 1000
        for ticks in range(nearest, deepest + side.sign, side.sign):
            price = INSTRUMENT.price(ticks)
            self._engine.handle(ev.PublicTrade(at_ns, at_ns, price, "others", None, side, self._now_us))


def test_planted_intensity_and_volatility_are_recovered_within_five_percent() -> None:
    engine = SymbolEngine(restored(replace(CONFIG, model="glft")), LIMITS)
    engine.start()
    PlantedMarket(engine).run()
    seen = engine.preview(replace(CONFIG, model="glft"))
    assert seen.quote is not None
    assert seen.quote.reasoning is not None
    assert seen.quote.reasoning.proposal is not None
    found = {step.name: float(step.value) for step in seen.quote.reasoning.proposal.steps}
    assert abs(found["a"] / A - 1) < 0.05
    assert abs(found["k"] / K - 1) < 0.05
    assert abs(found["sigma"] / SIGMA - 1) < 0.05
