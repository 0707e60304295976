"""How much of the time a symbol kept its programmes: a fold of what becomes durable of its orders and states.

An order counts from the step that heard the exchange acknowledge it to the step that heard of its end, with
what of it is not filled. Only time that is ACTIVE counts; whatever no process saw is not in any record and so
was absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from market_maker.core.obligations import (
    MINUTE_US,
    PresenceSpan,
    Programme,
    Resting,
    Tier,
    is_present,
    samples,
)

HOUR_US = 60 * MINUTE_US
RECORD_EVERY_US = 5_000_000
"""A process that is killed loses at most so much of its presence."""


@dataclass(slots=True)
class _Tally:
    """One tier since the beginning of the present stretch."""

    programme: Programme
    tier: Tier
    from_us: int
    at_us: int
    """Up to here everything is counted."""
    present: bool = False
    """From here on."""
    present_us: int = 0
    minutes: int = 0
    samples: int = 0
    minute_us: int = 0
    """Presence in the minute that has begun."""

    def advance(self, until_us: int) -> list[PresenceSpan]:
        """Count the time up to then; returns the stretches that a full hour has ended."""
        ended = []
        while self.at_us < until_us:
            minute_end_us = (self.at_us // MINUTE_US + 1) * MINUTE_US
            end_us = min(until_us, minute_end_us)
            if self.present and self.programme.covers(self.at_us):
                self.present_us += end_us - self.at_us
                self.minute_us += end_us - self.at_us
                if self.programme.sample_us:
                    self.samples += samples(self.at_us, end_us, self.programme.sample_us)
            self.at_us = end_us
            if end_us == minute_end_us:
                self._end_minute()
                if end_us % HOUR_US == 0:
                    ended.append(self.span())
                    self._begin(end_us)
        return ended

    def span(self) -> PresenceSpan:
        """What is counted so far."""
        return PresenceSpan(
            self.programme.name,
            self.tier.name,
            self.from_us,
            self.at_us,
            self.present_us,
            self.minutes,
            self.samples,
        )

    def _end_minute(self) -> None:
        needed_pct = self.programme.minute_pct
        if needed_pct and self.minute_us * 100 >= needed_pct * MINUTE_US:
            self.minutes += 1
        self.minute_us = 0

    def _begin(self, at_us: int) -> None:
        self.from_us = at_us
        self.present_us = self.minutes = self.samples = 0


class Presence:
    """The programmes of one symbol while a process runs it."""

    __slots__ = ("_recorded_us", "_resting", "_tallies", "programmes")

    def __init__(self, programmes: tuple[Programme, ...]) -> None:
        self.programmes = programmes
        """Empty: there is nothing to keep."""
        self._resting: dict[str, Resting] = {}
        """By client order id."""
        self._tallies: tuple[_Tally, ...] = ()
        """Empty while the symbol is not ACTIVE."""
        self._recorded_us = 0

    def orders(self, changed: Mapping[str, Resting | None], now_us: int) -> list[PresenceSpan]:
        """Orders rest or changed (by client order id), or rest no more (None)."""
        ended = self._advance(now_us)
        for client_order_id, resting in changed.items():
            if resting is None:
                self._resting.pop(client_order_id, None)
            else:
                self._resting[client_order_id] = resting
        for tally in self._tallies:
            tally.present = is_present(tally.tier, self._resting.values())
        return ended

    def quotes(self, active: bool, now_us: int) -> list[PresenceSpan]:
        """The symbol became ACTIVE, or ceased to be."""
        ended = self._advance(now_us)
        if active and not self._tallies:
            self._recorded_us = now_us
            self._tallies = tuple(
                _Tally(programme, tier, now_us, now_us, present=is_present(tier, self._resting.values()))
                for programme in self.programmes
                for tier in programme.tiers
            )
        elif not active:
            ended += [tally.span() for tally in self._tallies if tally.at_us > tally.from_us]
            self._tallies = ()
        return ended

    def record_again(self, now_us: int) -> list[PresenceSpan]:
        """What is to be recorded again after a while."""
        if not self._tallies or now_us - self._recorded_us < RECORD_EVERY_US:
            return []
        self._recorded_us = now_us
        ended = self._advance(now_us)
        return ended + [tally.span() for tally in self._tallies if tally.at_us > tally.from_us]

    def _advance(self, now_us: int) -> list[PresenceSpan]:
        return [span for tally in self._tallies for span in tally.advance(now_us)]
