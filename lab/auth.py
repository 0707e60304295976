"""An Auth Service on a real socket whose keys, answers and outages a test decides."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def private_key(kid: str) -> PrivateKey:
    """A key; those whose id begins with `rs` are RSA."""
    if kid.startswith("rs"):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def jwk(kid: str, **changes: Any) -> dict[str, Any]:
    """The public part of a key, as published."""
    key = private_key(kid)
    if isinstance(key, rsa.RSAPrivateKey):
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {**public, "kid": kid, "alg": "RS256", "use": "sig", **changes}
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "alg": "ES256", "use": "sig", **changes}


def token(kid: str, *roles: str, **claims: Any) -> str:
    """A token of `alice`, valid for a minute unless the claims say otherwise; a None removes a claim."""
    body = {"sub": "alice", "exp": int(time.time()) + 60, "roles": list(roles), **claims}
    body = {name: value for name, value in body.items() if value is not None}
    algorithm = "RS256" if kid.startswith("rs") else "ES256"
    return jwt.encode(body, private_key(kid), algorithm=algorithm, headers={"kid": kid})


@dataclass
class Issuer:
    """What the Auth Service publishes, and how often it was asked."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    asked: int = 0

    async def jwks(self, _: web.Request) -> web.Response:
        self.asked += 1
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        return web.Response(body=body, status=self.status, headers=self.headers)


@asynccontextmanager
async def issuing(*kids: str) -> AsyncIterator[Issuer]:
    """An Auth Service that publishes these keys."""
    issuer = Issuer(keys=[jwk(kid) for kid in kids])
    app = web.Application()
    app.router.add_get("/.well-known/jwks.json", issuer.jwks)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    issuer.url = f"http://127.0.0.1:{port}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
