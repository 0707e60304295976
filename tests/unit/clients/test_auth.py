import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import jwt
import pytest

from lab.auth import Issuer, issuing, jwk, private_key, token
from market_maker.clients.auth import (
    ASK_AGAIN_S,
    FRESH_DEFAULT_S,
    FRESH_MIN_S,
    LIFETIME_S,
    LOOK_EVERY_S,
    TOKEN_CHARS_MAX,
    KeyStore,
    KeysUnavailableError,
    TokenRefusedError,
    TokenVerifier,
)


class Clock:
    """Monotonic seconds that a test moves."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def storing(url: str, clock: Clock) -> AsyncIterator[KeyStore]:
    keys = KeyStore(url, clock)
    try:
        yield keys
    finally:
        await keys.close()


@asynccontextmanager
async def verifying(issuer: Issuer, clock: Clock) -> AsyncIterator[TokenVerifier]:
    async with storing(issuer.url, clock) as keys:
        yield TokenVerifier(keys)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing("es-1", "rs-1") as running:
        yield running


@pytest.fixture
async def verifier(issuer: Issuer, clock: Clock) -> AsyncIterator[TokenVerifier]:
    async with verifying(issuer, clock) as made:
        yield made


@pytest.mark.parametrize("kid", ["es-1", "rs-1"])
async def test_a_valid_token_gives_subject_and_roles(verifier: TokenVerifier, kid: str) -> None:
    claims = await verifier.verify(token(kid, "mm:read", "other"))
    assert (claims.subject, claims.roles) == ("alice", frozenset({"mm:read", "other"}))
    assert 0 < claims.expires_at.timestamp() - time.time() <= 60


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": "soon"}, "claims are not usable"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"sub": ""}, "`sub` is empty"),
        ({"sub": 7}, "claims are not usable"),
        ({"nbf": 2**33}, "ImmatureSignatureError"),
        ({"exp": 2**62}, "claims are not usable"),
        ({"roles": "mm:read"}, "`roles` is not a list"),
        ({"roles": [1]}, "`roles` is not a list"),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(
    verifier: TokenVerifier, claims: dict[str, object], why: str
) -> None:
    with pytest.raises(TokenRefusedError, match=why):
        await verifier.verify(token("es-1", **claims))


async def test_a_token_that_expired_this_second_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(TokenRefusedError, match="expired"):
        await verifier.verify(token("es-1", exp=int(time.time())))


async def test_a_token_without_roles_has_none(verifier: TokenVerifier) -> None:
    assert (await verifier.verify(token("es-1", roles=None))).roles == frozenset()


@pytest.mark.parametrize("text", ["", "a.b.c", "x", "...", "é.é.é", "a" * (TOKEN_CHARS_MAX + 1)])
async def test_what_is_no_token_is_refused_without_asking_for_keys(
    verifier: TokenVerifier, issuer: Issuer, text: str
) -> None:
    with pytest.raises(TokenRefusedError):
        await verifier.verify(text)
    assert issuer.asked == 0


async def test_a_changed_payload_is_refused(verifier: TokenVerifier) -> None:
    head, _, _ = token("es-1").split(".")
    _, body, signature = token("es-1", "mm:emergency").split(".")
    _, _, other = token("es-1", "mm:read").split(".")
    with pytest.raises(TokenRefusedError, match="signature"):
        await verifier.verify(".".join((head, body, other)))
    assert signature != other


async def test_an_unsigned_token_is_refused(verifier: TokenVerifier) -> None:
    unsigned = jwt.encode({"sub": "eve", "exp": 2**32}, "", algorithm="none", headers={"kid": "es-1"})
    with pytest.raises(TokenRefusedError, match="algorithm"):
        await verifier.verify(unsigned)


async def test_a_public_key_used_as_a_shared_secret_is_refused(verifier: TokenVerifier) -> None:
    secret = jwk("rs-1")["n"]
    forged = jwt.encode({"sub": "eve", "exp": 2**32}, secret, algorithm="HS256", headers={"kid": "rs-1"})
    with pytest.raises(TokenRefusedError, match="algorithm"):
        await verifier.verify(forged)


async def test_a_token_must_use_its_keys_own_algorithm(verifier: TokenVerifier) -> None:
    body = {"sub": "eve", "exp": 2**32}
    crossed = jwt.encode(body, private_key("rs-1"), algorithm="RS256", headers={"kid": "es-1"})
    with pytest.raises(TokenRefusedError, match="its key is for ES256, not for RS256"):
        await verifier.verify(crossed)


async def test_a_token_that_names_no_key_is_refused(verifier: TokenVerifier) -> None:
    nameless = jwt.encode({"sub": "eve", "exp": 2**32}, private_key("es-1"), algorithm="ES256")
    with pytest.raises(TokenRefusedError, match="kid"):
        await verifier.verify(nameless)


async def test_keys_for_encryption_and_shared_secrets_verify_nothing(issuer: Issuer, clock: Clock) -> None:
    secret = {"kty": "oct", "kid": "es-3", "k": "c2VjcmV0", "alg": "HS256"}
    issuer.keys = [jwk("es-2", use="enc"), secret, {"kty": "?", "kid": "es-4"}, jwk("es-1")]
    async with verifying(issuer, clock) as verifier:
        for kid in ("es-2", "es-3", "es-4"):
            with pytest.raises(TokenRefusedError, match="does not publish"):
                await verifier.verify(token(kid))
        assert (await verifier.verify(token("es-1"))).subject == "alice"


async def test_keys_are_asked_for_once_for_many_tokens(verifier: TokenVerifier, issuer: Issuer) -> None:
    await asyncio.gather(*(verifier.verify(token("es-1")) for _ in range(20)))
    assert issuer.asked == 1


async def test_a_new_key_is_accepted_as_soon_as_it_is_published(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    await verifier.verify(token("es-1"))
    issuer.keys.append(jwk("es-9"))
    clock.pass_s(ASK_AGAIN_S)
    assert (await verifier.verify(token("es-9"))).subject == "alice"


async def test_a_withdrawn_key_is_refused_once_the_keys_were_asked_for_again(
    issuer: Issuer, clock: Clock
) -> None:
    async with storing(issuer.url, clock) as keys:
        verifier = TokenVerifier(keys)
        await verifier.verify(token("es-1"))
        issuer.keys = [jwk("es-9")]
        clock.pass_s(await keys.refresh())
        await keys.refresh()
    with pytest.raises(TokenRefusedError, match="does not publish"):
        await verifier.verify(token("es-1"))


async def test_strangers_tokens_do_not_flood_the_auth_service(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    for number in range(20):
        with pytest.raises(TokenRefusedError):
            await verifier.verify(token(f"es-stranger-{number % 2}"))
    assert issuer.asked == 1
    clock.pass_s(ASK_AGAIN_S)
    with pytest.raises(TokenRefusedError):
        await verifier.verify(token("es-stranger-0"))
    assert issuer.asked == 2


@pytest.mark.parametrize(
    ("cache_control", "fresh_s"),
    [("public, max-age=60", 60), ("max-age=0", FRESH_MIN_S), ("no-store", FRESH_DEFAULT_S)],
)
async def test_the_auth_service_says_how_long_its_keys_are_fresh(
    issuer: Issuer, clock: Clock, cache_control: str, fresh_s: float
) -> None:
    issuer.headers["Cache-Control"] = cache_control
    async with storing(issuer.url, clock) as keys:
        assert await keys.refresh() == fresh_s / 2


async def test_cached_keys_serve_an_outage_until_they_expire(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    await verifier.verify(token("es-1"))
    issuer.status = 503
    clock.pass_s(LIFETIME_S - 1)
    assert (await verifier.verify(token("es-1"))).subject == "alice"
    clock.pass_s(1)
    with pytest.raises(KeysUnavailableError, match="answers 503"):
        await verifier.verify(token("es-1"))
    issuer.status = 200
    clock.pass_s(ASK_AGAIN_S)
    assert (await verifier.verify(token("es-1"))).subject == "alice"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b'{"keys": 5}', b"\xff", b"x" * (2 << 20)])
async def test_keys_that_cannot_be_read_are_no_keys(issuer: Issuer, clock: Clock, body: bytes) -> None:
    issuer.body = body
    async with verifying(issuer, clock) as verifier:
        with pytest.raises(KeysUnavailableError):
            await verifier.verify(token("es-1"))


async def test_a_redirect_is_not_followed(issuer: Issuer, clock: Clock) -> None:
    async with issuing("es-1") as other:
        issuer.status, issuer.headers["Location"] = 302, f"{other.url}/.well-known/jwks.json"
        async with verifying(issuer, clock) as verifier:
            with pytest.raises(KeysUnavailableError, match="answers 302"):
                await verifier.verify(token("es-1"))
        assert other.asked == 0


async def test_an_auth_service_that_is_not_there_denies(clock: Clock, unused_tcp_port: int) -> None:
    async with verifying(Issuer(url=f"http://127.0.0.1:{unused_tcp_port}/"), clock) as verifier:
        with pytest.raises(KeysUnavailableError):
            await verifier.verify(token("es-1"))


# --- health ------------------------------------------------------------------------------------


async def test_the_auth_service_is_healthy_while_it_publishes_keys_and_is_not_asked_each_time(
    issuer: Issuer, clock: Clock
) -> None:
    async with storing(issuer.url, clock) as keys:
        for _ in range(3):
            assert await keys.health() is None
        assert issuer.asked == 1


async def test_an_outage_is_told_while_cached_keys_still_serve_and_how_long_they_do(
    issuer: Issuer, clock: Clock
) -> None:
    async with storing(issuer.url, clock) as keys:
        await keys.health()
        issuer.status = 503
        clock.pass_s(LOOK_EVERY_S)
        health = await keys.health()
        assert health is not None
        assert health.endswith("answers 503; cached keys serve for another 3570 s")
        assert await keys.key("es-1") is not None
        clock.pass_s(LIFETIME_S)
        assert (await keys.health() or "").endswith("no key is valid: every token is refused")
        issuer.status = 200
        clock.pass_s(LOOK_EVERY_S)
        assert await keys.health() is None


async def test_an_auth_service_that_never_answered_lets_nobody_in_and_health_says_so(
    clock: Clock, unused_tcp_port: int
) -> None:
    async with storing(f"http://user:s3cret@127.0.0.1:{unused_tcp_port}", clock) as keys:
        health = await keys.health()
        assert "every token is refused" in (health or "")


async def test_health_is_open_to_all_and_shows_no_password_of_the_url(issuer: Issuer, clock: Clock) -> None:
    issuer.status = 500
    async with storing(issuer.url.replace("//", "//user:s3cret@"), clock) as keys:
        detail = await keys.health() or ""
        assert "answers 500" in detail
        assert "s3cret" not in detail


async def test_health_notices_a_key_that_was_withdrawn_before_the_keys_are_stale(
    issuer: Issuer, clock: Clock
) -> None:
    async with storing(issuer.url, clock) as keys:
        assert await keys.key("es-1") is not None
        issuer.keys = [jwk("es-9")]
        clock.pass_s(LOOK_EVERY_S)
        await keys.health()
        assert await keys.key("es-1") is None


# --- a kill never waits for the Auth Service ------------------------------------------------------


async def test_a_token_of_a_known_key_waits_for_nobody_however_old_the_keys(
    issuer: Issuer, clock: Clock
) -> None:
    async with storing(issuer.url, clock) as keys:
        verifier = TokenVerifier(keys)
        await keys.refresh()
        clock.pass_s(LIFETIME_S - 1)
        async with keys._asking:  # the Auth Service hangs
            assert (await verifier.verify(token("es-1"))).subject == "alice"
        assert issuer.asked == 1


async def test_keys_are_asked_for_again_well_before_they_are_old(issuer: Issuer, clock: Clock) -> None:
    async with storing(issuer.url, clock) as keys:
        assert await keys.refresh() == FRESH_DEFAULT_S / 2
        issuer.status = 503
        clock.pass_s(FRESH_DEFAULT_S)
        assert await keys.refresh() == ASK_AGAIN_S


async def test_keys_are_there_before_the_first_token_comes(issuer: Issuer, clock: Clock) -> None:
    async with storing(issuer.url, clock) as keys:
        running = asyncio.create_task(keys.run())
        async with asyncio.timeout(10):
            while not issuer.asked or keys._asking.locked():  # noqa: ASYNC110 -- the server is another's
                await asyncio.sleep(0.01)
        async with keys._asking:
            assert await keys.key("es-1") is not None
        running.cancel()


# --- aud and iss ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "mm", "iss": "https://auth"}, ""),
        ({"aud": ["other", "mm"], "iss": "https://auth"}, ""),
        ({"aud": "other", "iss": "https://auth"}, "`aud` does not name this service"),
        ({"aud": "mm", "iss": "https://other"}, "`iss` is not the Auth Service's"),
        ({"iss": "https://auth"}, "claims are not usable"),
        ({"aud": "mm"}, "claims are not usable"),
        ({}, "claims are not usable"),
    ],
)
async def test_a_token_for_another_service_or_of_another_issuer_is_refused_when_configured(
    issuer: Issuer, clock: Clock, claims: dict[str, object], why: str
) -> None:
    async with storing(issuer.url, clock) as keys:
        verifier = TokenVerifier(keys, audience="mm", issuer="https://auth")
        if why:
            with pytest.raises(TokenRefusedError, match=why):
                await verifier.verify(token("es-1", **claims))
        else:
            assert (await verifier.verify(token("es-1", **claims))).subject == "alice"
        assert (await TokenVerifier(keys).verify(token("es-1", **claims))).subject == "alice"
