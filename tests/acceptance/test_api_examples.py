"""The examples of docs/api: every route is called on the running service, and answers as its example says.

What differs from call to call (times, prices, ids) may differ; fields, their types and the status may not.
With API_EXAMPLES set, the examples are written anew instead (`make api-examples`).
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import pytest
from tests.support.operator import until
from tests.support.sandbox import SandboxClient
from tests.support.service import WHOLE_MARKET, ExchangeServers, service_environment, service_process
from tools.api_pages import EXAMPLES, Example, examples, route_of

from lab.databases import Databases
from lab.postgres_server import PostgresServer

BTC: Final = "BTCUSDT"
ONE: Final = f"/v1/mm-configs/{BTC}"
OPAQUE: Final = frozenset({"before", "after", "data", "model_parameters", "suppressed"})
"""Fields whose own fields depend on what happened."""
PROGRAMMES: Final = f"""
programmes:
  - name: spot-mm
    symbols: [{BTC}]
    measure: time
    tiers:
      - {{name: any, max_spread_bps: 500, min_size_quote: 1, min_share_pct: 50}}
"""
TEXT_MAX: Final = 600
RECORDS: Final = bool(os.environ.get("API_EXAMPLES"))
"""Whether the examples are written anew."""


class Walk:
    """Calls the service as two people, and keeps what each route was answered."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tokens: dict[str, str]) -> None:
        self._session = session
        self._url = url
        self.tokens = tokens
        self.seen: list[Example] = []

    async def __call__(
        self, method: str, path: str, body: dict[str, Any] | None = None, who: str = "alice", note: str = ""
    ) -> Any:
        """One request that is an example; its answer."""
        example = await self.ask(method, path, body, who)
        self.seen.append(example._replace(note=note))
        return example.answer

    async def get(self, path: str) -> Any:
        """The answer of a GET that is none."""
        return (await self.ask("GET", path)).answer

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, who: str = "alice"
    ) -> Example:
        """One request that must succeed."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        async with self._session.request(
            method, self._url + path, json=body, headers=headers, timeout=aiohttp.ClientTimeout(total=40)
        ) as answer:
            media = answer.headers.get("Content-Type", "").partition(";")[0]
            text = await (_begin_of(answer) if media == "text/event-stream" else answer.text())
            assert answer.status < 300, (method, path, answer.status, text)
            found = json.loads(text) if text and media == "application/json" else text
            return Example(method, path, "", body, answer.status, media, found)


@pytest.fixture
async def walk(
    shared_exchange: ExchangeServers,
    postgres_server: PostgresServer,
    databases: Databases,
    valkey_url: str,
    http: aiohttp.ClientSession,
    tmp_path: Path,
) -> AsyncIterator[Walk]:
    """A service of its own that asks for tokens and for a second person."""
    (tmp_path / "programmes.yaml").write_text(PROGRAMMES)
    url = postgres_server.url(databases.take())
    process = service_process(
        {
            **service_environment(shared_exchange, url, valkey_url, str(uuid4())),
            "DISABLE_AUTH": "false",
            "AUTH_SERVICE_URL": shared_exchange.url,
            "CHANGES_NEED_APPROVAL": "true",
            "MM_PROGRAMMES_FILE": str(tmp_path / "programmes.yaml"),
        },
        tmp_path,
    )
    exchange = SandboxClient(http, shared_exchange)
    tokens = {
        "alice": await exchange.token("mm:operate", "mm:emergency", subject="alice"),
        "bob": await exchange.token("mm:operate", subject="bob"),
    }
    await asyncio.to_thread(process.start)
    made = Walk(http, f"http://127.0.0.1:{process.environment['HTTP_PORT']}", tokens)
    await until("the service answers", lambda: _succeeds(made, "/health/ready"))
    yield made
    process.close()


async def test_every_route_answers_as_its_example_in_the_reference_says(
    walk: Walk, shared_exchange: ExchangeServers, http: aiohttp.ClientSession
) -> None:
    await _look_around(walk)
    await _configure(walk)
    await _trade(walk, SandboxClient(http, shared_exchange))
    await _read(walk)
    await _stop(walk)
    await _leave(walk)
    found = [_shortened(one) for one in walk.seen]
    if RECORDS:
        EXAMPLES.write_text(json.dumps([one._asdict() for one in found], indent=1, ensure_ascii=False) + "\n")
    kept = {route_of(one) + one.note: one for one in examples()}
    assert kept.keys() == {route_of(one) + one.note for one in found}, "make api-examples"
    for one in found:
        example = kept[route_of(one) + one.note]
        assert (one.path, one.body, one.status, one.media) == (
            example.path,
            example.body,
            example.status,
            example.media,
        ), "make api-examples"
        assert (differs := _differs(one.answer, example.answer, "")) is None, (route_of(one), differs)


async def _look_around(walk: Walk) -> None:
    await walk("GET", "/health")
    await walk("GET", "/health/ready")
    await walk("GET", "/health/live")
    await walk("GET", "/v1/mm/session")
    await walk("POST", "/v1/mm/session", {"token": walk.tokens["alice"]})
    await walk("GET", "/v1/mm/instruments")


async def _configure(walk: Walk) -> None:
    """Version 1 is wide, 2 has less room, 3 is approved and enabled, 4 goes back to 2."""
    created = {"symbol": BTC, "base_spread_bps": "12", "max_position_usdt": "5000", "reason": "a new market"}
    await walk("POST", "/v1/mm-configs", created)
    await walk("GET", "/v1/mm-configs")
    await walk("GET", ONE)
    await until("the book is there", lambda: _has_book(walk))
    await walk("POST", f"{ONE}/preview", {"base_spread_bps": "8"})
    await walk("PUT", ONE, {"max_position_usdt": "4000", "reason": "less over the weekend"})
    looser = {"enabled": True, "base_spread_bps": "8", "reason": "quote from today on"}
    proposed = await walk("PUT", ONE, looser, note="a second person has to approve it")
    await walk("GET", "/v1/mm/proposals")
    await walk("GET", f"/v1/mm/proposals/{proposed['id']}")
    decision = f"{ONE}/proposals/{proposed['id']}/approve"
    await walk("POST", decision, {"reason": "agreed in the morning"}, who="bob")
    larger = (await walk.ask("PUT", ONE, {"order_size_usdt": "150", "reason": "larger"})).answer
    decision = f"{ONE}/proposals/{larger['id']}/reject"
    await walk("POST", decision, {"reason": "not before the weekend"}, who="bob")
    await walk("GET", f"{ONE}/versions?limit=1")
    await walk("GET", f"{ONE}/versions/2")
    await walk("GET", f"{ONE}/versions/1/diff?to=3")
    await walk("POST", f"{ONE}/rollback", {"version": 2, "reason": "as it was before"})


async def _trade(walk: Walk, exchange: SandboxClient) -> None:
    await walk("POST", f"{ONE}/enable", {"reason": "good morning", "wait": 30})

    async def filled() -> bool:
        orders = (await walk.get(f"{ONE}/status"))["orders"]
        prices = [order["price"] for order in orders if order["side"] == "BUY"]
        if prices:
            await exchange.trade(BTC, "sell", WHOLE_MARKET, price=max(prices, key=float))
        return bool((await walk.get(f"{ONE}/fills?limit=1"))["items"])

    await until("a fill", filled)

    async def quoted() -> bool:
        orders = (await walk.get(f"{ONE}/status"))["orders"]
        return {order["side"] for order in orders} == {"BUY", "SELL"}

    await until("both sides are quoted", quoted)


async def _read(walk: Walk) -> None:
    await until("a point of the chart", lambda: _has(walk, f"{ONE}/series", "times"))
    await walk("GET", f"{ONE}/series")
    await until("a markout", lambda: _has(walk, f"{ONE}/results?by=day", "markouts"))
    if RECORDS:  # results come at the end of a minute; without one an empty list fits the example
        await until("a result", lambda: _has(walk, f"{ONE}/results?by=day", "results"), 90)
    await walk("GET", f"{ONE}/results?by=day")
    for name in ("status", "quotes", "depth?levels=2", "orders?limit=1", "fills?limit=1", "events?limit=1"):
        await walk("GET", f"{ONE}/{name}")
    await walk("GET", "/v1/mm/status")
    await walk("GET", "/v1/mm/day-start")
    await walk("GET", "/v1/mm/obligations")
    await walk("GET", "/v1/mm/stream")


async def _stop(walk: Walk) -> None:
    await walk("POST", f"{ONE}/pause", {"reason": "for a look"})
    await walk("POST", f"{ONE}/resume", {"reason": "go on", "wait": 30})
    await walk("POST", "/v1/mm/pause", {"symbols": [BTC], "reason": "news"})
    await walk("POST", "/v1/mm/enable", {"symbols": [BTC], "reason": "after the news", "wait": 30})
    await walk.ask("POST", "/v1/mm/pause", {"symbols": [BTC], "reason": "news"})
    await walk("POST", "/v1/mm/resume", {"symbols": [BTC], "reason": "go on", "wait": 30})
    await walk("POST", "/v1/mm/emergency/flatten", {"symbol": BTC, "reason": "all out, no alarm"})
    await walk("POST", "/v1/mm/emergency/kill", {"symbol": BTC, "reason": "I do not understand this"})
    await until("nothing of the symbol is in the market", lambda: _is_clear(walk))
    await walk("POST", "/v1/mm/reset", {"symbol": BTC, "reason": "understood: it was a try"})
    await walk("POST", f"{ONE}/drill", {"reason": "monthly drill"})
    await walk("GET", "/v1/mm/drills?limit=1")
    await walk("GET", "/v1/mm/incidents?limit=1")


async def _leave(walk: Walk) -> None:
    await walk("GET", f"/v1/mm/audit?symbol={BTC}&limit=1&text=monthly")
    await walk("GET", "/v1/mm/audit/export?format=csv&text=monthly")
    await until("nothing of the symbol is in the market", lambda: _is_clear(walk))
    await walk("DELETE", f"{ONE}?confirm=true", {"reason": "delisted"})
    await walk("DELETE", "/v1/mm/session")


# --- what is waited for -------------------------------------------------------------------------


async def _succeeds(walk: Walk, path: str) -> bool:
    try:
        await walk.get(path)
    except AssertionError:
        return False
    return True


async def _has_book(walk: Walk) -> bool:
    if not await _succeeds(walk, f"{ONE}/status"):
        return False
    status = await walk.get(f"{ONE}/status")
    return status["mid"] is not None and status["instrument"] is not None


async def _has(walk: Walk, path: str, field: str) -> bool:
    return bool((await walk.get(path))[field])


async def _is_clear(walk: Walk) -> bool:
    status = await walk.get(f"{ONE}/status")
    return bool(status["open_orders"] == 0 and status["open_orders_at_exchange"] == 0)


# --- what is kept of an answer ------------------------------------------------------------------


async def _begin_of(answer: aiohttp.ClientResponse) -> str:
    """The events of a stream up to the first heartbeat."""
    text = b""
    while b"event: heartbeat" not in text:
        text += await answer.content.readline()
    return (text + await answer.content.readline()).decode()


def _shortened(example: Example) -> Example:
    body = example.body
    if body is not None and "token" in body:
        body = {**body, "token": "<token of the Auth Service>"}
    return example._replace(answer=_cut(example.answer), body=body)


def _cut(value: Any) -> Any:
    """Lists with their first item, long lines of text with their beginning."""
    match value:
        case dict():
            return {name: _cut(one) for name, one in value.items()}
        case list():
            return [_cut(one) for one in value[:1]]
        case str() if len(value) > TEXT_MAX:
            lines = [line if len(line) <= 100 else f"{line[:100]}..." for line in value.splitlines()]
            return "\n".join(lines)[:TEXT_MAX]
        case _:
            return value


def _differs(now: Any, then: Any, where: str) -> str | None:
    """Where fields or types differ; None: nowhere. Null, and a list without items, fit anything."""
    match now, then:
        case (None, _) | (_, None) | ([], list()) | (list(), []):
            return None
        case dict(), dict():
            if now.keys() != then.keys():
                return f"{where}: {sorted(now.keys() ^ then.keys())} on one side only: make api-examples"
            names = sorted(now.keys() - OPAQUE)
            inner = (_differs(now[name], then[name], f"{where}.{name}") for name in names)
            return next((found for found in inner if found is not None), None)
        case list(), list():
            return _differs(now[0], then[0], f"{where}[0]")
        case (int() | float(), int() | float()):
            return None if isinstance(now, bool) is isinstance(then, bool) else f"{where}: other types"
        case _:
            return None if type(now) is type(then) else f"{where}: other types: make api-examples"
