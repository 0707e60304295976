"""One symbol's engine at one instance, its gate, and its requests on their way."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Final

from market_maker.actors.send_gate import SendGate
from market_maker.actors.tenure import Tenure
from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.config import EngineLimits
from market_maker.core.engine.control import activation_problems
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import RequestOutcome
from market_maker.core.instrument import Instrument
from market_maker.core.orders.ids import RAND_B_BITS, IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.core.risk.kill_switch import BEFORE_THE_RESTART, Trigger
from market_maker.core.states import Cause, State
from market_maker.ownership.events import Facts
from simulation.clock import MS
from simulation.fleet.exchange import FleetExchange
from simulation.fleet.history import FleetHistory
from simulation.fleet.rows import StateRow
from simulation.lifetime import Lifetime
from simulation.violation import Violation
from simulation.virtual_loop import VirtualLoop

LIMITS: Final = EngineLimits(response_timeout_ns=500 * MS)
MID_TICKS: Final = 600_000
LOTS: Final = 1_000_000

_RECORDS = (cmd.RecordOrder, cmd.RecordFill, cmd.RecordState, cmd.RecordRisk, cmd.RecordMarkouts)
_REQUESTS = (cmd.PlaceOrder, cmd.CancelOrder, cmd.CancelAll, cmd.QueryOrder, cmd.QueryOpenOrders)


def instrument_of(symbol: str) -> Instrument:
    """Every instrument has a tick of 0.1 and a lot of 0.00001."""
    return Instrument(symbol, symbol[:3], "USDT", Decimal("0.1"), Decimal("0.00001"), Decimal(5))


def restored(
    history: FleetHistory, symbol: str, row: StateRow, now_ns: int
) -> tuple[Restored, tuple[Order, ...]]:
    """What an engine starts from, but for its ids; the state may be the guard's word."""
    kill = None if row.kill_reason is None else Trigger(row.kill_reason, "stored", BEFORE_THE_RESTART)
    found, orders = history.restore(instrument_of(symbol), IdSeed(0, now_ns // MS, now_ns))
    return replace(found, state=row.state, state_reason="stored", kill=kill, phase=0), orders


def with_ids(start: Restored, rng: Random, now_ns: int) -> Restored:
    """The same, with ids that nobody else makes."""
    return replace(start, ids=IdSeed(rng.getrandbits(RAND_B_BITS), now_ns // MS, now_ns))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an actor is given by its instance."""

    instance_id: str
    lifetime: Lifetime
    loop: VirtualLoop
    exchange: FleetExchange
    now_ns: Callable[[], int]
    changed: "Callable[[FleetActor, cmd.RecordState], None]"
    """Told of each change of state."""
    recorded: "Callable[[FleetActor, tuple[cmd.Record, ...], ev.Source | None], None]"
    """Told of the records of each step and of the engine event that made them, if there is either."""
    replied: Callable[[cmd.Reply], None]
    has_records: Callable[[str], bool]
    leaves: "Callable[[FleetActor, cmd.Request], None]"
    """Told of each request at the moment at which it leaves."""


class FleetActor:
    """Runs one engine; a step never waits."""

    def __init__(self, engine: SymbolEngine, tenure: Tenure, around: Surroundings) -> None:
        self.engine, self.tenure = engine, tenure
        self._around = around
        self._gate = SendGate(engine, LIMITS.max_orders_per_second)
        self._planned_ns: int | None = None
        self.has_ended = False
        self._waiting = 0
        self._unread = 0
        self.was_woken = False
        """It has gone on under another epoch than it began under."""

    @property
    def name(self) -> str:
        """The symbol."""
        return self.engine.symbol.name

    @property
    def may_send(self) -> bool:
        """Whether an order would leave at this moment, if the engine wanted one."""
        return self.tenure.is_current and self.engine.symbol.is_active

    @property
    def has_unread(self) -> bool:
        """Whether executions were delivered that it has not handled."""
        return self._unread > 0

    def begin(self, open_orders: tuple[Order, ...]) -> None:
        """Clear what is in the market."""
        self._carry_out(self.engine.start(open_orders))

    def end(self) -> None:
        """Handle nothing any more, and let nothing leave."""
        self.has_ended = True
        with self._around.loop.running():
            self.tenure.close()

    def hear(self, event: ev.Event) -> None:
        """Handle an event in its turn."""
        self._waiting += 1
        self._unread += isinstance(event, ev.Execution)
        self._around.lifetime.after(0, self._take, event)

    def _take(self, event: ev.Event) -> None:
        self._waiting -= 1
        if not self.has_ended:
            self._unread -= isinstance(event, ev.Execution)
        self.step(event)

    def step(self, event: ev.Event) -> None:
        """Handle an event now."""
        if not self.has_ended:
            source = event.source if isinstance(event, ev.Execution) else None
            self._carry_out(self.engine.handle(event), source)

    def facts(self, *, may_go_on: bool) -> Facts:
        """As the service's watch sees it."""
        symbol = self.engine.symbol
        is_active = symbol.state is State.ACTIVE
        return Facts(
            is_active,
            self.engine.is_out_of_market and not is_active,
            symbol.kill is not None,
            self._around.has_records(self.name) or self._waiting > 0,
            symbol.config.resume_on_clean_handover,
            may_go_on and not activation_problems(symbol, resume=True),
        )

    def ask(self, request_id: int, cause: Cause, actor: str, reason: str) -> None:
        """Ask for a transition."""
        self.hear(ev.Control(self._around.now_ns(), request_id, cause, actor, reason))

    def show_book(self, sequence: int, shift: int) -> None:
        """A whole book of others, and measurements that speak against nothing."""
        now_ns = self._around.now_ns()
        bids = tuple((MID_TICKS + shift - away, LOTS) for away in (20, 30))
        asks = tuple((MID_TICKS + shift + away, LOTS) for away in (20, 30))
        self.step(ev.BookSnapshot(now_ns, now_ns, sequence, bids, asks, exchange_us=now_ns // 1000))
        self.step(ev.LagMeasured(now_ns, 0, "market"))

    def _carry_out(self, commands: list[cmd.Command], source: ev.Source | None = None) -> None:
        records = tuple(command for command in commands if isinstance(command, _RECORDS))
        if records or source is not None:
            self._around.recorded(self, records, source)
        for command in commands:
            if isinstance(command, _REQUESTS):
                self._around.lifetime.after(0, self._dispatch, command)
            elif isinstance(command, cmd.RecordState):
                self._around.changed(self, command)
            elif isinstance(command, cmd.Reply):
                self._around.replied(command)
        wake_ns = self.engine.wake_ns
        if self._planned_ns is None or wake_ns < self._planned_ns:
            self._planned_ns = wake_ns
            self._around.lifetime.after(max(0, wake_ns - self._around.now_ns()), self._tick, wake_ns)

    def _tick(self, planned_ns: int) -> None:
        if self._planned_ns == planned_ns:
            self._planned_ns = None
            self.step(ev.Tick(self._around.now_ns()))

    def _dispatch(self, request: cmd.Request) -> None:
        """As the service's effects do it."""
        if isinstance(request, cmd.PlaceOrder):
            now_ns = self._around.now_ns()
            if self.tenure.is_current and self._gate.lets_pass(now_ns):
                self._send(request)
            else:
                self.hear(ev.PlaceAnswer(now_ns, request.order.client_order_id, RequestOutcome.NOT_SENT))
            return
        is_own = isinstance(request, cmd.CancelOrder) and self.engine.symbol.ids.made(request.client_order_id)
        if self.tenure.lets_go(hits_only_our_own=is_own):
            self._send(request)
        else:
            with self._around.loop.running():
                self._around.loop.start(self._held(request))

    async def _held(self, request: cmd.Request) -> None:
        if await self.tenure.may_ask():
            try:
                self._send(request)  # at once: nothing may leave between the word and this
            except Violation as found:  # what a task raises would not be seen
                self._around.lifetime.after(0, _raise, found)

    def _send(self, request: cmd.Request) -> None:
        self._around.leaves(self, request)
        self._around.exchange.send(self.name, request, self._around.instance_id, self.hear)


def _raise(found: Violation) -> None:
    raise found
