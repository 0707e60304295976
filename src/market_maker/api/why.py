"""Why a symbol quotes what it quotes, in sentences: for the status, and in full for its quotes."""

from collections import Counter
from collections.abc import Iterable

from market_maker.api.problems import RefusalReason
from market_maker.core.commands import Problem
from market_maker.core.outcomes import outcome_of
from market_maker.core.risk.kill_switch import BEFORE_THE_RESTART
from market_maker.core.states import KillReason, State
from market_maker.core.view import KillView, SymbolView

_NO_LIMIT = ("", "no failure", "no failed write")
"""Thresholds of kills by which nothing was measured."""
_SHADOW = "shadow mode: quotes are computed and published, no order is sent"


def refusals(problems: Iterable[Problem]) -> list[RefusalReason]:
    """Reasons of a refusal."""
    return [RefusalReason(code=problem.code, detail=problem.detail) for problem in problems]


def why_not(view: SymbolView) -> list[RefusalReason]:
    """Why nothing, or not all of it, is in the market; empty when every level is."""
    reasons = []
    if view.shadow_mode:
        reasons.append(RefusalReason(code="SHADOW_MODE", detail=_SHADOW))
    if view.kill is not None:
        reasons.append(RefusalReason(code="KILL_SWITCH", detail=kill_sentence(view.kill)))
    if view.state is not State.ACTIVE:
        detail = f"the symbol is {view.state.value} ({view.state_reason}); only ACTIVE places orders"
        reasons.append(RefusalReason(code="NOT_ACTIVE", detail=detail))
        return reasons + refusals(view.enable_problems)
    if view.no_quote_reason:
        code = view.no_quote_reason.upper().replace(" ", "_")
        return [*reasons, RefusalReason(code=code, detail=_no_quote(view))]
    for code, count in _missing(view).items():
        detail = f"{count} of {len(view.verdicts)} levels: {sentence_of(code)}"
        reasons.append(RefusalReason(code=code.upper(), detail=detail))
    return reasons


def summary_sentence(view: SymbolView) -> str:
    """What the symbol does now, and why, in one sentence."""
    mode = " (shadow mode: no order is sent)" if view.shadow_mode else ""
    if view.kill is not None:
        return f"HALTED{mode}: {kill_sentence(view.kill)}"
    if view.state is not State.ACTIVE:
        blocked = "; ".join(problem.detail for problem in view.enable_problems)
        waits = f"; enable waits for: {blocked}" if blocked else "; it can be enabled"
        return f"{view.state.value}{mode}: {view.state_reason}{waits}"
    if view.no_quote_reason:
        return f"ACTIVE{mode}, no quote: {_no_quote(view)}"
    missing = _missing(view)
    standing = len(view.verdicts) - sum(missing.values())
    reasons = "; ".join(f"{count} not: {sentence_of(code)}" for code, count in missing.items())
    told = f"{standing} of {len(view.verdicts)} levels quoted"
    return f"ACTIVE{mode}: {told}{'; ' if reasons else ''}{reasons}"


def sentence_of(code: str) -> str:
    """An outcome's sentence."""
    outcome = outcome_of(code)
    return code.replace("_", " ") if outcome is None else outcome.sentence


def kill_sentence(kill: KillView) -> str:
    """Why the kill switch fired."""
    reason, measured, threshold = kill.reason.value, kill.measured, kill.threshold
    if threshold == BEFORE_THE_RESTART:
        return f"{reason}, {BEFORE_THE_RESTART}: {measured}"
    if kill.reason is KillReason.MANUAL:
        return f"killed by hand: {measured}"
    if kill.reason is KillReason.MARKET_HALT:
        return f"{reason}: the instrument is {measured}, not {threshold}"
    if threshold in _NO_LIMIT:
        return f"{reason}: {measured}"
    return f"{reason}: measured {measured}, limit {threshold}"


def _no_quote(view: SymbolView) -> str:
    sentence = sentence_of(view.no_quote_reason)
    return sentence if view.book.valid else f"{sentence}: {view.book.invalid_reason}"


def _missing(view: SymbolView) -> Counter[str]:
    """How many levels are not in the market, by code, most frequent first."""
    codes = Counter(code for _, _, code in view.verdicts if not _in_market(code))
    return Counter(dict(codes.most_common()))


def _in_market(code: str) -> bool:
    outcome = outcome_of(code)
    return outcome is not None and outcome.in_market
