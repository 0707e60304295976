"""The last look before a new order leaves, on the clock of that moment.

An engine decides by the times of its events. When the process has stood still, events of the past
are handled in a burst: what they lead to may be aged, and may come all at once. Here it counts when
an order really leaves.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

SECOND_NS = 1_000_000_000


class Decider(Protocol):
    """The engine, as far as this gate asks it."""

    def may_send_at(self, now_ns: int) -> bool:
        """Whether a new order may leave at a monotonic time."""


class SendGate:
    """One symbol: at most so many orders in any sliding second, and none that the engine forbids by now."""

    __slots__ = ("_engine", "_orders_max", "_sent")

    def __init__(self, engine: Decider, orders_per_second_max: int) -> None:
        self._engine = engine
        self._orders_max = orders_per_second_max
        self._sent: deque[int] = deque()

    def is_open(self, now_ns: int) -> bool:
        """Whether one more order may leave now; counts nothing."""
        sent = self._sent
        while sent and now_ns - sent[0] > SECOND_NS:
            sent.popleft()
        return len(sent) < self._orders_max and self._engine.may_send_at(now_ns)

    def lets_pass(self, now_ns: int) -> bool:
        """Whether one more order may leave now; counts it when it may."""
        if not self.is_open(now_ns):
            return False
        self._sent.append(now_ns)
        return True


class ActorGate:
    """The same for the requests of a running actor: by the clock, and shut while the actor is not well."""

    __slots__ = ("_clock_ns", "_gate", "_is_well")

    def __init__(self, gate: SendGate, is_well: Callable[[], bool], clock_ns: Callable[[], int]) -> None:
        self._gate = gate
        self._is_well = is_well
        self._clock_ns = clock_ns

    def is_open(self) -> bool:
        """Whether one more order may leave now; counts nothing."""
        return self._is_well() and self._gate.is_open(self._clock_ns())

    def lets_pass(self) -> bool:
        """Whether one more order may leave now; counts it when it may."""
        return self._is_well() and self._gate.lets_pass(self._clock_ns())
