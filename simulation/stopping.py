"""SIGTERM: the service ends in order, as `bootstrap.service` does it, and leaves nothing behind."""

from collections.abc import Callable

from market_maker.core.events import Retire
from market_maker.core.states import Cause, State
from simulation.clock import MS, SECOND_NS
from simulation.parts import Parts
from simulation.process import Process
from simulation.truth import ids_of
from simulation.violation import Violation

CLEAR_NS_MAX = 6 * SECOND_NS
FLUSH_NS_MAX = 1_500 * MS
LOOK_NS = 20 * MS
STOP_NS_MAX = 10 * SECOND_NS


class OrderlyStop:
    """Clear the market, write what happened, publish it, commit, end. Made by SIGTERM."""

    def __init__(self, process: Process, parts: Parts, exited: Callable[[bool], None]) -> None:
        """`exited` is told at the end whether everything could be left in order."""
        self._process, self._parts, self._exited = process, parts, exited
        self._began_ns = parts.clock.now_ns
        self._in_order = True
        if any(truth.possible for truth in parts.truth.of.values()):
            parts.coverage.hit("stopped_with_orders")
        for symbol in parts.symbols:
            process.step(symbol, Retire(self._began_ns, "the service is shutting down"))
            process.control(symbol, Cause.FLATTEN)
        process.after(LOOK_NS, self._clearing)

    def _clearing(self) -> None:
        unclear = not all(engine.is_clear for engine in self._process.engines.values())
        if unclear and self._parts.clock.now_ns < self._began_ns + CLEAR_NS_MAX:
            self._process.after(LOOK_NS, self._clearing)
            return
        self._in_order = not unclear
        self._process.quiesced = True
        self._draining(self._parts.clock.now_ns + FLUSH_NS_MAX)

    def _draining(self, until_ns: int) -> None:
        process = self._process
        if len(process.journal) or any(map(len, process.inboxes.values())):
            if self._parts.clock.now_ns < until_ns:
                process.after(LOOK_NS, self._draining, until_ns)
            else:
                self._end(-1)
        else:
            process.relay.flush(FLUSH_NS_MAX, self._end)

    def _end(self, left: int) -> None:
        process, parts = self._process, self._parts
        self._in_order = self._in_order and not left
        process.commit()
        took_ns = parts.clock.now_ns - self._began_ns - process.stalled_ns(self._began_ns)
        if took_ns > STOP_NS_MAX:
            raise Violation(14, f"SIGTERM took {took_ns // MS} ms")
        if self._in_order:
            self._check_nothing_is_left()
        self._exited(self._in_order)

    def _check_nothing_is_left(self) -> None:
        process, parts = self._process, self._parts
        for symbol in parts.symbols:
            left = parts.truth.to_be_cleared(symbol, parts.clock.now_ns)
            if left and not parts.plan.limits.shadow_mode:
                raise Violation(14, f"{symbol}: ended in order, in the market are {ids_of(left)}")
            row = parts.store.states.get(symbol)
            if row is not None and row.to_state is State.ACTIVE:
                raise Violation(14, f"{symbol}: ended in order and ACTIVE")
        if parts.store.unsent(1):
            raise Violation(10, "ended in order with events in the outbox")
        for partition, read in process.consumer.read_to.items():
            if parts.stream.committed[partition] != read and not process.failed_steps:
                raise Violation(9, f"ended in order: read to {read}, committed {parts.stream.committed}")
