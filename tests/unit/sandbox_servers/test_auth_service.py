import asyncio
from typing import Any

import jwt
import pytest
from tests.support.sandbox_http import Servers


async def token_of(servers: Servers, **wanted: Any) -> str:
    async with servers.session.post(f"{servers.url}/sandbox/auth/token", json=wanted) as response:
        assert response.status == 200, await response.text()
        token: str = (await response.json())["token"]
        return token


async def claims_of(servers: Servers, token: str) -> Any:
    """What a verifier with an empty cache makes of a token."""

    def verify() -> Any:
        key = jwt.PyJWKClient(f"{servers.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
        return jwt.decode(token, key.key, algorithms=["RS256", "ES256"], options={"require": ["exp"]})

    return await asyncio.to_thread(verify)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
async def test_a_token_verifies_with_the_published_keys_alone(servers: Servers, alg: str) -> None:
    token = await token_of(servers, roles=["mm:read", "mm:operate"], subject="desk", alg=alg)
    claims = await claims_of(servers, token)
    assert claims["roles"] == ["mm:read", "mm:operate"]
    assert claims["sub"] == "desk"
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_negative_lifetime_gives_an_expired_token(servers: Servers) -> None:
    token = await token_of(servers, roles=[], expires_in=-60)
    with pytest.raises(jwt.ExpiredSignatureError):
        await claims_of(servers, token)


async def test_a_rotation_keeps_or_drops_the_old_keys(servers: Servers) -> None:
    old = await token_of(servers, roles=["mm:read"])
    async with servers.session.post(
        f"{servers.url}/sandbox/auth/rotate", json={"keep_old": True}
    ) as response:
        assert response.status == 200
    new = await token_of(servers, roles=["mm:read"])
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    await claims_of(servers, old)
    await claims_of(servers, new)
    async with servers.session.post(f"{servers.url}/sandbox/auth/rotate", json={"keep_old": False}):
        pass
    with pytest.raises(jwt.PyJWKClientError, match="Unable to find a signing key"):
        await claims_of(servers, new)


async def test_the_keys_can_be_told_to_be_unreachable(servers: Servers) -> None:
    fault = {"operation": "jwks", "kind": "error", "count": 1}
    async with servers.session.post(f"{servers.url}/sandbox/faults", json=fault):
        pass
    statuses = []
    for _ in range(2):
        async with servers.session.get(f"{servers.url}/.well-known/jwks.json") as response:
            statuses.append(response.status)
    assert statuses == [503, 200]


async def test_a_token_request_that_is_wrong_names_its_field(servers: Servers) -> None:
    body = {"roles": "mm:read", "alg": "none"}
    async with servers.session.post(f"{servers.url}/sandbox/auth/token", json=body) as response:
        assert response.status == 400
        message = (await response.json())["message"]
    assert "roles: " in message
    assert "alg: " in message
