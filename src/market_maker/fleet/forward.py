"""A request goes on, whole, to the instance that owns its symbol, whose own app answers it in process.

The owner checks, audits and limits it as if it had come by its own socket, from the same address. Who sends
it has been verified here and travels as subject and roles, in a message that the fleet signs: no token leaves
the instance that it was sent to. What was sent on is never sent on again.
"""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.types import ASGIApp, Message

from market_maker.api.forwarded import FORWARDED_SENDER, origin_of
from market_maker.api.ports import Desk
from market_maker.api.problems import ProblemError
from market_maker.api.security import OWNER_ROUTES, SPLIT_ROUTES, Principal, Role
from market_maker.fleet.peers import Peers

ANSWER_S_MAX = 3.0
"""Time for the owner's answer."""
ANSWER_BYTES_MAX = 4_000_000
_CARRIED_BACK = ("content-type", "retry-after", "allow", "www-authenticate")


class Wire(BaseModel):
    """Base of what goes between instances; fields of a newer version are passed over."""

    model_config = ConfigDict(frozen=True)


class WireSender(Wire):
    """Who sent a request, as verified by the instance that sends it on."""

    actor: str
    roles: frozenset[Role]


class WireRequest(Wire):
    """A request on its way to another instance."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str]
    client: str
    sender: WireSender
    body: str = ""


class WireAnswer(Wire):
    """Its answer on the way back."""

    status: int
    headers: dict[str, str]
    body: str


def sender_of(principal: Principal) -> WireSender:
    """The same for another instance."""
    return WireSender(actor=principal.actor, roles=principal.roles)


async def answer_of_owner(
    desk: Desk, peers: Peers, request: Request, route: tuple[str, str], body: bytes, wait_s: int
) -> Response | None:
    """The answer of the instance that owns the request's symbol; None: this one is to answer.

    `wait_s` is how long the request itself allows the owner to wait.

    503 OWNER_SILENT when the owner does not answer in time.
    """
    origin = origin_of(request)
    if origin.is_forwarded:
        _refuse_unless_for_owners(route)
        return None
    symbol = request.path_params.get("symbol", "")
    if route not in OWNER_ROUTES or desk.runs(symbol):
        return None
    owner = peers.owner(symbol)
    if owner is None or owner == peers.instance:
        return None
    sent = WireRequest(
        method=request.method,
        path=request.scope["path"],
        query=request.scope["query_string"].decode("latin-1"),
        headers=dict(origin.headers),
        client=origin.client,
        sender=sender_of(request.state.principal),
        body=body.decode(),
    )
    answer = await ask(peers, owner, sent, wait_s)
    if answer is None:
        raise owner_silent(symbol, owner)
    return Response(answer.body, answer.status, headers=answer.headers)


async def ask(peers: Peers, instance_id: str, request: WireRequest, wait_s: int = 0) -> WireAnswer | None:
    """Another instance's answer; None when none came in time that can be read."""
    answer = await peers.ask(instance_id, request.model_dump_json().encode(), ANSWER_S_MAX + wait_s)
    if answer is None:
        return None
    try:
        return WireAnswer.model_validate_json(answer)
    except ValidationError:
        return None


def owner_silent(symbol: str, owner: str) -> ProblemError:
    """503: what was asked may or may not have taken place."""
    detail = (
        f"{symbol} belongs to the instance {owner}, which gave no answer within {ANSWER_S_MAX:g} s or cannot"
        " be reached: what was asked may still take place, so look at GET /v1/mm/status before trying again"
    )
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return ProblemError(status, "OWNER_SILENT", detail, headers={"Retry-After": "1"})


def _refuse_unless_for_owners(route: tuple[str, str]) -> None:
    """Streams have no end, and all else any instance answers by itself."""
    if route not in OWNER_ROUTES and route not in SPLIT_ROUTES:
        detail = "instances send on only what needs the owner of a symbol: ask this instance itself"
        raise ProblemError(HTTPStatus.FORBIDDEN, "NOT_FOR_OWNERS", detail)


class InProcess:
    """Answers what other instances send on, by the app of this one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def answer(self, request: bytes) -> bytes:
        """The answer to one request. What cannot be read is answered with 400."""
        try:
            asked = WireRequest.model_validate_json(request)
        except ValidationError:
            answer = _problem(HTTPStatus.BAD_REQUEST, "UNREADABLE", "the request sent on cannot be read")
        else:
            answer = await self._run(asked)
        return answer.model_dump_json().encode()

    async def _run(self, asked: WireRequest) -> WireAnswer:
        """Be the server of one request, as ASGI has it."""
        body = asked.body.encode()
        head: Message = {}
        parts = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            elif len(parts) <= ANSWER_BYTES_MAX:
                parts.extend(message.get("body", b""))

        await self._app(_scope(asked, len(body)), receive, send)
        if len(parts) > ANSWER_BYTES_MAX:
            detail = f"the answer is longer than {ANSWER_BYTES_MAX} bytes: ask the instance itself"
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "ANSWER_TOO_LONG", detail)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head["headers"]}
        carried = {name: headers[name] for name in _CARRIED_BACK if name in headers}
        return WireAnswer(status=head["status"], headers=carried, body=parts.decode())


def _scope(asked: WireRequest, length: int) -> Message:
    headers = {**asked.headers, "host": "owner", "content-length": str(length)}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": asked.path,
        "raw_path": quote(asked.path).encode(),
        "query_string": asked.query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ],
        "client": (asked.client, 0),
        "server": None,
        "state": {FORWARDED_SENDER: Principal(asked.sender.actor, asked.sender.roles)},
    }


def _problem(status: HTTPStatus, code: str, detail: str) -> WireAnswer:
    answer = ProblemError(status, code, detail).response("")
    headers = {"content-type": answer.headers["content-type"]}
    return WireAnswer(status=status, headers=headers, body=bytes(answer.body).decode())
