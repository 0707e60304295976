"""Thin books with our own orders, a late feed, losses, repetitions: the mid stays that of the others."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support import invariants
from tests.support.conversation import CONFIG, INSTRUMENT
from tests.support.world import MS, World

from market_maker.core.config import EngineLimits
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason, State

LATE_MS = st.sampled_from([0, 0, 5, 300, 2000])
LOTS = st.sampled_from([1, 40, 60, 100, 100, 200])
"""Often just as many as an order of ours."""


class ThinBook(RuleBasedStateMachine):
    """A handful of others' orders, often at our prices and of our size."""

    world: World

    @initialize(late_ms=LATE_MS, levels=st.integers(1, 2), threshold=st.sampled_from(["0", "5"]))
    def begin(self, late_ms: int, levels: int, threshold: str) -> None:
        config = replace(
            CONFIG,
            num_levels=levels,
            price_threshold_bps=Decimal(threshold),
            max_position_usdt=Decimal(120),
        )
        self.world = World(config, EngineLimits(max_orders_per_second=30), INSTRUMENT)
        self.world.drain()
        self.world.publish(whole=True)
        self.world.feed_late_ns = late_ms * MS
        assert self.world.control(Cause.ENABLE) == ()
        self.world.settle()

    def _told(self) -> None:
        """Every change of the book has a message of its own."""
        self.world.publish(whole=False)

    # --- others ----------------------------------------------------------------------------------

    @rule(bids=st.booleans(), away=st.integers(1, 12), lots=LOTS)
    def somebody_quotes(self, bids: bool, away: int, lots: int) -> None:
        exchange = self.world.exchange
        side = Side.BUY if bids else Side.SELL
        exchange.change(side, 10_000 - side.sign * away, lots)
        self._told()

    @precondition(lambda self: any(len(others) > 1 for others in self.world.exchange.others.values()))
    @rule(index=st.integers(0, 30))
    def somebody_leaves(self, index: int) -> None:
        exchange = self.world.exchange
        prices = [
            (side, ticks) for side, others in exchange.others.items() if len(others) > 1 for ticks in others
        ]
        exchange.change(*prices[index % len(prices)], 0)
        self._told()

    @precondition(lambda self: self.world.exchange.open())
    @rule(index=st.integers(0, 30), lots=LOTS)
    def somebody_joins_us(self, index: int, lots: int) -> None:
        resting = self.world.exchange.open()
        order = resting[index % len(resting)]
        self.world.exchange.change(order.side, order.price_ticks, lots)
        self._told()

    @precondition(lambda self: self.world.exchange.open())
    @rule(index=st.integers(0, 30), lots=LOTS)
    def somebody_trades_with_us(self, index: int, lots: int) -> None:
        resting = self.world.exchange.open()
        self.world.exchange.fill(resting[index % len(resting)], lots)
        self._told()

    # --- the feed --------------------------------------------------------------------------------

    @rule()
    def snapshot(self) -> None:
        self.world.publish(whole=True)

    @rule()
    def a_message_is_lost(self) -> None:
        self.world.lose_book_message()
        self.world.publish(whole=True)

    @precondition(lambda self: self.world.feed)
    @rule()
    def a_message_comes_twice(self) -> None:
        self.world.feed.appendleft(self.world.feed[0])

    # --- time and our own requests ---------------------------------------------------------------

    @rule(ms=st.sampled_from([1, 20, 101, 101, 101, 400]))
    def time_passes(self, ms: int) -> None:
        self.world.pass_time(ms * MS)

    @rule(stream=st.booleans())
    def requests_are_answered(self, stream: bool) -> None:
        world = self.world
        while world.queued:
            world.dispatch(world.queued[0])
        for flight in list(world.flights):
            if flight.answer is None:
                world.arrive(flight)
                self._told()
        if stream:
            world.settle()

    @rule(count=st.integers(1, 6))
    def consume(self, count: int) -> None:
        self.world.consume(count)

    @precondition(lambda self: self.world.state is not State.ACTIVE)
    @rule()
    def the_desk_gets_on_with_it(self) -> None:
        self.world.drain()
        if self.world.state is State.HALTED:
            assert self.world.control(Cause.RESET, rebase_pnl=True) == ()
        self.world.publish(whole=True)
        self.world.pass_time(self.world.feed_late_ns)
        self.world.control(Cause.ENABLE)

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def the_mid_is_that_of_the_others(self) -> None:
        if hasattr(self, "world"):
            invariants.check_reference(self.world)

    @invariant()
    def no_kill_follows_from_our_own_fills(self) -> None:
        """Others move by 12 bps at the most: less than the headroom below the position limit."""
        if hasattr(self, "world") and (kill := self.world.engine.symbol.kill) is not None:
            reason = kill.reason
            assert reason not in (KillReason.EXPOSURE_BREACH, KillReason.LOSS_BREACH), reason


TestThinBook = ThinBook.TestCase
TestThinBook.settings = settings(
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
