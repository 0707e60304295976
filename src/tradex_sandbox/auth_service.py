"""The Auth Service: the sole issuer of tokens, its keys as a JWKS, and their rotation."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, get_args

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import BaseModel, ConfigDict, Field

ISSUER = "tradex-auth"
RSA_BITS = 2048
KEYS_MAX_AGE_S = 60

Algorithm = Literal["RS256", "ES256"]


class TokenRequest(BaseModel):
    """What `POST /sandbox/auth/token` takes. A negative `expires_in` gives a token that has expired."""

    model_config = ConfigDict(extra="forbid")

    roles: list[str]
    subject: Annotated[str, Field(min_length=1)] = "operator"
    expires_in: Annotated[int, Field(ge=-86_400, le=86_400)] = 3600
    """Seconds."""
    alg: Algorithm = "ES256"


class _Key:
    """A private key with its public part as a JWK."""

    def __init__(self, alg: Algorithm, number: int) -> None:
        self.alg = alg
        self.kid = f"{alg.lower()}-{number}"
        self.private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        if alg == "RS256":
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = {**public, "kid": self.kid, "alg": alg, "use": "sig"}


class AuthService:
    """Keys and tokens. `gate` is asked before the JWKS is given and may answer in its place (an outage)."""

    def __init__(self, gate: Callable[[], Awaitable[web.Response | None]]) -> None:
        self._gate = gate
        self._generation = 0
        self._making = asyncio.Lock()
        self._current: list[_Key] = []
        self._retired: list[_Key] = []

    def routes(self) -> list[web.RouteDef]:
        """The public path; tokens and rotation are asked for through the control API."""
        return [web.get("/.well-known/jwks.json", self._jwks)]

    async def rotate(self, keep_old: bool) -> list[str]:
        """New keys sign from now on; the old ones stay published only with `keep_old`. The new key ids."""
        async with self._making:
            await self._make_keys(keep_old)
        return [key.kid for key in self._current]

    async def token(self, wanted: TokenRequest) -> str:
        """A signed token with the claims iss, sub, iat, exp and roles."""
        key = next(key for key in await self._keys() if key.alg == wanted.alg)
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": wanted.subject,
            "iat": min(now, now + wanted.expires_in),
            "exp": now + wanted.expires_in,
            "roles": wanted.roles,
        }
        return jwt.encode(claims, key.private, algorithm=key.alg, headers={"kid": key.kid})

    async def _jwks(self, _request: web.Request) -> web.Response:
        instead = await self._gate()
        if instead is not None:
            return instead
        body = json.dumps({"keys": [key.jwk for key in [*await self._keys(), *self._retired]]}).encode()
        headers = {"Cache-Control": f"public, max-age={KEYS_MAX_AGE_S}"}
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def _keys(self) -> list[_Key]:
        """The signing keys; made when first asked for."""
        async with self._making:
            if not self._current:
                await self._make_keys(keep_old=False)
        return self._current

    async def _make_keys(self, keep_old: bool) -> None:
        number = self._generation + 1
        # An RSA key takes a tenth of a second: on another thread, so that no order waits for it.
        made = [await asyncio.to_thread(_Key, alg, number) for alg in get_args(Algorithm)]
        self._retired = [*self._retired, *self._current] if keep_old else []
        self._generation, self._current = number, made
