"""Takers of a known intensity trade in a market that the engine follows: it finds what was planted.

Once in a market that tells its trades directly, with a mid that walks; once in one of the sandbox, whose
matching decides what a taker's order reaches.
"""

import math
from dataclasses import replace
from random import Random

from tests.support import planted
from tests.support.conversation import CONFIG, INSTRUMENT, LIMITS, START_NS
from tests.support.recorded import restored

from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.side import Side
from tradex_sandbox.instruments import make_instrument
from tradex_sandbox.market_events import BookDelta, BookSnapshot, PublicTrade

LISTED = make_instrument(
    INSTRUMENT.symbol, INSTRUMENT.tick_size, INSTRUMENT.lot_size, INSTRUMENT.min_notional
)
A, K, SIGMA = 40.0, 0.6, 1.0
SECONDS = 600
SANDBOX_SECONDS = 100


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
    found = calibrated(engine)
    assert abs(found["a"] / A - 1) < 0.05
    assert abs(found["k"] / K - 1) < 0.05
    assert abs(found["sigma"] / SIGMA - 1) < 0.05


def test_an_intensity_planted_in_the_sandboxs_matching_is_recovered_within_five_percent() -> None:
    engine = SymbolEngine(restored(replace(CONFIG, model="glft")), LIMITS)
    engine.start()
    for told in planted.planted_market(LISTED, SANDBOX_SECONDS):
        engine.handle(of_the_core(told))
    found = calibrated(engine)
    assert abs(found["a"] / planted.A - 1) < 0.05
    assert abs(found["k"] / planted.K - 1) < 0.05


def calibrated(engine: SymbolEngine) -> dict[str, float]:
    """The figures that the engine's model would quote with now."""
    seen = engine.preview(replace(CONFIG, model="glft"))
    assert seen.quote is not None
    assert seen.quote.reasoning is not None
    assert seen.quote.reasoning.proposal is not None
    return {step.name: float(step.value) for step in seen.quote.reasoning.proposal.steps}


def of_the_core(told: BookSnapshot | BookDelta | PublicTrade) -> ev.Event:
    """What the exchange tells, as the engine hears it in that very moment."""
    if isinstance(told, PublicTrade):
        at_us, side = told.at_us, Side(told.taker_side.name)
        return ev.PublicTrade(at_us * 1000, at_us * 1000, told.price, told.trade_id, None, side, at_us)
    bids, asks = (
        tuple(
            (planted.units(price, LISTED.tick_size), planted.units(quantity, LISTED.lot_size))
            for price, quantity in levels
        )
        for levels in (told.bids, told.asks)
    )
    if isinstance(told, BookSnapshot):
        at_ns = planted.START_US * 1000
        return ev.BookSnapshot(at_ns, at_ns, told.sequence, bids, asks, None, planted.START_US)
    at_ns = told.at_us * 1000
    return ev.BookDelta(
        at_ns, at_ns, told.prev_sequence, told.sequence, bids, asks, None, exchange_us=told.at_us
    )
