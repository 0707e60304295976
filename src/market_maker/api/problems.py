"""Every refusal as one shape: RFC 9457 problem details with a stable `code`.

What may live here: the shape, the codes' meaning, and how exceptions become answers.
"""

import logging
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_maker.api.ports import (
    ActiveSymbolError,
    DeskError,
    DuplicateConfigError,
    MetadataDownError,
    NotConfiguredError,
    NotListedError,
    NotProvenZeroError,
    SupersededError,
)
from market_maker.api.validation import FieldError, field_errors
from market_maker.core.states import State
from market_maker.repositories.errors import DatabaseError

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class RefusalReason(BaseModel):
    """One reason why a symbol refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str = Field(description="Stable code.")
    detail: str = Field(description="A sentence for the operator.")


class SymbolOutcome(BaseModel):
    """How one symbol took a request that meant several and did not succeed as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    symbol: str
    state: State | None = Field(default=None, description="Left out where it is not known.")
    accepted: bool
    problems: list[RefusalReason]
    pending: bool = Field(default=False, description="A kill on record that no instance has carried out yet.")
    durable: bool | None = Field(default=None, description="As in the answer to a kill.")
    enable_waits_for: list[RefusalReason] = Field(default=[], description="As in the answer to a reset.")


class ProblemDetails(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: str = Field(default="about:blank", description="Always `about:blank`: `code` tells more.")
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(ge=400, le=599)
    code: str = Field(description="Stable code, for programs.")
    detail: str = Field(description="What is wrong and what to do, for people.")
    instance: str = Field(description="The path of the request.")
    errors: list[FieldError] | None = Field(default=None, description="Every field that is wrong.")
    problems: list[RefusalReason] | None = Field(default=None, description="Every reason of the symbol.")
    results: list[SymbolOutcome] | None = Field(
        default=None, description="How each symbol took it, also those that did."
    )


class ProblemError(Exception):
    """Raise to answer with a problem."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] | None = None,
        problems: Sequence[RefusalReason] | None = None,
        results: Sequence[SymbolOutcome] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = None if errors is None else list(errors)
        self.problems = None if problems is None else list(problems)
        self.results = None if results is None else list(results)
        self.headers = headers

    def response(self, instance: str) -> Response:
        """The answer to send."""
        problem = ProblemDetails(
            title=self.status.phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
            problems=self.problems,
            results=self.results,
        )
        body = problem.model_dump_json(exclude_none=True)
        return Response(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


_DESK_ERRORS: dict[type[DeskError], tuple[HTTPStatus, str]] = {
    NotConfiguredError: (HTTPStatus.NOT_FOUND, "UNKNOWN_SYMBOL"),
    DuplicateConfigError: (HTTPStatus.CONFLICT, "DUPLICATE_CONFIG"),
    SupersededError: (HTTPStatus.CONFLICT, "SUPERSEDED"),
    NotListedError: (HTTPStatus.UNPROCESSABLE_ENTITY, "SYMBOL_NOT_LISTED"),
    ActiveSymbolError: (HTTPStatus.CONFLICT, "SYMBOL_ACTIVE"),
    NotProvenZeroError: (HTTPStatus.CONFLICT, "NOT_PROVEN_ZERO"),
}


def unknown_symbol(symbol: str) -> ProblemError:
    """404 for a symbol without configuration."""
    return ProblemError(
        HTTPStatus.NOT_FOUND,
        "UNKNOWN_SYMBOL",
        f"{symbol[:40]!r} is not configured: GET /v1/mm-configs lists the symbols",
    )


def of_desk_error(error: DeskError) -> ProblemError:
    """The problem that a typed refusal of the service becomes."""
    if isinstance(error, MetadataDownError):
        return _unavailable("METADATA_UNAVAILABLE", error)
    status, code = _DESK_ERRORS[type(error)]
    return ProblemError(status, code, str(error))


def _unavailable(code: str, error: Exception) -> ProblemError:
    headers = {"Retry-After": "5"}
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, code, str(error), headers=headers)


def of_validation(error: RequestValidationError) -> ProblemError:
    """422 that names every field that is wrong."""
    return of_fields(field_errors(error.errors()))


def of_fields(errors: Sequence[FieldError]) -> ProblemError:
    """422 that names these fields, the first five of them in its sentence too."""
    detail = "; ".join(f"{item.field}: {item.detail}" for item in errors[:5])
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "VALIDATION_FAILED", detail, errors=errors)


def install(app: FastAPI, routes: Sequence[tuple[str, str]]) -> None:
    """Make the app answer every error with a problem; `routes` are (method, path template)."""
    methods_of = _allowed_methods(routes)

    async def on_problem(request: Request, error: Exception) -> Response:
        return _as_problem(error, request, methods_of).response(request.url.path)

    for kind in (ProblemError, DeskError, DatabaseError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, on_problem)
    app.add_middleware(LastResort)


def _as_problem(error: Exception, request: Request, methods_of: Callable[[str], list[str]]) -> ProblemError:
    match error:
        case ProblemError():
            return error
        case DeskError():
            return of_desk_error(error)
        case DatabaseError():
            return _unavailable("DATABASE_UNAVAILABLE", error)
        case RequestValidationError():
            return of_validation(error)
        case HTTPException(status_code=HTTPStatus.METHOD_NOT_ALLOWED):
            allowed = ", ".join(methods_of(request.url.path))
            detail = f"{request.method} is not possible here, only {allowed}"
            status = HTTPStatus.METHOD_NOT_ALLOWED
            return ProblemError(status, "METHOD_NOT_ALLOWED", detail, headers={"Allow": allowed})
        case HTTPException(status_code=HTTPStatus.NOT_FOUND):
            detail = "there is no such route: GET /openapi.json lists all of them"
            return ProblemError(HTTPStatus.NOT_FOUND, "UNKNOWN_ROUTE", detail)
        case HTTPException():
            status = HTTPStatus(error.status_code)
            return ProblemError(status, status.name, error.detail, headers=dict(error.headers or {}))
        case _:
            raise error


def _allowed_methods(routes: Sequence[tuple[str, str]]) -> Callable[[str], list[str]]:
    patterns = [
        (method, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))) for method, path in routes
    ]

    def methods_of(path: str) -> list[str]:
        return sorted({method for method, pattern in patterns if pattern.fullmatch(path)})

    return methods_of


class LastResort:
    """Outermost layer: an unforeseen exception is logged whole and answered with nothing of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            _log.info("a client has left before its request was whole")
        except Exception:
            incident = uuid4().hex
            _log.exception("request failed", extra={"incident": incident, "path": scope.get("path", "")})
            if started or scope["type"] != "http":
                raise
            await _internal_error(incident).response(scope["path"])(scope, receive, send)


def _internal_error(incident: str) -> ProblemError:
    detail = f"the service failed to answer; its log tells more under incident {incident}"
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", detail)


Responses = dict[int | str, dict[str, Any]]
BODY_PROBLEMS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
"""What any body may be refused with."""


def documented(*statuses: HTTPStatus) -> Responses:
    """The `responses` of a route that may answer with these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        int(status): {"description": status.phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
