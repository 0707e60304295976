"""An emergency request goes on to the instances that own the symbols it means."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from market_maker.api import outcomes
from market_maker.api.answers import Audit, ControlResult
from market_maker.api.fleet_port import Emergency, TakenElsewhere
from market_maker.api.forwarded import Origin
from market_maker.api.problems import SymbolOutcome
from market_maker.api.security import Principal
from market_maker.core.states import Cause
from market_maker.fleet import forward
from market_maker.fleet.peers import Peers


class _Body(BaseModel):
    symbols: Sequence[str] | None
    reason: str
    rebase_pnl: bool | None
    wait: int | None


class _Result(SymbolOutcome):
    """One symbol in another instance's answer, whether it succeeded as a whole or not."""

    model_config = ConfigDict(extra="ignore")


class _Answer(BaseModel):
    """Another instance's answer, or its problem."""

    results: list[_Result] = []
    audit: Audit = "pending"
    code: str = "NO_ANSWER"
    detail: str = "the symbol's owner answered without a result: look at its status"


def by_owner(peers: Peers, emergency: Emergency, away: Sequence[str]) -> dict[str, list[str]]:
    """Whom to ask, and for which of the symbols that do not run here; nobody's are left out.

    A request for every symbol goes to every instance: they may run some that are not known here yet.
    """
    asked: dict[str, list[str]] = {} if emergency.named is not None else {one: [] for one in peers.others()}
    for symbol in away:
        owner = peers.owner(symbol)
        if owner is not None and owner != peers.instance:
            asked.setdefault(owner, []).append(symbol)
    return asked


async def ask_owner(
    peers: Peers,
    emergency: Emergency,
    owner: str,
    symbols: Sequence[str],
    principal: Principal,
    origin: Origin,
) -> TakenElsewhere:
    """One instance's answer, with a result for each of its symbols; without any when it does not answer."""
    sent = forward.WireRequest(
        method="POST",
        path=emergency.path,
        headers={**origin.headers, "content-type": "application/json"},
        client=origin.client,
        sender=forward.sender_of(principal),
        body=_body(emergency, symbols),
    )
    answer = await forward.ask(peers, owner, sent, emergency.wait_s)
    if answer is None:
        return TakenElsewhere({}, "pending")
    try:
        read = _Answer.model_validate_json(answer.body)
    except ValidationError:
        read = _Answer()
    missing = [outcomes.refused(symbol, read.code, read.detail) for symbol in symbols]
    given = [ControlResult(**dict(result)) for result in read.results]
    return TakenElsewhere({result.symbol: result for result in (*missing, *given)}, read.audit)


def _body(emergency: Emergency, symbols: Sequence[str]) -> str:
    """The body that asks the same for these symbols; when all are meant, for all of the one who is asked."""
    return _Body(
        symbols=None if emergency.named is None else symbols,
        reason=emergency.reason,
        rebase_pnl=emergency.rebase_pnl if emergency.cause is Cause.RESET else None,
        wait=emergency.wait_s or None,
    ).model_dump_json(exclude_none=True)
