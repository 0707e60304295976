from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from lab.api import Answer, Api, in_process, served
from lab.auth import Issuer, issuing, token
from lab.desk import FakeDesk
from market_maker.api.bearer import BearerAuth
from market_maker.api.security import Principal, Role
from market_maker.api.signed_out import SignedOut
from market_maker.clients.auth import KeyStore, TokenVerifier

STATUS = "/v1/mm/status"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing("es-1") as running:
        yield running


@pytest.fixture
async def api(desk: FakeDesk, issuer: Issuer) -> AsyncIterator[Api]:
    keys = KeyStore(issuer.url)
    async with in_process(desk, BearerAuth(TokenVerifier(keys), SignedOut())) as client:
        yield client
    await keys.close()


async def ask(api: Api, authorization: str) -> Answer:
    return await api.call("GET", STATUS, headers={"Authorization": authorization})


async def test_a_token_with_the_role_opens_the_route(api: Api) -> None:
    for scheme in ("Bearer", "bearer"):
        assert (await ask(api, f"{scheme} {token('es-1', 'mm:read')}")).status == 200


async def test_a_token_without_the_role_is_told_which_one_it_needs(api: Api) -> None:
    answer = await ask(api, f"Bearer {token('es-1', 'wallet:read', 'admin')}")
    assert (answer.status, answer.code) == (403, "ROLE_MISSING")
    assert "mm:read" in answer.body["detail"]


async def test_a_missing_token_is_asked_for(api: Api) -> None:
    answer = await api.get(STATUS)
    assert (answer.status, answer.code) == (401, "TOKEN_MISSING")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Bearer ", "Bearer x.y.z", "Token abc"])
async def test_a_wrong_token_is_refused_and_not_repeated(api: Api, authorization: str) -> None:
    answer = await ask(api, authorization)
    assert (answer.status, answer.code) == (401, "TOKEN_INVALID")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "x.y.z" not in answer.text


async def test_without_keys_everybody_is_denied_but_health_answers(api: Api, issuer: Issuer) -> None:
    issuer.status = 500
    answer = await ask(api, f"Bearer {token('es-1', 'mm:read')}")
    assert (answer.status, answer.code) == (503, "AUTH_UNAVAILABLE")
    assert issuer.url not in answer.text
    assert (await api.get("/health/ready")).status == 200


class NearlyExpired:
    """A token that ends in a moment."""

    required = True

    async def authenticate(self, authorization: str | None) -> Principal:
        assert authorization is None
        return Principal("alice", frozenset({Role.READ}), datetime.now(UTC) + timedelta(seconds=0.2))


async def test_a_stream_ends_when_its_token_does(desk: FakeDesk) -> None:
    limit = aiohttp.ClientTimeout(5)
    async with served(desk, NearlyExpired()) as url, aiohttp.ClientSession(url, timeout=limit) as session:
        response = await session.get("/v1/mm/stream")
        assert (await response.text()).startswith("retry: ")
