"""How symbols took a request, as results, as rows of the audit trail, and as refusals."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from market_maker.api import answers, rendering
from market_maker.api.audit import entry
from market_maker.api.problems import ProblemError, RefusalReason, SymbolOutcome
from market_maker.api.security import Principal
from market_maker.api.unowned import Unowned
from market_maker.core.commands import Reply
from market_maker.core.states import State
from market_maker.repositories.audit import AuditEntry

_S = HTTPStatus
_UNANSWERED = frozenset({"NO_ANSWER", "NO_OWNER", "OWNER_SILENT", "DATABASE_UNAVAILABLE"})
"""Refusals that no engine has spoken."""


def of_reply(symbol: str, reply: Reply | None, state: State | None) -> answers.ControlResult:
    """How a symbol that runs here took it; `state` is what it was in if it did not answer."""
    if reply is not None:
        return rendering.control_result(symbol, reply)
    return refused(
        symbol, "NO_ANSWER", "the symbol's worker did not answer in time: look at its status", state
    )


def refused(symbol: str, code: str, detail: str, state: State | None = None) -> answers.ControlResult:
    """A refusal for one reason."""
    problems = [RefusalReason(code=code, detail=detail)]
    return answers.ControlResult(symbol=symbol, state=state, accepted=False, problems=problems)


def without_owner(missing: Unowned) -> answers.ControlResult:
    """The result of a symbol that nobody runs."""
    return refused(missing.symbol, "NO_OWNER", missing.detail, missing.state)


def unanswered(results: Iterable[answers.ControlResult]) -> bool:
    """Whether no engine has spoken for any of them."""
    return all(result.problems and {p.code for p in result.problems} <= _UNANSWERED for result in results)


def outcomes(results: Iterable[answers.ControlResult]) -> list[SymbolOutcome]:
    """Results as a problem document shows them."""
    return [SymbolOutcome(**dict(result)) for result in results]


def audited(
    principal: Principal, route: str, result: answers.ControlResult, before: State | None, why: str
) -> AuditEntry:
    """The row of the audit trail for one symbol."""
    return entry(
        principal,
        route,
        result.symbol,
        before=None if before is None else {"state": before.value},
        after=result.model_dump(mode="json", exclude={"symbol"}),
        why=why,
    )


def refusal(
    results: Sequence[answers.ControlResult],
    detail: str,
    *,
    problems: Sequence[RefusalReason] | None = None,
    shown: Sequence[SymbolOutcome] | None = None,
) -> ProblemError:
    """409 when an engine refuses, 503 when none has spoken."""
    if not unanswered(results):
        return ProblemError(_S.CONFLICT, "REFUSED", detail, problems=problems, results=shown)
    codes = {problem.code for result in results for problem in result.problems}
    code = codes.pop() if len(codes) == 1 else "NO_ANSWER"
    return ProblemError(
        _S.SERVICE_UNAVAILABLE,
        code,
        detail,
        problems=problems,
        results=shown,
        headers={"Retry-After": "1"},
    )
