"""A simulated market of the sandbox whose takers come at a planted intensity, matched like any other.

Providers stand at every tick around a mid that stays, one order a level, and come back at once where a taker
has been. A taker reaches a depth d from the mid at the rate A e^(-K d) on either side; who does not reach
the touch trades nothing.
"""

import math
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from random import Random

from tradex_sandbox.flow import Flow, FlowOrder, Participant
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.market_events import BookDelta, BookSnapshot, PublicTrade
from tradex_sandbox.orders import Side
from tradex_sandbox.simulated_market import SimulatedMarket
from tradex_sandbox.tape import Fees, Tape

A, K = 40.0, 0.6
"""Orders of takers per second and side that reach the mid, and how fast they thin out per tick."""
BEST_BID, BEST_ASK = 10_000, 10_001
LADDER = 60
"""Ticks on each side; a taker in e^-36 would want more."""
LEVEL_USDT = 1_000.0
FOREVER_US = 10**15
START_US = 1_700_000_000_000_000


class PlantedFlow(Flow):
    """What the crowd sends."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(float(instrument.price(BEST_BID)), "planted")
        self._tick = float(instrument.tick_size)
        self._rng = Random(7)  # noqa: S311 - a market, not a secret
        self._at_us = 0
        self._waiting: deque[FlowOrder] = deque()

    def opening(self) -> list[FlowOrder]:
        return [
            self._provider(side, best - side_sign * level)
            for side, best, side_sign in ((Side.BUY, BEST_BID, 1), (Side.SELL, BEST_ASK, -1))
            for level in range(LADDER)
        ]

    def __next__(self) -> FlowOrder:
        if not self._waiting:
            self._take()
        return self._waiting.popleft()

    def _take(self) -> None:
        """A taker, and the providers that come back a microsecond later."""
        self._at_us += 2 + int(self._rng.expovariate(2 * A) * 1_000_000)
        side = self._rng.choice((Side.BUY, Side.SELL))
        reach = self._rng.expovariate(K)
        mid = (BEST_BID + BEST_ASK) / 2
        if side is Side.BUY:
            limit, touch, step = math.floor(mid + reach), BEST_ASK, 1
        else:
            limit, touch, step = math.ceil(mid - reach), BEST_BID, -1
        met = range(touch, limit + step, step)
        self._waiting.append(self._sent(Participant.SWEEPER, side, limit, LEVEL_USDT * (len(met) + 1), 0))
        self._at_us += 1
        self._waiting.extend(self._provider(side.opposite, ticks) for ticks in met)

    def _provider(self, side: Side, ticks: int) -> FlowOrder:
        return self._sent(Participant.PROVIDER, side, ticks, LEVEL_USDT, FOREVER_US)

    def _sent(self, who: Participant, side: Side, ticks: int, usdt: float, lifetime_us: int) -> FlowOrder:
        # A hair beyond the tick, so that rounding to the grid leads back to it.
        hair = 0.1 if side is Side.BUY else -0.1
        return FlowOrder(self._at_us, who, side, (ticks + hair) * self._tick, usdt, lifetime_us)


def planted_market(instrument: Instrument, seconds: int) -> Iterator[BookSnapshot | BookDelta | PublicTrade]:
    """What the exchange tells of such a market, the whole book first."""
    tape = Tape(instrument, "planted", Fees())
    market = SimulatedMarket(tape, PlantedFlow(instrument))
    market.start(START_US)
    yield market.snapshot()
    while (due_us := market.next_event_us()) is not None and due_us < START_US + seconds * 1_000_000:
        market.advance(due_us)
        yield from (told for told in tape.drain() if isinstance(told, BookDelta | PublicTrade))


def units(value: Decimal, step: Decimal) -> int:
    """A price or quantity of the exchange in whole units."""
    return int(value / step)
