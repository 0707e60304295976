"""Tokens of the Auth Service, verified here: signature, algorithm, expiry and roles.

Only the public keys come from outside. They are kept fresh in the background, so that a token of a known key
waits for nobody. A key that is not known is asked for once more (keys rotate), but not for every stranger's
token. Keys that cannot be asked for again are used until they expire, then everybody is denied.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Any, Final

import aiohttp
import jwt
from yarl import URL

ALGORITHMS: Final = ("ES256", "RS256")
JWKS_PATH: Final = ".well-known/jwks.json"
FETCH_TIMEOUT_S: Final = 2.0
FRESH_DEFAULT_S: Final = 300.0
"""How long keys are taken without asking again, unless the Auth Service says otherwise (`max-age`)."""
FRESH_MIN_S: Final = 10.0
LIFETIME_S: Final = 3_600.0
"""How long keys are trusted while the Auth Service does not answer."""
ASK_AGAIN_S: Final = 5.0
"""Shortest time between two questions, whatever tokens arrive."""
LOOK_EVERY_S: Final = 30.0
"""How often the Auth Service is asked only to know whether it answers: before its keys expire."""
JWKS_BYTES_MAX: Final = 1 << 20
TOKEN_CHARS_MAX: Final = 8_192


_UNREADABLE: Final = (
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    ValueError,
    TypeError,
    RecursionError,
    jwt.PyJWTError,
)
"""What asking for keys may raise: no connection, no answer in time, or no JWK set."""


class TokenRefusedError(Exception):
    """The token proves nothing; the message says why, without repeating it."""


class KeysUnavailableError(Exception):
    """The Auth Service does not answer and no key is cached: nothing can be verified."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says."""

    subject: str
    roles: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Keys:
    """Keys by id, as of one answer; times are of the store's clock, in seconds."""

    by_id: dict[str, jwt.PyJWK] = field(default_factory=dict)
    fresh_until_s: float = 0.0
    expires_s: float = 0.0


