"""The engine against an honest exchange and a dishonest network: what must hold after every step.

The numbers in the assertions are those of DESIGN's list.
"""

import sys
from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.conversation import CONFIG, INSTRUMENT
from tests.support.wild_model import wild_model
from tests.support.world import MS, SECOND_NS, World

from market_maker.core import events as ev
from market_maker.core.commands import PlaceOrder
from market_maker.core.config import EngineLimits, FairValue
from market_maker.core.states import Cause, KillReason, State

CONFIGS = st.builds(
    lambda levels, skew, threshold, position, loss, model, choices: replace(
        CONFIG,
        model=model[0],
        model_parameters=model[1],
        **choices,
        num_levels=levels,
        inventory_skew_factor=Decimal(skew),
        price_threshold_bps=Decimal(threshold),
        max_position_usdt=Decimal(position),
        max_loss_usdt=Decimal(loss),
    ),
    st.integers(1, 3),
    st.sampled_from(["0", "0.5", "2"]),
    st.sampled_from(["0", "5", "50"]),
    st.sampled_from([150, 300, 1000]),
    st.sampled_from([1, 500]),
    st.sampled_from(
        [
            ("linear_skew", ()),
            ("linear_skew", ()),
            ("glft", (("sigma_ticks", Decimal(5)), ("k_per_tick", Decimal("0.1")), ("a_per_s", Decimal(1)))),
            ("avellaneda_stoikov", (("sigma_ticks", Decimal(2)), ("k_per_tick", Decimal("0.3")))),
            ("wild", (("seed", Decimal(7)),)),
        ]
    ),
    st.sampled_from(
        [
            {},
            {},
            {"fair_value": FairValue.SIZE_WEIGHTED_MID},
            {"min_edge_bps": Decimal(3), "size_skew_eta": Decimal("0.5")},
            {
                "fill_pause_ms": Decimal(300),
                "fill_burst_usdt": Decimal(80),
                "fill_burst_pause_ms": Decimal(700),
            },
        ]
    ),
)
TICKS = st.integers(9900, 10100)
AGES_MS = st.sampled_from([0, 0, 4000, 6000])
INDEX = st.integers(0, 30)


