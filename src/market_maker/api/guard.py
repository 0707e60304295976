"""What every request passes before its route: admission, query, media type, size, exact JSON.

What another instance has to answer leaves for it here, after all of that.
"""

from collections.abc import Callable, Coroutine
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from market_maker.api.admission import admit
from market_maker.api.exact_json import exact_json
from market_maker.api.fleet_port import FleetPort
from market_maker.api.problems import ProblemError, of_fields
from market_maker.api.requests import WAIT_S_MAX
from market_maker.api.validation import FieldError

BODY_BYTES_MAX = 65_536
_JSON = "application/json"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


class DeskRoute(APIRoute):
    """A route that lets a request in only when all of this module's checks pass."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the checks."""
        handler = super().get_route_handler()
        known = _query_names(self.dependant)
        takes_body = self.body_field is not None

        async def guarded(request: Request) -> Response:
            exact = ExactRequest(request.scope, request.receive)
            request.state.principal = await admit(request, self.path_format)
            _refuse_unknown_query(request, known)
            _refuse_other_media(request, has_body=takes_body and bool(await exact.body()))
            if takes_body and await exact.body():
                _refuse_bare_number(await exact.json())
            body = await exact.body() if takes_body else b""
            wait_s = _wait_s(await exact.json()) if body else 0
            fleet: FleetPort = request.app.state.fleet
            answer = await fleet.answer_of_owner(exact, (request.method, self.path_format), body, wait_s)
            return answer if answer is not None else await handler(exact)

        return guarded


def _query_names(dependant: Dependant) -> frozenset[str]:
    """The query parameters of a route, those of what it depends on included."""
    own = frozenset(parameter.alias for parameter in dependant.query_params)
    return own.union(*map(_query_names, dependant.dependencies))


class ExactRequest(Request):
    """A request with a bounded body whose JSON numbers keep every digit."""

    _bytes: bytes | None = None
    _parsed: object = None

    async def body(self) -> bytes:
        """The whole body; 413 beyond BODY_BYTES_MAX."""
        if self._bytes is None:
            chunks = bytearray()
            async for chunk in self.stream():
                chunks += chunk
                if len(chunks) > BODY_BYTES_MAX:
                    detail = f"the body is longer than {BODY_BYTES_MAX} bytes: send less"
                    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                    raise ProblemError(status, "BODY_TOO_LARGE", detail, headers={"Connection": "close"})
            self._bytes = bytes(chunks)
        return self._bytes

    async def json(self) -> Any:
        """The body as JSON, decimals exact; 400 when it is not strict JSON."""
        if self._parsed is None:
            self._parsed = exact_json(await self.body())
        return self._parsed


def _refuse_unknown_query(request: Request, known: frozenset[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    errors = [
        FieldError(location="query", field=name[:60], detail="is not a parameter of this route: remove it")
        for name in dict.fromkeys(names)
        if name not in known
    ]
    errors += [
        FieldError(location="query", field=name, detail="is given more than once: give it once")
        for name in sorted(known)
        if names.count(name) > 1
    ]
    if errors:
        raise of_fields(errors)


def _refuse_bare_number(body: object) -> None:
    """What else is no object the models refuse themselves."""
    # To them a Decimal is an object with none of their fields: one whose fields may all be left out takes it.
    if isinstance(body, Decimal):
        raise of_fields([FieldError(location="body", field="body", detail="must be a JSON object")])


def _wait_s(body: object) -> int:
    """How long the request allows its symbol's owner to wait; what is no such number the owner refuses."""
    wait = body.get("wait") if isinstance(body, dict) else None
    return int(wait) if isinstance(wait, int | Decimal) and 0 <= wait <= WAIT_S_MAX else 0


def _refuse_other_media(request: Request, *, has_body: bool) -> None:
    """An empty form is one, too: that is what a page of another site can send without asking."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in _FORMS or (has_body and media != _JSON):
        detail = f"the body must be sent with the header `Content-Type: {_JSON}`"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", detail)
