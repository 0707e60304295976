"""The admin API under test: in process for most tests, on a real socket where the socket matters."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.types import Message

from market_maker.api.admission import RateLimit
from market_maker.api.app import create_app
from market_maker.api.approval import Approval
from market_maker.api.audit import AuditTrail
from market_maker.api.context import Waits
from market_maker.api.denials import Denials
from market_maker.api.ports import Desk
from market_maker.api.samples import Samples
from market_maker.api.security import Authenticator, NoAuth
from market_maker.api.server import ApiServer
from market_maker.api.signed_out import SignedOut
from market_maker.api.strangers import Refusals
from market_maker.api.stream import Streams
from market_maker.fleet.peers import Peers
from market_maker.fleet.view import FleetView
from market_maker.repositories.errors import DatabaseError

VERSION = "9.8.7"


class Alone:
    """One process that shares its symbols with nobody."""

    def __init__(self, instance: str = "alone") -> None:
        self._instance = instance

    @property
    def instance(self) -> str:
        """The id of this instance."""
        return self._instance

    def owner(self, symbol: str) -> str | None:  # noqa: ARG002 -- the port's signature
        """Always this instance."""
        return self._instance

    def others(self) -> Sequence[str]:
        """Nobody."""
        return ()

    async def ask(self, instance_id: str, request: bytes, timeout_s: float) -> bytes | None:  # noqa: ARG002 -- the port's signature
        """Never an answer: there is nobody to ask."""
        return None

    async def pictures(self) -> Mapping[str, bytes] | None:
        """Of nobody."""
        return {}

    async def order_kill(self, symbols: Sequence[str], actor: str, reason: str) -> Mapping[str, str]:  # noqa: ARG002 -- the port's signature
        """DatabaseError: one process needs no orders to itself."""
        raise DatabaseError("this process is alone: nobody reads kill orders")

    async def kills_done(self, order_ids: Collection[str]) -> frozenset[str]:  # noqa: ARG002 -- the port's signature
        """None."""
        return frozenset()


@dataclass
class Answer:
    """What came back; `body` is parsed when it is JSON. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The problem's code."""
        assert self.headers["content-type"] == "application/problem+json", self.text
        assert self.body["status"] == self.status
        return str(self.body["code"])

    @property
    def fields(self) -> set[str]:
        """The fields that a validation problem names."""
        return {error["field"] for error in self.body["errors"]}


@dataclass
class Api:
    """Calls an app as a server would, without one."""

    app: FastAPI

    async def call(
        self,
        method: str,
        target: str,
        *,
        body: object = None,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send `body` as JSON, or `data` as it is."""
        head = {"host": "localhost", **{name.lower(): value for name, value in (headers or {}).items()}}
        if body is not None:
            data = json.dumps(body).encode()
            head["content-type"] = "application/json"
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in head.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        sent: list[Message] = []

        unread = [data]

        async def receive() -> Message:
            if not unread:
                await asyncio.Event().wait()  # the client stays until it has its answer
            return {"type": "http.request", "body": unread.pop(), "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        raw = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return Answer(sent[0]["status"], raw, text)

    async def get(self, target: str) -> Answer:
        return await self.call("GET", target)

    async def post(self, target: str, body: object = None) -> Answer:
        return await self.call("POST", target, body=body)

    async def put(self, target: str, body: object) -> Answer:
        return await self.call("PUT", target, body=body)

    async def delete(self, target: str) -> Answer:
        return await self.call("DELETE", target)


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  the condition is the code's, it has no event to wait for
            await asyncio.sleep(0)


@cache
def _open_app() -> FastAPI:
    """Routes are built once: that takes longer than all tests of them."""
    return create_app(_NOBODY, NoAuth(), VERSION, FleetView(_NOBODY, Alone()))


_NOBODY: Any = object()


@asynccontextmanager
async def in_process(
    desk: Desk,
    authenticator: Authenticator | None = None,
    peers: Peers | None = None,
    host_names: Set[str] = frozenset(),
    approval: Approval | None = None,
    signed_out: SignedOut | None = None,
) -> AsyncIterator[Api]:
    """An app for this desk; everything in its state is new."""
    is_shared = authenticator is None and peers is None and not host_names
    fleet = FleetView(desk, peers or Alone())
    app = (
        _open_app() if is_shared else create_app(desk, authenticator or NoAuth(), VERSION, fleet, host_names)
    )
    app.state.desk = desk
    app.state.approval = approval or Approval(None)
    app.state.signed_out = signed_out or SignedOut()
    app.state.fleet = fleet
    app.state.audit = AuditTrail(desk)
    app.state.samples = Samples()
    app.state.streams = Streams()
    app.state.rate = RateLimit()
    app.state.waits = Waits()
    app.state.refusals = Refusals()
    app.state.denials = Denials(app.state.audit.record_later)
    app.state.config_lock = asyncio.Lock()
    async with app.router.lifespan_context(app):
        yield Api(app)


@asynccontextmanager
async def served(
    desk: Desk,
    authenticator: Authenticator | None = None,
    peers: Peers | None = None,
    proxies: Sequence[str] = (),
    signed_out: SignedOut | None = None,
    approval: Approval | None = None,
) -> AsyncIterator[str]:
    """Serve the desk on a free port; gives the base URL."""
    fleet = FleetView(desk, peers or Alone())
    authenticator = authenticator or NoAuth()
    app = create_app(desk, authenticator, VERSION, fleet, signed_out=signed_out, approval=approval)
    server = ApiServer(app, "127.0.0.1", 0, proxies)
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()
