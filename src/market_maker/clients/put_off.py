"""Requests that the Order Service answered with 429: each waits for the time that its own answer named."""

import time
from collections.abc import Callable

from market_maker.core.events import CancelAllAnswer, OpenOrdersAnswer


class PutOff:
    """Which of two requests may be sent again: the cancel of everything, and the list of what is open."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._until_ns: dict[type[CancelAllAnswer | OpenOrdersAnswer], int] = {}

    def may_cancel(self) -> bool:
        """Whether the exchange takes a cancel of everything again."""
        return self._is_over(CancelAllAnswer)

    def may_ask(self) -> bool:
        """Whether it may be asked for its list again."""
        return self._is_over(OpenOrdersAnswer)

    def note(self, answer: CancelAllAnswer | OpenOrdersAnswer) -> None:
        """What an answer says about the next one."""
        self._until_ns[type(answer)] = self._clock_ns() + answer.retry_after_ns

    def _is_over(self, kind: type[CancelAllAnswer | OpenOrdersAnswer]) -> bool:
        return self._clock_ns() >= self._until_ns.get(kind, 0)
