"""What an emergency request does to symbols that do not run here: asked of their owners, all at once.

A kill is also ordered through PostgreSQL at the same time, and a symbol's result is whichever comes first:
its owner's answer, or the order seen done. So a kill arrives with Redis away, at an owner that is silent,
and at a symbol that nobody runs.
"""

import asyncio
from collections.abc import Mapping, Sequence

from market_maker.api import outcomes
from market_maker.api.answers import ControlResult
from market_maker.api.fleet_port import Emergency, TakenElsewhere
from market_maker.api.forwarded import Origin
from market_maker.api.ports import Desk
from market_maker.api.security import Principal
from market_maker.api.unowned import Unowned, unowned
from market_maker.core.states import Cause, State
from market_maker.fleet.forward import ANSWER_S_MAX, owner_silent
from market_maker.fleet.owners_answers import ask_owner, by_owner
from market_maker.fleet.peers import Peers
from market_maker.repositories.errors import DatabaseError

POLL_S = 0.1
"""How often the database is asked whether the kills ordered are carried out."""


async def take_elsewhere(
    desk: Desk, peers: Peers, emergency: Emergency, away: Sequence[str], principal: Principal, origin: Origin
) -> TakenElsewhere:
    """Carry it out for the symbols `away`, and for what other instances run besides when all are meant."""
    asked = by_owner(peers, emergency, away)
    if not asked and not away:
        return TakenElsewhere({})
    race = _Race(desk, peers, emergency, away, asked, principal, origin)
    await race.run()
    return await race.outcome()


class _Race:
    """One request under way: what the owners say, and for a kill what became of its orders."""

    def __init__(
        self,
        desk: Desk,
        peers: Peers,
        emergency: Emergency,
        away: Sequence[str],
        asked: Mapping[str, Sequence[str]],
        principal: Principal,
        origin: Origin,
    ) -> None:
        self._desk = desk
        self._peers = peers
        self._principal = principal
        self._origin = origin
        self._emergency = emergency
        self._away = away
        self._asked = asked
        self._owner_of = {symbol: owner for owner, symbols in asked.items() for symbol in symbols}
        self._answers: list[TakenElsewhere] = []
        self._said: dict[str, ControlResult] = {}
        self._is_kill = emergency.cause is Cause.KILL
        self._recording = self._is_kill
        """Whether the kill is still on its way into the database."""
        self._on_record: frozenset[str] = frozenset()
        """Symbols whose kill is in the database."""
        self._done: set[str] = set()
        """Symbols whose order is carried out."""

    async def run(self) -> None:
        """Return once every symbol with an owner has taken it, or nothing more can come in time."""
        async with asyncio.TaskGroup() as group:
            waiting = {group.create_task(self._ask(owner, symbols)) for owner, symbols in self._asked.items()}
            if self._is_kill:
                waiting.add(group.create_task(self._order()))
            deadline = asyncio.get_running_loop().time() + ANSWER_S_MAX + self._emergency.wait_s
            while waiting and not self._settled():
                left_s = deadline - asyncio.get_running_loop().time()
                done, waiting = await asyncio.wait(
                    waiting, timeout=max(0.0, left_s), return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    break
            for task in waiting:
                task.cancel()

    async def outcome(self) -> TakenElsewhere:
        """The result of each symbol."""
        open_ones = [symbol for symbol in self._away if not self._is_settled(symbol)]
        missing = await unowned(self._desk, open_ones, self._emergency.cause)
        results = {
            symbol: self._result(missing.get(symbol) or Unowned(symbol, None)) for symbol in self._away
        }
        rows = [
            outcomes.audited(self._principal, self._emergency.route, result, None, self._emergency.reason)
            for symbol, result in results.items()
            if symbol in self._on_record and not self._is_said(symbol)
        ]
        is_recorded = all(answer.audit == "recorded" for answer in self._answers)
        return TakenElsewhere({**self._said, **results}, "recorded" if is_recorded else "pending", rows)

    async def _ask(self, owner: str, symbols: Sequence[str]) -> None:
        answer = await ask_owner(self._peers, self._emergency, owner, symbols, self._principal, self._origin)
        self._answers.append(answer)
        self._said.update(answer.results)

    async def _order(self) -> None:
        peers = self._peers
        ordered: Mapping[str, str] = {}
        try:
            if self._away:
                ordered = await peers.order_kill(self._away, self._principal.actor, self._emergency.reason)
                self._on_record = frozenset(ordered.values())
            self._recording = False
            while not self._settled():
                await asyncio.sleep(POLL_S)
                done = await peers.kills_done(ordered.keys())
                self._done.update(ordered[order_id] for order_id in done)
        except DatabaseError:
            self._recording = False

    def _settled(self) -> bool:
        # An owner's word alone is not enough while the kill is not on record: the owner may be one no more.
        if self._recording:
            return False
        # Others may run what is not known here: when all symbols are meant, each of them has to answer.
        if self._emergency.named is None and len(self._answers) < len(self._asked):
            return False
        return all(self._is_settled(symbol) for symbol in self._owner_of)

    def _is_settled(self, symbol: str) -> bool:
        return symbol in self._done or self._is_said(symbol)

    def _is_said(self, symbol: str) -> bool:
        """Whether its owner has answered; for a kill only HALTED is an answer."""
        said = self._said.get(symbol)
        return said is not None and (said.state is State.HALTED or not self._is_kill)

    def _result(self, missing: Unowned) -> ControlResult:
        symbol, state = missing.symbol, missing.state
        if self._is_said(symbol):
            return self._said[symbol]
        if symbol in self._done:
            return ControlResult(symbol=symbol, state=State.HALTED, accepted=True, problems=[], durable=True)
        if symbol in self._on_record:
            return ControlResult(symbol=symbol, state=state, accepted=True, problems=[], pending=True)
        if symbol in self._said:
            return self._said[symbol]
        if self._is_kill:
            detail = f"neither an instance that runs {symbol} nor PostgreSQL took the kill: repeat it"
            return outcomes.refused(symbol, "NO_ANSWER", detail, state)
        if symbol in self._owner_of:
            silent = owner_silent(symbol, self._owner_of[symbol])
            return outcomes.refused(symbol, silent.code, silent.detail, state)
        return outcomes.without_owner(missing)