class EngineAgainstExchange(RuleBasedStateMachine):
    """Rules are what can happen; `World` checks what must hold."""

    world: World

    @initialize(config=CONFIGS, per_second=st.sampled_from([2, 6, 30]))
    def begin(self, config: object, per_second: int) -> None:
        self._wild = wild_model()
        self._wild.__enter__()
        limits = EngineLimits(max_orders_per_second=per_second)
        self.world = World(config, limits, INSTRUMENT)  # type: ignore[arg-type]  # built above
        self.quote()

    def quote(self) -> None:
        """Clear, reset where needed, and enable: a desk that wants to get on."""
        world = self.world
        world.drain()
        if world.state is State.HALTED:
            assert world.control(Cause.RESET, rebase_pnl=True) == ()
        world.publish(whole=True)
        world.control(Cause.ENABLE)
        world.settle()

    # --- the market --------------------------------------------------------------------------

    @rule(bid=TICKS, width=st.integers(1, 60), whole=st.booleans(), age_ms=AGES_MS)
    def crowd_moves(self, bid: int, width: int, whole: bool, age_ms: int) -> None:
        self.world.exchange.move(bid, bid + width)
        self.world.publish(whole=whole, age_ns=age_ms * MS)

    @rule(bids=st.booleans())
    def crowd_leaves_one_side(self, bids: bool) -> None:
        exchange = self.world.exchange
        exchange.move(exchange.bid if bids else None, None if bids else exchange.ask)
        self.world.publish(whole=False)

    @rule(age_ms=AGES_MS)
    def snapshot(self, age_ms: int) -> None:
        self.world.publish(whole=True, age_ns=age_ms * MS)

    @rule()
    def gap(self) -> None:
        self.world.lose_book_message()

    @rule(ticks=TICKS)
    def mark_and_trade(self, ticks: int) -> None:
        world, price = self.world, INSTRUMENT.price(ticks)
        world.tell(ev.MarkPrice(world.now_ns, world.now_ns, price))
        world.tell(ev.PublicTrade(world.now_ns, world.now_ns, price, f"others-{world.now_ns}"))

    @rule(index=INDEX, lots=st.integers(1, 120))
    def somebody_trades_with_us(self, index: int, lots: int) -> None:
        resting = self.world.exchange.open()
        if resting:
            self.world.exchange.fill(resting[index % len(resting)], lots)

    # --- time --------------------------------------------------------------------------------

    @rule(ms=st.sampled_from([1, 20, 49, 60, 101, 101, 101, 500, 1100]))
    def time_passes(self, ms: int) -> None:
        self.world.pass_time(ms * MS)

    @rule(ms=st.sampled_from([0, 101, 301]), stream=st.booleans(), stragglers=st.booleans())
    def requests_are_answered(self, ms: int, stream: bool, stragglers: bool) -> None:
        world = self.world
        world.settle(stream=stream, stragglers=stragglers)
        world.publish(whole=False)
        world.pass_time(ms * MS)
        world.settle(stream=stream, stragglers=stragglers)

    # --- the network -------------------------------------------------------------------------

    @precondition(lambda self: self.world.queued)
    @rule(index=INDEX)
    def send(self, index: int) -> None:
        queued = self.world.queued
        self.world.dispatch(queued[index % len(queued)])

    @precondition(lambda self: any(flight.answer is None for flight in self.world.flights))
    @rule(index=INDEX)
    def arrive(self, index: int) -> None:
        under_way = [flight for flight in self.world.flights if flight.answer is None]
        self.world.arrive(under_way[index % len(under_way)])

    @precondition(lambda self: any(flight.answer is not None for flight in self.world.flights))
    @rule(index=INDEX)
    def answer(self, index: int) -> None:
        answered = [flight for flight in self.world.flights if flight.answer is not None]
        self.world.deliver(answered[index % len(answered)])

    @precondition(lambda self: self.world.delivered)
    @rule(index=INDEX)
    def answer_twice(self, index: int) -> None:
        delivered = self.world.delivered
        self.world.deliver_again(delivered[index % len(delivered)])

    @precondition(lambda self: any(not flight.given_up for flight in self.world.flights))
    @rule(index=INDEX, how=st.sampled_from(["time_out", "break_connection", "lose"]))
    def fail(self, index: int, how: str) -> None:
        world = self.world
        flights = [flight for flight in world.flights if not flight.given_up]
        flight = flights[index % len(flights)]
        if how == "time_out" and not flight.timed_out:
            world.time_out(flight)
        elif how == "break_connection":
            world.break_connection(flight)
        elif how == "lose":
            world.lose(flight)

    @rule(count=st.integers(1, 6))
    def consume(self, count: int) -> None:
        self.world.consume(count)

    @rule()
    def swap(self) -> None:
        self.world.swap_next_fills()

    @rule(count=st.integers(1, 6))
    def redeliver(self, count: int) -> None:
        self.world.rewind(count)

    # --- people and surroundings -------------------------------------------------------------

    @rule(cause=st.sampled_from([Cause.ENABLE, Cause.RESUME, Cause.PAUSE, Cause.FLATTEN, Cause.RESET]))
    def operator_asks(self, cause: Cause) -> None:
        self.world.control(cause)

    @rule(how=st.sampled_from(["operator", "fault", "journal", "lag"]))
    def kill(self, how: str) -> None:
        world, now_ns = self.world, self.world.now_ns
        if how == "operator":
            world.control(Cause.KILL)
        elif how == "fault":
            world.tell(ev.Fault(now_ns, KillReason.WORKER_FAILURE, "test"))
        elif how == "journal":
            world.tell(ev.JournalMeasured(now_ns, 0, failed=True))
            world.tell(ev.JournalMeasured(now_ns, 0, failed=False))
        else:
            world.tell(ev.LagMeasured(now_ns, 11 * SECOND_NS, "engine.event.v1"))
            world.tell(ev.LagMeasured(now_ns, 0, "engine.event.v1"))
        assert not world.engine.may_send_at(world.now_ns)

    @rule(spread=st.sampled_from([0, 4, 10, 40]))
    def desk_changes_the_spread(self, spread: int) -> None:
        world = self.world
        world.config = replace(world.config, base_spread_bps=Decimal(spread))
        world.tell(ev.ConfigChanged(world.now_ns, world.config, "desk"))

    @rule(lost=st.integers(0, 4), replayed=st.integers(0, 3))
    def crash(self, lost: int, replayed: int) -> None:
        self.world.check_replay()
        self.world.crash(lost, replayed)

    @precondition(lambda self: self.world.state is not State.ACTIVE)
    @rule()
    def get_on_with_it(self) -> None:
        self.quote()

    @precondition(lambda self: self.world.state is not State.ACTIVE)
    @rule(bid=TICKS)
    def get_on_with_it_elsewhere(self, bid: int) -> None:
        self.world.exchange.move(bid, bid + 40)
        self.quote()

    @precondition(lambda self: self.world.state is State.ACTIVE)
    @rule(
        steps=st.lists(st.tuples(st.integers(9960, 10000), st.integers(0, 60)), min_size=2, max_size=6),
        stream=st.booleans(),
    )
    def the_market_runs(self, steps: list[tuple[int, int]], stream: bool) -> None:
        world = self.world
        for bid, lots in steps:
            world.exchange.move(bid, bid + 40)
            for order in world.exchange.open()[:1] if lots else []:
                world.exchange.fill(order, lots)
            world.publish(whole=False)
            world.pass_time(101 * MS)
            world.settle(stream=stream)

    @precondition(lambda self: self.world.queued)
    @rule(index=INDEX, rounds=st.integers(1, 2))
    def an_order_straggles(self, index: int, rounds: int) -> None:
        """Its connection breaks, everything else goes its way, and then it arrives after all."""
        world = self.world
        for command in list(world.queued):
            world.dispatch(command)
        under_way = [
            flight
            for flight in world.flights
            if isinstance(flight.request, PlaceOrder) and flight.answer is None and not flight.given_up
        ]
        if not under_way:
            return
        straggler = under_way[index % len(under_way)]
        world.break_connection(straggler)
        for _ in range(rounds):
            world.settle(stragglers=False)
            world.pass_time(101 * MS)
        world.settle(stragglers=False)
        if straggler in world.flights:
            world.arrive(straggler)

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world") and sys.exc_info()[0] is None:
            self.world.drain()
            self.world.check_replay()
        if hasattr(self, "_wild"):
            self._wild.__exit__(None, None, None)


EngineAgainstExchange.TestCase.settings = settings(
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestEngineAgainstExchange = EngineAgainstExchange.TestCase
