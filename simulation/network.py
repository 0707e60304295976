"""Requests to the Order Service on their way there and back, and what happens to them."""

from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.events import RequestOutcome
from simulation.clock import MS, SECOND_NS, Clock
from simulation.coverage import Coverage
from simulation.decisions import Kind, Operation
from simulation.truth import Truth
from simulation.venue import Venue
from tradex_sandbox.orders import RefusalCode

QUESTION_PATIENCE_NS = 2 * SECOND_NS
LIMIT_NS = 3 * SECOND_NS
"""After this the connection of a request without an answer is closed."""

OPERATIONS: dict[type[cmd.Request], Operation] = {
    cmd.PlaceOrder: Operation.PLACE,
    cmd.CancelOrder: Operation.CANCEL,
    cmd.CancelAll: Operation.CANCEL_ALL,
    cmd.QueryOrder: Operation.QUERY,
    cmd.QueryOpenOrders: Operation.LIST,
}
_QUESTIONS = (Operation.QUERY, Operation.LIST)
_NEVER_DONE = {
    Kind.REFUSE: RequestOutcome.REJECTED,
    Kind.RATE_LIMIT: RequestOutcome.RATE_LIMITED,
    Kind.ERROR_BEFORE: RequestOutcome.UNCERTAIN,
}
_MAY_BE_LATE = (ev.PlaceAnswer, ev.CancelAnswer, ev.CancelAllAnswer)
_PUT_OFF = (ev.CancelAnswer, ev.CancelAllAnswer, ev.QueryAnswer, ev.OpenOrdersAnswer)


class Owner(Protocol):
    """The process that asked."""

    stalled_until_ns: int

    def stalled_ns(self, since_ns: int) -> int:
        """How long it stood still since then."""

    def answered(self, flight: "Flight", answer: ev.Event) -> None:
        """An answer; nothing happens when the process is dead."""


@dataclass(slots=True)
class Rule:
    """A fault that waits for its requests."""

    kind: Kind
    symbol: str
    operation: Operation
    value_ns: int
    left: int


@dataclass(slots=True, eq=False)
class Flight:
    """One request."""

    symbol: str
    request: cmd.Request
    operation: Operation
    sent_ns: int
    owner: Owner
    told: bool = False
    """The engine has a first answer, if only that none came in time."""
    ended: bool = False
    """There will be no further answer."""


