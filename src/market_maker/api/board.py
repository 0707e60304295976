"""What streams tell of the fleet, made once for all of them: whatever changed, turn by turn."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from market_maker.api.answers import SymbolSummary
from market_maker.api.fleet_answers import FleetGlance, WithoutPicture
from market_maker.api.fleet_port import FleetPort, ShownElsewhere
from market_maker.api.ports import Desk

HEARTBEAT_S = 2.0
"""Whoever hears nothing for two of them knows that what is shown is old."""
LOOK_S = 1.0
"""Between two looks at what other instances publish."""
MIN_INTERVAL_S = 0.5
"""Changes within this time are told together: a console needs no more."""
TOGETHER_MAX = 50
"""Events sent in one piece: sending one costs as much as making half of one."""

_log = logging.getLogger(__name__)

Shown = SymbolSummary | WithoutPicture | None
"""What there is to tell of a symbol; None: it is gone."""


@dataclass(frozen=True, slots=True)
class _Told:
    turn: int
    """Since when."""
    shown: Shown
    event: bytes


class Board:
    """Every symbol's event, with the turn in which it became what it is.

    A turn is made by the reader that waits for it first, while the others wait for that one. Who has missed
    some hears of each symbol once, as it is now: nobody's slowness costs memory.
    """

    def __init__(self, desk: Desk, fleet: FleetPort) -> None:
        self._desk = desk
        self._fleet = fleet
        self._changes = desk.subscribe()
        self._changed = set(desk.symbols())
        """Not made yet."""
        self._others = ShownElsewhere({}, {})
        self._told: dict[str, _Told] = {}
        self._glance: FleetGlance | None = None
        self._glance_turn = 0
        self._heartbeat_turn = 0
        self._turn = 0
        self._due_s = self._look_s = self._heartbeat_s = float("-inf")
        """When the next turn, look and heartbeat may be or are due."""
        self._making = asyncio.Lock()
        self._pieces: dict[int, list[bytes]] = {}
        """What this turn's readers are sent, by the turn that they have heard."""
        self._closed = False

    def close(self) -> None:
        """There are no more turns: a reader that waits for one is told so."""
        self._closed = True
        self._changes.close()

    async def after(self, heard: int) -> int | None:
        """The number of the present turn as soon as it is a later one; None: there will be none."""
        while self._turn <= heard and not self._closed:
            async with self._making:
                if self._turn <= heard and not self._closed:
                    await self._make_turn()
        return None if self._closed else self._turn

    def since(self, heard: int) -> list[bytes]:
        """What a reader has not heard that knows of everything until a turn (0: of nothing), in pieces."""
        if heard not in self._pieces:
            told = (one for _, one in sorted(self._told.items()) if one.turn > heard)
            events = [one.event for one in told if heard or one.shown is not None]
            if self._heartbeat_turn > heard:
                events.append(_event("heartbeat", datetime.now(UTC).isoformat()))
            if self._glance is not None and self._glance_turn > heard:
                events.append(_event("fleet", self._glance.model_dump_json()))
            starts = range(0, len(events), TOGETHER_MAX)
            self._pieces[heard] = [b"".join(events[start : start + TOGETHER_MAX]) for start in starts]
        return self._pieces[heard]

    async def _make_turn(self) -> None:
        """Wait until there is something to tell, or time for a sign of life. Making one may be given up."""
        await asyncio.sleep(max(0.0, self._due_s - time.monotonic()))
        wait_s = max(0.0, min(self._look_s, self._heartbeat_s) - time.monotonic())
        self._changed |= await self._changes.next(wait_s) or frozenset()
        for symbol in sorted(self._changed):
            try:
                self._make_own(symbol)
                self._changed.discard(symbol)
            except Exception:  # noqa: BLE001 -- whatever it is
                # The others' consoles go on; the next turn tries again.
                _log.exception("symbol not shown in this turn: %s", symbol)
            await asyncio.sleep(0)  # making one takes a while: trading goes on in between
        if time.monotonic() >= self._look_s:
            await self._look_elsewhere()
            self._look_s = time.monotonic() + LOOK_S
        if time.monotonic() >= self._heartbeat_s:
            self._look_around()
            self._heartbeat_s = time.monotonic() + HEARTBEAT_S
        self._turn += 1
        self._pieces.clear()
        self._due_s = time.monotonic() + MIN_INTERVAL_S

    def _make_own(self, symbol: str) -> None:
        """One that has left for another instance is shown by the next look."""
        if self._fleet.is_elsewhere(symbol, self._others):
            return
        summary = self._fleet.own(symbol)
        if summary is not None or symbol not in self._desk.symbols():
            self._tell(symbol, summary)

    async def _look_elsewhere(self) -> None:
        """What the other instances show, what nobody shows any more, and what is gone."""
        self._others = others = await self._fleet.elsewhere()
        shown: dict[str, Shown] = {
            symbol: one for symbol, one in others.shown.items() if self._fleet.is_elsewhere(symbol, others)
        }
        shown |= {one: each for one, each in others.without_owner.items() if not self._desk.runs(one)}
        # One that has left since this look is configured still: the next look finds where it went.
        gone = self._told.keys() - shown.keys() - {*self._desk.symbols()}
        shown |= {symbol: None for symbol in gone if not self._desk.runs(symbol)}
        for symbol, one in shown.items():
            self._tell(symbol, one)
            await asyncio.sleep(0)

    def _look_around(self) -> None:
        """What stands around the symbols."""
        self._heartbeat_turn = self._turn + 1
        glance = self._fleet.glance()
        if glance != self._glance:
            self._glance, self._glance_turn = glance, self._turn + 1

    def _tell(self, symbol: str, shown: Shown) -> None:
        told = self._told.get(symbol)
        if told is None or told.shown != shown:
            self._told[symbol] = _Told(self._turn + 1, shown, _event_of(symbol, shown))


def _event_of(symbol: str, shown: Shown) -> bytes:
    if shown is None:
        return _event("removed", symbol)
    name = "status" if isinstance(shown, SymbolSummary) else "without_owner"
    return _event(name, shown.model_dump_json())


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
