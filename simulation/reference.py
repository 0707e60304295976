"""The reference mid compared with the truth: what the others' book was at the sequence it was taken from."""

from fractions import Fraction

from market_maker.core.engine.symbol import Symbol
from market_maker.core.pricing.reference_mid import MidSource
from simulation.coverage import Coverage
from simulation.translate import ACCOUNT
from simulation.violation import Violation
from tradex_sandbox.exchange import Exchange


def check_reference(exchange: Exchange, coverage: Coverage, symbol: Symbol) -> None:
    """While ACTIVE a mid of the book is within a tick of the true one, or marked uncertain.

    Before, orders of an earlier process may stand that this one has not heard of.
    """
    mid = symbol.mid
    if (
        not symbol.is_active
        or mid is None
        or mid.source is not MidSource.BOOK
        or symbol.next_instrument is not None
    ):
        return
    if symbol.undecided is not None:
        coverage.hit("mid_uncertain")
        return
    if exchange.instrument(symbol.name).tick_size != symbol.instrument.tick_size:
        return  # the exchange tells its record of tops in the grid that it has now
    truth = exchange.others_top(symbol.name, symbol.mid_sequence, ACCOUNT)
    if truth is None or truth[0] is None or truth[1] is None:
        return
    tick = Fraction(symbol.instrument.tick_size)
    true_mid = Fraction(truth[0] + truth[1]) / 2 / tick
    if abs(mid.ticks - true_mid) > 1:
        raise Violation(
            15,
            f"{symbol.name}: mid {float(mid.ticks)} at {symbol.mid_sequence}, others' is {float(true_mid)}",
        )
