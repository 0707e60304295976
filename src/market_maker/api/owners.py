"""An emergency request goes on to the instances that own the symbols it means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from market_maker.api import forward, outcomes
from market_maker.api.answers import Audit, ControlResult
from market_maker.api.context import Call
from market_maker.api.problems import RefusalReason
from market_maker.core.states import Cause, State

_PATHS = {
    Cause.ENABLE: "/v1/mm/enable",
    Cause.PAUSE: "/v1/mm/pause",
    Cause.RESUME: "/v1/mm/resume",
    Cause.KILL: "/v1/mm/emergency/kill",
    Cause.FLATTEN: "/v1/mm/emergency/flatten",
    Cause.RESET: "/v1/mm/reset",
}


@dataclass(frozen=True, slots=True)
class Emergency:
    """What an operator wants of several symbols."""

    cause: Cause
    named: Sequence[str] | None
    """None: every symbol."""
    reason: str
    rebase_pnl: bool = False
    wait_s: int = 0
    """How long starting may wait for what only needs time."""

    @property
    def path(self) -> str:
        """Where it is asked for."""
        return _PATHS[self.cause]

    @property
    def route(self) -> str:
        """As the audit trail names it."""
        return f"POST {self.path}"

    def body(self, symbols: Sequence[str] | None) -> str:
        """The body that asks the same for these symbols; None: for all of the one who is asked."""
        return _Body(
            symbols=symbols,
            reason=self.reason,
            rebase_pnl=self.rebase_pnl if self.cause is Cause.RESET else None,
            wait=self.wait_s or None,
        ).model_dump_json(exclude_none=True)


class _Body(BaseModel):
    symbols: Sequence[str] | None
    reason: str
    rebase_pnl: bool | None
    wait: int | None


class _Result(BaseModel):
    """One symbol in another instance's answer, whether it succeeded as a whole or not."""

    model_config = ConfigDict(frozen=True)
    symbol: str
    state: State | None = None
    accepted: bool
    problems: list[RefusalReason]
    pending: bool = False
    enable_waits_for: list[RefusalReason] = []


class _Answer(BaseModel):
    """Another instance's answer, or its problem."""

    results: list[_Result] = []
    audit: Audit = "pending"
    code: str = "NO_ANSWER"
    detail: str = "the symbol's owner answered without a result: look at its status"


@dataclass(frozen=True, slots=True)
class OwnersAnswer:
    """How the symbols of one other instance took it."""

    results: Mapping[str, ControlResult]
    audit: Audit = "pending"


def by_owner(call: Call, emergency: Emergency, away: Sequence[str]) -> dict[str, list[str]]:
    """Whom to ask, and for which of the symbols that do not run here; nobody's are left out.

    A request for every symbol goes to every instance: they may run some that are not known here yet.
    """
    peers = call.peers
    asked: dict[str, list[str]] = {} if emergency.named is not None else {one: [] for one in peers.others()}
    for symbol in away:
        owner = peers.owner(symbol)
        if owner is not None and owner != peers.instance:
            asked.setdefault(owner, []).append(symbol)
    return asked


async def ask_owner(call: Call, emergency: Emergency, owner: str, symbols: Sequence[str]) -> OwnersAnswer:
    """One instance's answer, with a result for each of its symbols; without any when it does not answer."""
    sent = forward.WireRequest(
        method="POST",
        path=emergency.path,
        headers={**call.origin.headers, "content-type": "application/json"},
        client=call.origin.client,
        sender=forward.sender_of(call.principal),
        body=emergency.body(None if emergency.named is None else symbols),
    )
    answer = await forward.ask(call.peers, owner, sent, emergency.wait_s)
    if answer is None:
        return OwnersAnswer({})
    try:
        read = _Answer.model_validate_json(answer.body)
    except ValidationError:
        read = _Answer()
    missing = [outcomes.refused(symbol, read.code, read.detail) for symbol in symbols]
    given = [ControlResult(**dict(result)) for result in read.results]
    return OwnersAnswer({result.symbol: result for result in (*missing, *given)}, read.audit)