class Network:
    """Between the processes and the venue."""

    def __init__(
        self, seed: int, clock: Clock, venue: Venue, truth: Truth, coverage: Coverage, timeout_ns: int
    ) -> None:
        self._rng = Random(f"network:{seed}")
        self._clock, self._venue, self._truth, self._coverage = clock, venue, truth, coverage
        self._timeout_ns = timeout_ns
        self.rules: list[Rule] = []
        self.jitter_until_ns = 0
        self.outage_until_ns = 0
        self.under_way = 0
        """Placements that may still arrive."""

    def calm(self) -> None:
        """No faults from here on."""
        self.rules.clear()
        self.jitter_until_ns = self.outage_until_ns = 0

    def send(self, symbol: str, request: cmd.Request, owner: Owner) -> Flight:
        """A request leaves the process."""
        operation = OPERATIONS[type(request)]
        flight = Flight(symbol, request, operation, self._clock.now_ns, owner)
        rule = self._rule_for(flight)
        up_ns = self._latency()
        if operation is Operation.PLACE:
            self.under_way += 1
        patience_ns = QUESTION_PATIENCE_NS if operation in _QUESTIONS else self._timeout_ns
        self._clock.after(patience_ns, self._late, flight)
        self._start(flight, rule, up_ns)
        return flight

    def process_died(self, flights: list[Flight]) -> None:
        """Nobody waits for these any more."""
        for flight in flights:
            flight.ended = flight.told = True
            if isinstance(flight.request, cmd.PlaceOrder):
                self._truth.connection_ended(flight.request.order.client_order_id, self._clock.now_ns)

    # --- on the way ------------------------------------------------------------------------------

    def _start(self, flight: Flight, rule: Rule | None, up_ns: int) -> None:
        clock, kind = self._clock, rule.kind if rule is not None else None
        value_ns = rule.value_ns if rule is not None else 0
        if kind is Kind.LOSE:
            self._never_arrives(flight)
        elif kind in _NEVER_DONE:
            clock.after(up_ns, self._refuse, flight, _NEVER_DONE[kind], value_ns)
        elif kind is Kind.BREAK_LATE:
            clock.after(up_ns, self._break, flight)
            clock.after(up_ns + value_ns, self._arrive, flight, kind, 0)
        elif kind is Kind.DELAY_BEFORE:
            clock.after(up_ns + value_ns, self._arrive, flight, kind, 0)
        else:
            clock.after(up_ns, self._arrive, flight, kind, value_ns)

    def _arrive(self, flight: Flight, kind: Kind | None, value_ns: int) -> None:
        answer = self._process(flight)
        if flight.operation is Operation.PLACE:
            self.under_way -= 1
        if flight.ended:
            return
        if kind is Kind.ERROR_AFTER:
            answer = self._failed(flight, RequestOutcome.UNCERTAIN, ended=True)
        down_ns = self._latency()
        if kind is Kind.DELAY_AFTER:
            down_ns += value_ns
        self._clock.after(down_ns, self._answer, flight, answer)
        if kind is Kind.ANSWER_TWICE:
            self._clock.after(down_ns + value_ns, self._again, flight, answer)

    def _refuse(self, flight: Flight, outcome: RequestOutcome, value_ns: int) -> None:
        self._never_arrives(flight)
        answer = self._failed(flight, outcome, ended=True)
        if isinstance(answer, ev.PlaceAnswer):
            answer = replace(answer, code="TOLD_TO", retry_after_ns=value_ns)
        elif outcome is RequestOutcome.RATE_LIMITED and isinstance(answer, _PUT_OFF):
            answer = replace(answer, retry_after_ns=value_ns)
        self._clock.after(self._latency(), self._answer, flight, answer)

    def _break(self, flight: Flight) -> None:
        self._end(flight, self._failed(flight, RequestOutcome.UNCERTAIN, ended=True))

    def _answer(self, flight: Flight, answer: ev.Event) -> None:
        if flight.told and not flight.ended:
            self._coverage.hit("late_answer")
        self._end(flight, answer)

    def _again(self, flight: Flight, answer: ev.Event) -> None:
        flight.owner.answered(flight, replace(answer, at_ns=self._clock.now_ns))

    def _end(self, flight: Flight, answer: ev.Event) -> None:
        """The request is over; `told` until then means that its lateness was."""
        if flight.ended:
            return
        owner = flight.owner
        if owner.stalled_until_ns > self._clock.now_ns:
            self._clock.at(owner.stalled_until_ns, self._end, flight, answer)
            return
        if isinstance(answer, _MAY_BE_LATE):
            answer = replace(answer, late=flight.told)
        flight.told = flight.ended = True
        if isinstance(flight.request, cmd.PlaceOrder):
            self._truth.connection_ended(flight.request.order.client_order_id, self._clock.now_ns)
        owner.answered(flight, replace(answer, at_ns=self._clock.now_ns))

    def _late(self, flight: Flight) -> None:
        """Patience is at its end; a process that stood still first reads what has arrived."""
        if flight.told:
            return
        owner = flight.owner
        if owner.stalled_until_ns > self._clock.now_ns:
            self._clock.at(owner.stalled_until_ns + 1, self._late, flight)
            return
        stalled = owner.stalled_ns(flight.sent_ns) * 2 >= self._timeout_ns
        is_question = flight.operation in _QUESTIONS
        flight.told, flight.ended = True, is_question
        if not is_question:
            self._clock.at(flight.sent_ns + LIMIT_NS, self._give_up, flight)
        outcome = RequestOutcome.STALLED if stalled else RequestOutcome.TIMEOUT
        owner.answered(flight, self._failed(flight, outcome, ended=is_question))

    def _give_up(self, flight: Flight) -> None:
        if not flight.ended:
            self._coverage.hit("request_given_up")
            self._end(flight, self._failed(flight, RequestOutcome.TIMEOUT, ended=True))

    # --- what it comes to ------------------------------------------------------------------------

    def _process(self, flight: Flight) -> ev.Event:
        now_ns = self._clock.now_ns
        match flight.request:
            case cmd.PlaceOrder(order):
                outcome, order_id, code = self._venue.place(order)
                crossed = code is RefusalCode.POST_ONLY_WOULD_CROSS
                if crossed:
                    self._coverage.hit("would_cross")
                text = code.value if code is not None else ""
                return ev.PlaceAnswer(
                    now_ns,
                    order.client_order_id,
                    outcome,
                    order_id,
                    text,
                    would_cross=crossed,
                    created_at_us=None if order_id is None else self._clock.now_us,
                )
            case cmd.CancelOrder(client_order_id, order_id):
                outcome = self._venue.cancel(order_id)
                if outcome is RequestOutcome.NOT_FOUND:
                    self._coverage.hit("cancel_answered_404")
                return ev.CancelAnswer(now_ns, client_order_id, outcome)
            case cmd.CancelAll():
                return ev.CancelAllAnswer(now_ns, RequestOutcome.OK, self._venue.cancel_all(flight.symbol))
            case cmd.QueryOrder(client_order_id):
                found = self._venue.query(client_order_id)
                outcome = RequestOutcome.NOT_FOUND if found is None else RequestOutcome.OK
                return ev.QueryAnswer(now_ns, flight.sent_ns, client_order_id, outcome, found)
            case cmd.QueryOpenOrders():
                orders = self._venue.open_orders(flight.symbol)
                return ev.OpenOrdersAnswer(now_ns, flight.sent_ns, RequestOutcome.OK, orders)

    def _failed(self, flight: Flight, outcome: RequestOutcome, *, ended: bool) -> ev.Event:
        now_ns = self._clock.now_ns
        match flight.request:
            case cmd.PlaceOrder(order):
                return ev.PlaceAnswer(now_ns, order.client_order_id, outcome, ended=ended)
            case cmd.CancelOrder(client_order_id):
                return ev.CancelAnswer(now_ns, client_order_id, outcome, ended=ended)
            case cmd.CancelAll():
                return ev.CancelAllAnswer(now_ns, outcome, ended=ended)
            case cmd.QueryOrder(client_order_id):
                return ev.QueryAnswer(now_ns, flight.sent_ns, client_order_id, outcome)
            case cmd.QueryOpenOrders():
                return ev.OpenOrdersAnswer(now_ns, flight.sent_ns, outcome)

    def _never_arrives(self, flight: Flight) -> None:
        if isinstance(flight.request, cmd.PlaceOrder):
            self.under_way -= 1
            self._truth.arrives_never(flight.request.order.client_order_id)

    def _rule_for(self, flight: Flight) -> Rule | None:
        for rule in self.rules:
            if rule.operation is flight.operation and rule.symbol == flight.symbol:
                rule.left -= 1
                if not rule.left:
                    self.rules.remove(rule)
                self._coverage.hit(rule.kind.value)
                return rule
        if self._clock.now_ns < self.outage_until_ns:
            self._coverage.hit(Kind.OUTAGE.value)
            return Rule(Kind.ERROR_BEFORE, flight.symbol, flight.operation, 0, 1)
        return None

    def _latency(self) -> int:
        if self._clock.now_ns < self.jitter_until_ns:
            self._coverage.hit(Kind.JITTER.value)
            return self._rng.randrange(MS // 10, 45 * MS)
        return self._rng.randrange(MS // 5, 2 * MS)