class KeyStore:
    """The Auth Service's public keys. Make and use it on its event loop; close it in the end."""

    def __init__(
        self,
        auth_service_url: str,
        clock: Callable[[], float] = time.monotonic,
        tls: SSLContext | None = None,
    ) -> None:
        self._url = URL(auth_service_url.rstrip("/") + "/") / JWKS_PATH
        self._clock = clock
        self._keys = _Keys(fresh_until_s=clock(), expires_s=clock())
        self._asked_s: float | None = None
        self._failure = "never asked"
        self._asking = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls if tls is not None else True),
            timeout=aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this id, None when there is none: at once when it is known and serves.

        Raises KeysUnavailableError.
        """
        if key_id not in self._keys.by_id or self._clock() >= self._keys.expires_s:
            await self._ask()
        if self._clock() >= self._keys.expires_s:
            raise KeysUnavailableError(f"no keys of the Auth Service: {self._failure}")
        return self._keys.by_id.get(key_id)

    async def run(self) -> None:
        """Keep the keys fresh until cancelled."""
        while True:
            wait_s = await self.refresh()
            await asyncio.sleep(wait_s)

    async def refresh(self) -> float:
        """Ask for the keys; returns after how many seconds to do so again, well before they are old."""
        await self._ask()
        return max(ASK_AGAIN_S, (self._keys.fresh_until_s - self._clock()) / 2)

    async def health(self) -> str | None:
        """Why the Auth Service publishes no keys, and how long the cached ones still serve; None: it does."""
        if self._asked_s is None or self._clock() >= self._asked_s + LOOK_EVERY_S:
            await self._ask()
        if not self._failure:
            return None
        left_s = self._keys.expires_s - self._clock()
        rest = f"cached keys serve for another {left_s:.0f} s"
        if left_s <= 0:
            rest = "no key is valid: every token is refused"
        return f"{self._failure}; {rest}"

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _ask(self) -> None:
        """Ask for the keys, unless that has just been done; who comes meanwhile waits for the answer."""
        async with self._asking:
            if self._asked_s is not None and self._clock() < self._asked_s + ASK_AGAIN_S:
                return
            try:
                await self._fetch()
            except _UNREADABLE as error:
                self._failure = f"{type(error).__name__}: {error}"[:200]
            else:
                self._failure = ""
            finally:
                self._asked_s = self._clock()

    async def _fetch(self) -> None:
        async with self._session.get(self._url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"{JWKS_PATH} answers {response.status}")
            published = _jwk_set(await _bounded(response))
            fresh_s = _max_age_s(response.headers.get("Cache-Control", ""))
        now_s = self._clock()
        self._keys = _Keys(_usable(published), now_s + fresh_s, now_s + LIFETIME_S)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > JWKS_BYTES_MAX:
            raise ValueError(f"{JWKS_PATH} answers more than {JWKS_BYTES_MAX} bytes")
    return bytes(body)


def _jwk_set(body: bytes) -> jwt.PyJWKSet:
    published = json.loads(body)
    if not isinstance(published, dict):
        raise TypeError("the answer is not a JWK set")
    return jwt.PyJWKSet.from_dict(published)


def _usable(published: jwt.PyJWKSet) -> dict[str, jwt.PyJWK]:
    """Keys that may verify a token here: with an id, for signatures, of an allowed algorithm."""
    return {
        key.key_id: key
        for key in published
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    }


def _max_age_s(cache_control: str) -> float:
    found = re.search(r"max-age=(\d{1,9})", cache_control)
    return FRESH_DEFAULT_S if found is None else min(max(float(found[1]), FRESH_MIN_S), LIFETIME_S)


class TokenVerifier:
    """Turns a token into its claims, or refuses it."""

    def __init__(self, keys: KeyStore, *, audience: str | None = None, issuer: str | None = None) -> None:
        """`audience` and `issuer`: what `aud` must hold and `iss` must be; None: they are not looked at."""
        self._keys = keys
        self._audience = audience
        self._issuer = issuer

    async def verify(self, token: str) -> Claims:
        """The claims of a valid token. Raises TokenRefusedError, KeysUnavailableError."""
        header = _header(token)
        key = await self._keys.key(header["kid"])
        if key is None:
            raise TokenRefusedError("it is signed with a key that the Auth Service does not publish")
        if key.algorithm_name != header["alg"]:
            raise TokenRefusedError(f"its key is for {key.algorithm_name}, not for {header['alg']}")
        return _claims(token, key, self._audience, self._issuer)


def _header(token: str) -> dict[str, str]:
    """Key id and algorithm, both still unproven."""
    if len(token) > TOKEN_CHARS_MAX:
        raise TokenRefusedError(f"it is longer than {TOKEN_CHARS_MAX} characters")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenRefusedError("it is not a JSON web token") from None
    if header.get("alg") not in ALGORITHMS:
        raise TokenRefusedError(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
    if not isinstance(header.get("kid"), str):
        raise TokenRefusedError("it does not name its key (kid)")
    return {"alg": header["alg"], "kid": header["kid"]}


def _claims(token: str, key: jwt.PyJWK, audience: str | None, issuer: str | None) -> Claims:
    """The claims, once signature, expiry, `aud` and `iss` hold. No leeway: an expired token is expired."""
    options: Any = {"require": ["exp", "sub"], "verify_aud": audience is not None, "verify_iat": False}
    try:
        payload = jwt.decode(
            token, key, algorithms=[key.algorithm_name], options=options, audience=audience, issuer=issuer
        )
        expires_at = datetime.fromtimestamp(payload["exp"], UTC)
    except jwt.ExpiredSignatureError:
        raise TokenRefusedError("it has expired") from None
    except jwt.InvalidAudienceError:
        raise TokenRefusedError("its claim `aud` does not name this service") from None
    except jwt.InvalidIssuerError:
        raise TokenRefusedError("its claim `iss` is not the Auth Service's") from None
    except jwt.InvalidSignatureError:
        raise TokenRefusedError("its signature is not that of its key") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError) as error:
        raise TokenRefusedError(f"its claims are not usable ({type(error).__name__})") from None
    roles = payload.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenRefusedError("its claim `roles` is not a list of strings")
    if not payload["sub"]:
        raise TokenRefusedError("its claim `sub` is empty")
    return Claims(payload["sub"], frozenset(roles), expires_at)
