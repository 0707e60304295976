"""Where the time of a tick goes: from the poll that read its message to the answer of the order it caused."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

STAGES: Final = (
    "decode",
    "hand_over",
    "wait",
    "timer",
    "decide",
    "send",
    "exchange",
    "exchange_own",
    "answer",
)
"""Message read -> decoded -> taken up by the loop -> its step begun -> decided -> given to the kernel ->
the answer parsed -> its step begun; `exchange_own` is what the exchange says that it took (Server-Timing).
Where the quote interval was what an evaluation waited for, `timer` is all that is before its step: from the
end of the interval."""
BATCHES_KEPT: Final = 256
"""Batches whose times are remembered: a step that comes later than so many is attributed to none."""


class StageStep(NamedTuple):
    """One step of a symbol's engine; monotonic nanoseconds."""

    read_ns: int
    """When what it handled was read, which for Kafka's messages names their batch."""
    began_ns: int
    decided_ns: int


class Stages:
    """How long each of STAGES took; the first three only for what a message caused directly, else `timer`."""

    def __init__(self, observe: Callable[[str, int], None] = lambda _stage, _took_ns: None) -> None:
        """`observe` gets a stage and nanoseconds."""
        self._observe = observe
        self._batches: dict[int, tuple[int, int]] = {}
        self._order: deque[int] = deque()

    def batch(self, read_ns: int, decoded_ns: int, delivered_ns: int) -> None:
        """A poll's messages were decoded, and taken up by the event loop to be given to their symbols."""
        self._batches[read_ns] = decoded_ns, delivered_ns
        self._order.append(read_ns)
        if len(self._order) > BATCHES_KEPT:
            self._batches.pop(self._order.popleft(), None)

    def placed(self, step: StageStep, caused_ns: int, left_ns: int, heard_ns: int) -> None:
        """A placement that a step decided was given to the kernel, and answered.

        `caused_ns`: since when its evaluation was possible.
        """
        self._observe("exchange", heard_ns - left_ns)
        self._observe("send", left_ns - step.decided_ns)
        self._observe("decide", step.decided_ns - step.began_ns)
        times = self._batches.get(step.read_ns)
        if times is None:
            self._observe("timer", step.began_ns - caused_ns)
        else:
            decoded_ns, delivered_ns = times
            self._observe("decode", decoded_ns - step.read_ns)
            self._observe("hand_over", delivered_ns - decoded_ns)
            self._observe("wait", step.began_ns - delivered_ns)

    def exchange_own(self, took_ns: int) -> None:
        """The exchange said how long it took for a placement."""
        self._observe("exchange_own", took_ns)

    def taken(self, waited_ns: int) -> None:
        """The engine has a placement's answer."""
        self._observe("answer", waited_ns)
