"""Changes that wait for a second person: list, one, approve, reject."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from market_maker.api import answers, approval, rendering
from market_maker.api.answers import FieldChange
from market_maker.api.approval import Approval
from market_maker.api.configs import consistent, modelled, proposal_answer
from market_maker.api.context import ApprovalOf, Call, CallOf, SymbolInPath
from market_maker.api.guard import DeskRoute
from market_maker.api.paging import Limit, NextCursor, RowCursor, page, row_id
from market_maker.api.problems import BODY_PROBLEMS, ProblemError, documented
from market_maker.api.requests import VERSION_MAX, ConfigUpdate, DecisionRequest
from market_maker.api.trail import Exactly
from market_maker.repositories.proposals import ConfigProposal, Decision, ProposalState

router = APIRouter(route_class=DeskRoute, tags=["configuration"])

_S = HTTPStatus
_ID = Annotated[int, Path(ge=1, le=VERSION_MAX, description="Of the proposal.")]
_DECIDING = documented(*BODY_PROBLEMS, _S.FORBIDDEN, _S.NOT_FOUND, _S.CONFLICT, _S.SERVICE_UNAVAILABLE)


class ProposalPage(answers.Answer):
    """Proposals, newest first."""

    approval_needed: bool = Field(
        description="False: CHANGES_NEED_APPROVAL is false here, changes wait for nobody and none is shown."
    )
    items: list[answers.ProposalItem]
    next_cursor: NextCursor


class Approved(answers.Answer):
    """A proposal that was approved, and the configuration that it has made."""

    proposal: answers.ProposalItem
    config: answers.Config
    version: int = Field(description="The new version of the symbol's configuration.")


@router.get("/v1/mm/proposals", responses=documented(_S.SERVICE_UNAVAILABLE))
async def list_proposals(
    waiting: ApprovalOf,
    symbol: Exactly = None,
    pending: Annotated[bool, Query(description="Only those that can still be approved.")] = True,
    limit: Limit = 100,
    cursor: RowCursor = None,
) -> ProposalPage:
    """Changes of configurations that wait for a second person; with `pending=false` also those that did.

    A proposal is `SUPERSEDED` once the configuration that it would change is another one: it waits no more.
    """
    if waiting.proposals is None:
        return ProposalPage(approval_needed=False, items=[], next_cursor=None)
    open_at = approval.now() if pending else None
    rows = await waiting.proposals.page(symbol, open_at, row_id(cursor), limit + 1)
    shown, next_cursor = page(rows, limit, lambda row: row.id)
    items = [proposal_answer(waiting, row) for row in shown]
    return ProposalPage(approval_needed=True, items=items, next_cursor=next_cursor)


@router.get("/v1/mm/proposals/{proposal}", responses=documented(_S.NOT_FOUND, _S.SERVICE_UNAVAILABLE))
async def get_proposal(proposal: _ID, waiting: ApprovalOf) -> answers.ProposalItem:
    """One of them."""
    return proposal_answer(waiting, await _known(waiting, proposal, None))


@router.post("/v1/mm-configs/{symbol}/proposals/{proposal}/approve", responses=_DECIDING)
async def approve(symbol: SymbolInPath, proposal: _ID, body: DecisionRequest, call: CallOf) -> Approved:
    """Let a change take place; never by who has proposed it.

    Refused when the proposal has expired, and when the configuration has changed since it was made: then it
    would be another change than the one that was looked at. A raised limit needs the role of its owner.
    `enabled` alone starts nothing: enable or resume the symbol afterwards.
    """
    async with call.config_lock:
        row = await _pending(call, symbol, proposal)
        if row.author == call.actor:
            await _record(call, symbol, "approve", row, f"denied: {call.actor} has proposed it")
            detail = f"{call.actor} has proposed this change: somebody else has to approve it"
            raise ProblemError(_S.FORBIDDEN, "OWN_PROPOSAL", detail)
        [present_version] = await call.desk.versions(symbol, None, 1)
        if present_version.version != row.replaces or present_version.config is None:
            raise _superseded(row)
        before = present_version.config
        after = consistent(replace(before, **modelled(before, _settings(row))))
        call.approval.require_owner(call.principal, before, after)
        why = f"{row.reason} (approved by {call.actor}: {body.reason})"
        await call.desk.update_config(after, row.author, why, row.replaces)
        decided = await _decide(call, row, body.reason, approved=True)
    await _record(call, symbol, "approve", decided, body.reason)
    return Approved(
        proposal=proposal_answer(call.approval, decided),
        config=rendering.config(after),
        version=row.replaces + 1,
    )


@router.post("/v1/mm-configs/{symbol}/proposals/{proposal}/reject", responses=_DECIDING)
async def reject(
    symbol: SymbolInPath, proposal: _ID, body: DecisionRequest, call: CallOf
) -> answers.ProposalItem:
    """Reject a change, or take back one's own."""
    async with call.config_lock:
        decided = await _decide(call, await _pending(call, symbol, proposal), body.reason, approved=False)
    await _record(call, symbol, "reject", decided, body.reason)
    return proposal_answer(call.approval, decided)


async def _known(waiting: Approval, proposal: int, symbol: str | None) -> ConfigProposal:
    row = await waiting.kept.get(proposal)
    if row is None or symbol not in (None, row.symbol):
        detail = f"there is no proposal {proposal}{f' for {symbol[:40]}' if symbol else ''}"
        raise ProblemError(_S.NOT_FOUND, "UNKNOWN_PROPOSAL", f"{detail}: GET /v1/mm/proposals lists them")
    return row


async def _pending(call: Call, symbol: str, proposal: int) -> ConfigProposal:
    row = await _known(call.approval, proposal, symbol)
    state = row.state(approval.now())
    if state is ProposalState.SUPERSEDED:
        raise _superseded(row)
    if state is not ProposalState.PENDING:
        approved = state is ProposalState.APPROVED
        then = "it has taken place" if approved else "propose the change again if it is still wanted"
        detail = f"proposal {proposal} is {state.value}: {then}"
        raise ProblemError(_S.CONFLICT, "PROPOSAL_CLOSED", detail)
    return row


def _superseded(row: ConfigProposal) -> ProblemError:
    detail = (
        f"proposal {row.id} changes version {row.replaces} of {row.symbol}, which is not the present"
        " one any more: propose the change again if it is still wanted"
    )
    return ProblemError(_S.CONFLICT, "SUPERSEDED", detail)


async def _decide(call: Call, row: ConfigProposal, reason: str, *, approved: bool) -> ConfigProposal:
    decision = Decision(approval.now(), call.actor, approved, reason)
    await call.approval.kept.decide(row.id, decision)
    return replace(row, decision=decision)


def _settings(row: ConfigProposal) -> dict[str, Any]:
    """The proposed fields, read as a PUT would read them."""
    proposed = {str(change["field"]): change["after"] for change in row.changes}
    return ConfigUpdate.model_validate(proposed).settings


async def _record(call: Call, symbol: str, verb: str, row: ConfigProposal, why: str) -> None:
    fields = [FieldChange.model_validate(change) for change in row.changes]
    state = row.state(approval.now()).value
    before = {change.field: change.before for change in fields}
    after = {change.field: change.after for change in fields} | {"proposal": row.id, "state": state}
    route = f"POST /v1/mm-configs/{{symbol}}/proposals/{{proposal}}/{verb}"
    await call.record(route, symbol, before, after, why)
