"""Signing in from a browser: a token of the Auth Service becomes a cookie that no script can read.

The cookie holds the token itself, so every instance of a fleet knows it, it is checked anew with each
request, and it ends when the token does. Signing out ends the token for this service (`signed_out`), since
who has copied the cookie has the token. A browser sends cookies for whoever asks it to; so a request that
changes something and shows a cookie instead of the header `Authorization` must carry a header of its own as
well, which a page of another site cannot add without being allowed to (and nobody is).
"""

import math
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from market_maker.api.admission import note_denied
from market_maker.api.answers import Answer
from market_maker.api.decimals import Timestamp
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import BODY_PROBLEMS, ProblemError, documented
from market_maker.api.security import Authenticator, Principal, Role, RoleMissingError
from market_maker.api.signed_out import SignedOut
from market_maker.api.tokens import COOKIE, SECURE_COOKIE, is_secure, token_of
from market_maker.api.validation import BEARER_PATTERN

TOKEN_CHARS_MAX = 3_800
"""Browsers keep no cookie that is longer than 4,096 characters with its name and attributes."""

router = APIRouter(route_class=DeskRoute, tags=["session"])

_S = HTTPStatus


class SignIn(BaseModel):
    """A token of the Auth Service."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    token: Annotated[
        str,
        StringConstraints(strict=True, min_length=1, max_length=TOKEN_CHARS_MAX, pattern=BEARER_PATTERN),
        Field(description="As the Auth Service gave it, without `Bearer`."),
    ]


class Session(Answer):
    """Who a page speaks for."""

    access_control: bool = Field(description="False: DISABLE_AUTH=true, nobody is asked for a token.")
    actor: str | None = Field(description="Who is signed in; null: nobody.")
    roles: list[Role] = Field(description="Those of this service that the token carries.")
    expires_at: Timestamp | None = Field(description="When the token ends; null where there is none.")
    sign_in_url: str | None = Field(
        description="The page of the Auth Service that gives tokens, if it is set."
    )
    version: str = Field(description="The version of this service.")


@router.get("/v1/mm/session", responses=documented(_S.SERVICE_UNAVAILABLE))
async def who(request: Request) -> Session:
    """Whether tokens are asked for, and who is signed in with this request's token or cookie."""
    authenticator: Authenticator = request.app.state.authenticator
    token = token_of(request) if authenticator.required else ""
    if token is None:
        return _session(request, None)
    try:
        return _session(request, await authenticator.authenticate(token))
    except ProblemError as refused:
        if refused.status is not _S.UNAUTHORIZED:
            raise
        return _session(request, None)


@router.post(
    "/v1/mm/session",
    responses=documented(*BODY_PROBLEMS, _S.UNAUTHORIZED, _S.FORBIDDEN, _S.CONFLICT, _S.SERVICE_UNAVAILABLE),
)
async def sign_in(request: Request, body: SignIn, response: Response) -> Session:
    """Take a token and set the cookie that browsers show from then on, for as long as the token is valid.

    A token without any role of this service is refused.
    """
    authenticator: Authenticator = request.app.state.authenticator
    if not authenticator.required:
        detail = "nobody is asked for a token here (DISABLE_AUTH=true): use the service as it is"
        raise ProblemError(_S.CONFLICT, "NO_ACCESS_CONTROL", detail)
    try:
        principal = await authenticator.authenticate(f"Bearer {body.token}")
        if not principal.may(Role.READ):
            raise RoleMissingError(principal, Role.READ)
    except ProblemError as denied:
        note_denied(request, "POST /v1/mm/session", denied)
        raise
    secure = is_secure(request)
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        body.token,
        max_age=_seconds_left(principal),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"
    return _session(request, principal)


@router.delete(
    "/v1/mm/session",
    status_code=_S.NO_CONTENT,
    responses=documented(_S.FORBIDDEN, _S.SERVICE_UNAVAILABLE),
)
async def sign_out(request: Request, response: Response) -> None:
    """End the token of the cookie for this service, and make the browser forget the cookie.

    Whoever has copied it is refused with 401 `SIGNED_OUT`: by this instance at once, by the others within
    about a second. Other services go on accepting the token until it ends.
    """
    await _end_token(request)
    secure = is_secure(request)
    name = SECURE_COOKIE if secure else COOKIE
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")


async def _end_token(request: Request) -> None:
    """ProblemError 503 when it cannot be told whose token it is; one that opens nothing needs no end."""
    authenticator: Authenticator = request.app.state.authenticator
    token = request.cookies.get(SECURE_COOKIE if is_secure(request) else COOKIE)
    if not token or not authenticator.required:
        return
    try:
        principal = await authenticator.authenticate(f"Bearer {token}")
    except ProblemError as refused:
        if refused.status is not _S.UNAUTHORIZED:
            raise
        return
    if principal.expires_at is not None:
        signed_out: SignedOut = request.app.state.signed_out
        signed_out.add(token, math.ceil(principal.expires_at.timestamp()))


def _seconds_left(principal: Principal) -> int | None:
    """Until the token's end, rounded down: the cookie is gone first."""
    if principal.expires_at is None:
        return None
    return max(0, int((principal.expires_at - datetime.now(UTC)).total_seconds()))


def _session(request: Request, principal: Principal | None) -> Session:
    state = request.app.state
    roles = frozenset[Role]() if principal is None else principal.roles
    return Session(
        access_control=state.authenticator.required,
        actor=None if principal is None else principal.actor,
        roles=[role for role in Role if role in roles],
        expires_at=None if principal is None else principal.expires_at,
        sign_in_url=state.sign_in_url,
        version=request.app.version,
    )
