"""What is asked of several symbols, or of all: each takes it where it runs, and answers for itself."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from market_maker.api import answers, outcomes
from market_maker.api.context import Call
from market_maker.api.fleet_port import Emergency, TakenElsewhere
from market_maker.api.problems import ProblemError, SymbolOutcome
from market_maker.api.unowned import unowned
from market_maker.api.waits import activate
from market_maker.api.why import refusals
from market_maker.core.commands import Reply
from market_maker.core.states import Cause
from market_maker.repositories.audit import AuditEntry

_STARTING = (Cause.ENABLE, Cause.RESUME)
_ALL_OR_NONE = (Cause.RESET, *_STARTING)
"""What starts something is refused as a whole when a symbol in it is misspelt; what stops never is."""


async def take(emergency: Emergency, call: Call) -> answers.EmergencyAnswer:
    """Carry it out, here and at the other owners; how each symbol took it. ProblemError when none did."""
    meant, unknown = _meant(call, emergency)
    if unknown and (emergency.cause in _ALL_OR_NONE or not meant):
        raise _not_configured(unknown, [], emergency.cause)
    here = [symbol for symbol in meant if call.desk.runs(symbol)]
    async with asyncio.TaskGroup() as tasks:
        own = tasks.create_task(_take_here(emergency, call, here))  # first: it waits for nobody
        others = tasks.create_task(_take_away(emergency, call, _away(emergency, call, meant)))
    (own_results, rows), elsewhere = own.result(), others.result()
    found = {**own_results, **elsewhere.results}
    results = [found[symbol] for symbol in (meant if emergency.named is not None else sorted(found))]
    audit = await _record(call, [*rows, *elsewhere.rows], emergency.cause)
    if unknown:
        raise _not_configured(unknown, results, emergency.cause)
    refused = [result for result in results if not result.accepted]
    if refused and len(refused) == len(results):
        names = ", ".join(result.symbol for result in refused)
        detail = f"every symbol refuses to {emergency.cause.value}: {names}; `results` tells why"
        raise outcomes.refusal(refused, detail, shown=outcomes.outcomes(refused))
    return answers.EmergencyAnswer(
        results=results, audit=audit if elsewhere.audit == "recorded" else "pending"
    )


def _meant(call: Call, emergency: Emergency) -> tuple[list[str], list[str]]:
    """The symbols that a request means, and those it names that are not configured.

    All symbols, in a request that another instance sent on, are those that run here.
    """
    desk, named = call.desk, emergency.named
    configured = desk.symbols()
    if named is None:
        return [one for one in configured if not call.origin.is_forwarded or desk.runs(one)], []
    known = {symbol: symbol in configured or desk.runs(symbol) for symbol in named}
    return [one for one, is_known in known.items() if is_known], [
        one for one, is_known in known.items() if not is_known
    ]


def _away(emergency: Emergency, call: Call, meant: Sequence[str]) -> list[str]:
    """The symbols to take elsewhere. A kill goes there also when this instance runs what another owns."""
    desk = call.desk
    is_kill = emergency.cause is Cause.KILL
    return [
        symbol for symbol in meant if not desk.runs(symbol) or (is_kill and call.fleet.is_anothers(symbol))
    ]


async def _take_here(
    emergency: Emergency, call: Call, here: Sequence[str]
) -> tuple[Mapping[str, answers.ControlResult], list[AuditEntry]]:
    """Ask the engines of this instance; how each took it, and the rows of the audit trail."""
    before = {symbol: view.state for symbol in here if (view := call.desk.view(symbol)) is not None}
    replies: Mapping[str, Reply] = {}
    if here or emergency.named is None:
        replies = await _ask_here(emergency, call, None if emergency.named is None else here)
    results = {symbol: outcomes.of_reply(symbol, replies.get(symbol), before[symbol]) for symbol in here}
    if emergency.cause is Cause.RESET:
        results = {symbol: _still_waits(call, result) for symbol, result in results.items()}
    if emergency.cause is Cause.KILL:
        durable = await call.desk.durable(here)
        results = {symbol: _halted(result, symbol in durable) for symbol, result in results.items()}
    why = f"{emergency.reason} (P&L rebased)" if emergency.rebase_pnl else emergency.reason
    rows = [
        outcomes.audited(call.principal, emergency.route, result, before[symbol], why)
        for symbol, result in results.items()
    ]
    return results, rows


def _still_waits(call: Call, result: answers.ControlResult) -> answers.ControlResult:
    """A symbol that was reset follows the market again only from now on: what its enable waits for."""
    view = call.desk.view(result.symbol)
    if view is None or not result.accepted:
        return result
    return result.model_copy(update={"enable_waits_for": refusals(view.enable_problems)})


def _halted(result: answers.ControlResult, durable: bool) -> answers.ControlResult:
    """A symbol that was killed: whether that would outlive this process."""
    return result.model_copy(update={"durable": durable}) if result.accepted else result


async def _ask_here(emergency: Emergency, call: Call, symbols: Sequence[str] | None) -> Mapping[str, Reply]:
    if emergency.cause in _STARTING:
        return await activate(call, symbols, emergency.cause, emergency.reason, emergency.wait_s)
    call.waits.stop(symbols)
    return await call.desk.control(
        symbols, emergency.cause, call.actor, emergency.reason, emergency.rebase_pnl
    )


async def _take_away(emergency: Emergency, call: Call, away: Sequence[str]) -> TakenElsewhere:
    """Ask the other instances; a request that came from one of them goes no further."""
    if not call.origin.is_forwarded:
        return await call.fleet.take(emergency, away, call.principal, call.origin)
    missing = await unowned(call.desk, away, emergency.cause)
    return TakenElsewhere({symbol: outcomes.without_owner(one) for symbol, one in missing.items()})


async def _record(call: Call, rows: Sequence[AuditEntry], cause: Cause) -> answers.Audit:
    """A kill or flatten must not wait for the database; all else may."""
    if cause in (Cause.KILL, Cause.FLATTEN):
        return call.audit.record_later(rows)
    return await call.audit.record(rows)


def _not_configured(
    unknown: Sequence[str], results: Sequence[answers.ControlResult], cause: Cause
) -> ProblemError:
    """404 that also tells how the configured symbols of the same request took it."""
    taken = ", ".join(result.symbol for result in results if result.accepted)
    refused = ", ".join(result.symbol for result in results if not result.accepted)
    parts = [f"not configured: {', '.join(unknown)} (GET /v1/mm-configs lists the symbols)"]
    parts.append(
        f"the {cause.value} took place for {taken}" if taken else f"no symbol took the {cause.value}"
    )
    if refused:
        parts.append(f"refused by {refused}: `results` tells why")
    missing = [
        outcomes.refused(symbol, "UNKNOWN_SYMBOL", "the symbol is not configured") for symbol in unknown
    ]
    shown: list[SymbolOutcome] = outcomes.outcomes([*results, *missing])
    return ProblemError(HTTPStatus.NOT_FOUND, "UNKNOWN_SYMBOL", "; ".join(parts), results=shown)
