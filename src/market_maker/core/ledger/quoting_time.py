"""How a symbol spent the time in which it was ACTIVE: quoting, or not, and why not. Counted by the minute.

Only what a process saw counts. What it saw of a minute that it did not live through is in no record.
"""

from typing import Final

from market_maker.core.pricing.models.proposal import NotReady
from market_maker.core.pricing.models.registry import DEFAULT
from market_maker.core.states import State

QUOTING: Final = "quoting"

Why = str | NotReady | None
"""The code of why there is no quote; while there is one None, or why it is not the symbol's own model's."""


def reason(why: Why) -> str:
    """As it is stored and told: a code, `quoting`, or that the default model quotes and why."""
    if isinstance(why, str):
        return why
    return QUOTING if why is None else f"{QUOTING} as {DEFAULT}: {why.code}"


class QuotingTime:
    """The time of one symbol since the last full minute."""

    __slots__ = ("_since_us", "_spent_us", "state", "why")

    def __init__(self) -> None:
        self.state = State.PAUSED
        self.why: Why = None
        self._since_us = 0
        """From here on nothing is counted yet."""
        self._spent_us: dict[str, int] = {}

    def follow(self, state: State, why: Why, now_us: int) -> None:
        """From now on the symbol is in this state, and quotes or does not."""
        self._count(now_us)
        self.state, self.why = state, why

    def take(self, at_us: int) -> tuple[tuple[str, int], ...]:
        """What was counted up to a full minute, in microseconds by reason; counting begins anew."""
        self._count(at_us)
        taken = tuple(sorted(self._spent_us.items()))
        self._spent_us.clear()
        return taken

    def _count(self, until_us: int) -> None:
        if self.state is State.ACTIVE and until_us > self._since_us:
            code = reason(self.why)
            self._spent_us[code] = self._spent_us.get(code, 0) + until_us - self._since_us
        self._since_us = max(self._since_us, until_us)
