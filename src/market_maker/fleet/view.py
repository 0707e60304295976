"""The whole fleet at a glance: what runs here, what the others show of themselves, and what nobody shows."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from market_maker import __version__
from market_maker.api import answers, fleet_answers, rendering
from market_maker.api.fleet_port import Emergency, ShownElsewhere, TakenElsewhere
from market_maker.api.forwarded import Origin
from market_maker.api.ports import Desk, StoredState
from market_maker.api.security import Principal
from market_maker.api.unowned import stored_states
from market_maker.core.states import State
from market_maker.fleet import pictures
from market_maker.fleet.elsewhere import take_elsewhere
from market_maker.fleet.forward import answer_of_owner
from market_maker.fleet.peers import Peers
from market_maker.fleet.pictures import PictureReader, Seen

SILENT_S = 2.5
"""An instance that has published nothing new for so long, two pictures and a half, gives no sign of life."""
LAG_STEP_MS = 100
LAG_STEP_NS = LAG_STEP_MS * 1_000_000
LOOK_EVERY_S = 0.5
"""Others publish once a second: whoever asks meanwhile gets what was seen last."""


@dataclass(frozen=True, slots=True)
class Others(ShownElsewhere):
    """What was last seen of the other instances."""

    pictures: Mapping[str, Seen]
    """By instance."""
    seen_s: float
    """When that was."""


@dataclass(frozen=True, slots=True)
class SeenHere:
    """What this instance knows of its surroundings; None: it does not."""

    lag_ns: int | None = None
    guards: int | None = None


Note = Callable[[answers.SymbolSummary], None]
"""Is told of each summary."""


async def own_summaries(desk: Desk, peers: Peers) -> AsyncIterator[answers.SymbolSummary]:
    """What runs here, sorted by symbol. Trading goes on in between: one takes a tenth of a millisecond."""
    for symbol in desk.symbols():
        view = desk.view(symbol) if desk.runs(symbol) else None
        if view is not None:
            yield rendering.summary(view, peers.owner(symbol), desk.to_wall)
            await asyncio.sleep(0)


async def picture_of(desk: Desk, peers: Peers, note: Note) -> bytes:
    """What an instance shows the others of itself; `note` is told too. Trading goes on while it is made."""
    at = desk.to_wall(time.monotonic_ns())
    summaries = []
    async for summary in own_summaries(desk, peers):
        note(summary)
        summaries.append(summary.model_dump_json())
    return pictures.encode(at, desk.figures(), summaries)


class FleetView:
    """Implements the API's FleetPort. One look at the others is shared by all who ask at the same time."""

    def __init__(
        self,
        desk: Desk,
        peers: Peers,
        house_limits: Callable[[], list[fleet_answers.HouseLimit]] = list,
        around: Callable[[], SeenHere] = SeenHere,
    ) -> None:
        """`house_limits` tells how the limits over all symbols stand."""
        self._desk = desk
        self._peers = peers
        self._reader = PictureReader()
        self._seen: Others | None = None
        self._seen_s = 0.0
        self._looking = asyncio.Lock()
        self._house_limits = house_limits
        self._around = around

    def owner(self, symbol: str) -> str | None:
        """The instance that owns a symbol; None: nobody does, or it is not known."""
        return self._peers.owner(symbol)

    def is_anothers(self, symbol: str) -> bool:
        """Whether another instance owns the symbol, as far as is known."""
        return self._peers.owner(symbol) not in (None, self._peers.instance)

    # --- requests that go on to others ----------------------------------------------------------

    async def answer_of_owner(
        self, request: Request, route: tuple[str, str], body: bytes, wait_s: int = 0
    ) -> Response | None:
        """The answer of the instance that owns the request's symbol; None: this one is to answer."""
        return await answer_of_owner(self._desk, self._peers, request, route, body, wait_s)

    async def take(
        self, emergency: Emergency, away: Sequence[str], principal: Principal, origin: Origin
    ) -> TakenElsewhere:
        """Carry it out for the symbols `away`, and for what other instances run besides if all are meant."""
        return await take_elsewhere(self._desk, self._peers, emergency, away, principal, origin)

    # --- what the others show -------------------------------------------------------------------

    async def elsewhere(self) -> Others:
        """What the other instances show; nothing of them while Redis is away."""
        async with self._looking:
            if self._seen is None or time.monotonic() - self._seen_s >= LOOK_EVERY_S:
                self._seen = await self._look()
                self._seen_s = time.monotonic()
            return self._seen

    def glance(self) -> fleet_answers.FleetGlance:
        """What stands around the symbols; of the others what was seen last."""
        around, seen = self._around(), self._seen
        others = (
            {}
            if seen is None
            else {one: _silent_ms(each, seen.seen_s) for one, each in seen.pictures.items()}
        )
        return fleet_answers.FleetGlance(
            instances=1 + len(others),
            silent=sorted(one for one, silent_ms in others.items() if silent_ms is not None),
            guards=around.guards,
            lag_ms=None if around.lag_ns is None else round(around.lag_ns / LAG_STEP_NS) * LAG_STEP_MS,
            house_limits=self._house_limits(),
        )

    async def status(self) -> fleet_answers.SystemStatus:
        """The whole fleet now."""
        others = await self.elsewhere()
        own = [one async for one in own_summaries(self._desk, self._peers)]
        away = {symbol: one for symbol, one in others.shown.items() if self.is_elsewhere(symbol, others)}
        here = [summary for summary in own if summary.symbol not in away]
        summaries = sorted([*here, *away.values()], key=lambda summary: summary.symbol)
        shown = {summary.symbol for summary in summaries}
        missing = [one for one in others.without_owner.values() if one.symbol not in shown]
        latched = {summary.symbol for summary in summaries if summary.kill is not None}
        latched |= {one.symbol for one in missing if one.state is State.HALTED}
        figures = self._desk.figures()
        return fleet_answers.SystemStatus(
            shadow_mode=self._desk.shadow_mode,
            kill_switch=fleet_answers.KillSwitch(latched=bool(latched), symbols=sorted(latched)),
            totals=rendering.totals(summaries, self._house_limits()),
            latency_us=dict(figures.latency_us),
            outbox_pending=figures.outbox_pending,
            complete=not missing and all(summary.owner_silent_ms is None for summary in summaries),
            symbols=summaries,
            instances=self._instances(here, others),
            without_owner=missing,
        )

    def own(self, symbol: str) -> answers.SymbolSummary | None:
        """A symbol that runs here; None for any other."""
        view = self._desk.view(symbol)
        return (
            None if view is None else rendering.summary(view, self._peers.owner(symbol), self._desk.to_wall)
        )

    def is_elsewhere(self, symbol: str, elsewhere: ShownElsewhere) -> bool:
        """Whether another instance's picture of the symbol is the one to show.

        What runs here is shown by this instance, unless it has lost the symbol to another.
        """
        if symbol not in elsewhere.shown:
            return False
        return not self._desk.runs(symbol) or self.is_anothers(symbol)

    def _instances(
        self, here: Sequence[answers.SymbolSummary], seen: Others
    ) -> list[fleet_answers.InstanceStatus]:
        figures = self._desk.figures()
        this = fleet_answers.InstanceStatus.of(
            figures,
            instance=self._peers.instance,
            symbols=[summary.symbol for summary in here],
            at=self._desk.to_wall(time.monotonic_ns()),
            silent_ms=None,
            version=__version__,
            is_self=True,
        )
        others = [
            fleet_answers.InstanceStatus.of(
                one.picture,
                instance=instance,
                symbols=[summary.symbol for summary in one.picture.summaries],
                silent_ms=_silent_ms(one, seen.seen_s),
                is_self=False,
            )
            for instance, one in seen.pictures.items()
        ]
        return sorted([this, *others], key=lambda one: one.instance)

    async def _look(self) -> Others:
        payloads = dict(await self._peers.pictures() or {})
        payloads.pop(self._peers.instance, None)
        now_s = time.monotonic()
        pictures = self._reader.read(payloads, now_s)
        shown = self._best(pictures, now_s)
        elsewhere = [one for one in self._desk.symbols() if not self._desk.runs(one)]
        doubtful = {one for one in elsewhere if one in shown and self._is_doubtful(shown[one], pictures)}
        absent = [one for one in elsewhere if one not in shown or one in doubtful]
        stored = await stored_states(self._desk, absent)
        for symbol in doubtful:
            if symbol in stored and stored[symbol].state is State.HALTED:
                del shown[symbol]
        absent = [one for one in absent if one not in shown]
        missing = {symbol: self._missing(symbol, stored.get(symbol)) for symbol in absent}
        return Others(shown, missing, pictures, now_s)

    def _best(self, pictures: Mapping[str, Seen], now_s: float) -> dict[str, answers.SymbolSummary]:
        """One picture a symbol: that of its owner, else the newest."""
        found: dict[str, tuple[bool, datetime, answers.SymbolSummary]] = {}
        for instance, seen in pictures.items():
            silent = {"owner_silent_ms": _silent_ms(seen, now_s)}
            for summary in seen.picture.summaries:
                is_owners = self._peers.owner(summary.symbol) == instance
                last = found.get(summary.symbol)
                if last is None or (is_owners, summary.at) > last[:2]:
                    found[summary.symbol] = (is_owners, summary.at, summary.model_copy(update=silent))
        return {symbol: summary for symbol, (_, _, summary) in found.items()}

    def _is_doubtful(self, shown: answers.SymbolSummary, pictures: Mapping[str, Seen]) -> bool:
        """Whether the symbol may have been halted since somebody showed it last, as the guard does."""
        if shown.kill is not None:
            return False
        owner = pictures.get(self._peers.owner(shown.symbol) or "")
        if owner is None:
            return True
        is_owners = any(one.symbol == shown.symbol for one in owner.picture.summaries)
        return not is_owners or owner.is_first or shown.owner_silent_ms is not None

    def _missing(self, symbol: str, stored: StoredState | None) -> fleet_answers.WithoutPicture:
        return fleet_answers.WithoutPicture(
            symbol=symbol,
            owner=self._peers.owner(symbol),
            state=None if stored is None else stored.state,
            reason=None if stored is None else stored.reason,
            since=None if stored is None else stored.since,
        )


def _silent_ms(seen: Seen, now_s: float) -> int | None:
    """How long an instance has published nothing new, once that is too long."""
    age_s = now_s - seen.since_s
    return int(age_s * 1000) if age_s >= SILENT_S else None
