"""Signing in from a browser, with real tokens of an Auth Service on a real socket."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from http.cookies import SimpleCookie

import aiohttp
import pytest
from jwt.utils import base64url_decode, base64url_encode

from lab.api import Answer, Api, in_process, served
from lab.auth import issuing, token
from lab.desk import FakeDesk
from market_maker.api.bearer import BearerAuth
from market_maker.api.security import ACCESS
from market_maker.api.signed_out import SignedOut, fingerprint
from market_maker.api.tokens import COOKIE, OWN_PAGE, SECURE_COOKIE
from market_maker.clients.auth import KeyStore, TokenVerifier

PATH = "/v1/mm/session"
KEY = "es-1"
READ, OPERATE, EMERGENCY = "mm:read", "mm:operate", "mm:emergency"
PAUSE = "/v1/mm-configs/BTC-USDT/pause"
OPEN_TO_ALL = {path for (_, path), role in ACCESS.items() if role is None}


@pytest.fixture
def signed_out() -> SignedOut:
    return SignedOut()


@pytest.fixture
async def auth(signed_out: SignedOut) -> AsyncIterator[BearerAuth]:
    async with issuing(KEY) as issuer:
        keys = KeyStore(issuer.url)
        yield BearerAuth(TokenVerifier(keys), signed_out)
        await keys.close()


@pytest.fixture
async def guarded(desk: FakeDesk, auth: BearerAuth, signed_out: SignedOut) -> AsyncIterator[Api]:
    async with in_process(desk, auth, signed_out=signed_out) as api:
        yield api


async def signed_in(api: Api, *roles: str, **claims: object) -> dict[str, str]:
    """The headers that a browser shows after signing in."""
    answer = await api.post(PATH, {"token": token(KEY, *roles, **claims)})
    assert answer.status == 200, answer.text
    return {"Cookie": f"{COOKIE}={cookie_of(answer)[COOKIE].value}"}


def cookie_of(answer: Answer) -> SimpleCookie:
    return SimpleCookie(answer.headers["set-cookie"])


def of_our_page(headers: Mapping[str, str]) -> dict[str, str]:
    return {**headers, OWN_PAGE: "1", "Sec-Fetch-Site": "same-origin"}


async def test_signing_in_sets_a_cookie_that_no_script_reads_no_site_sends_and_that_ends_with_the_token(
    guarded: Api,
) -> None:
    answer = await guarded.post(PATH, {"token": token(KEY, READ, exp=int(time.time()) + 90)})
    assert answer.status == 200
    assert (answer.body["actor"], answer.body["roles"]) == ("alice", [READ])
    assert answer.headers["cache-control"] == "no-store"
    cookie = cookie_of(answer)[COOKIE]
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["secure"]) == ("strict", "/", "")
    assert 80 < int(cookie["max-age"]) <= 90


async def test_under_tls_the_cookie_is_sent_by_tls_only_and_one_set_without_it_counts_for_nothing(
    desk: FakeDesk, auth: BearerAuth
) -> None:
    headers = {"X-Forwarded-Proto": "https"}
    async with (
        served(desk, auth, proxies=["127.0.0.1"]) as url,
        aiohttp.ClientSession(url, cookie_jar=aiohttp.DummyCookieJar(), headers=headers) as browser,
    ):
        async with browser.post(PATH, json={"token": token(KEY, READ)}) as answer:
            cookie = SimpleCookie(answer.headers["Set-Cookie"])[SECURE_COOKIE]
        assert cookie["secure"] is True
        for name, status in ((SECURE_COOKIE, 200), (COOKIE, 401)):
            async with browser.get("/v1/mm/status", headers={"Cookie": f"{name}={cookie.value}"}) as answer:
                assert answer.status == status


@pytest.mark.parametrize("role", [READ, OPERATE, EMERGENCY])
async def test_by_its_cookie_a_browser_may_do_on_every_route_what_its_token_may(
    guarded: Api, role: str
) -> None:
    cookie = of_our_page(await signed_in(guarded, role))
    bearer = {"Authorization": f"Bearer {token(KEY, role)}"}
    for method, path in sorted(ACCESS):
        if path in {"/v1/mm/stream", PATH}:
            continue
        target = path.replace("{symbol}", "NOBODY").replace("{name}", "nothing.js")
        by_cookie = await guarded.call(method, target, headers=cookie)
        by_token = await guarded.call(method, target, headers=bearer)
        assert by_cookie.status == by_token.status, (method, path)
        assert (by_cookie.status == 403) is (by_token.status == 403)


async def test_a_change_by_cookie_needs_the_header_that_only_our_pages_send(
    guarded: Api, desk: FakeDesk
) -> None:
    cookie = await signed_in(guarded, READ, OPERATE, EMERGENCY)
    for method, path in sorted(ACCESS):
        if method == "GET":
            continue
        target = path.replace("{symbol}", "BTC-USDT")
        answer = await guarded.call(method, target, headers=cookie)
        assert (answer.status, answer.code) == (403, "CROSS_SITE"), (method, path)
    assert desk.controls == []
    assert (await guarded.call("POST", PAUSE, headers=of_our_page(cookie))).status == 409


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_of_another_site_cannot_use_the_cookie_whatever_it_sends(
    guarded: Api, desk: FakeDesk, site: str
) -> None:
    headers = {**of_our_page(await signed_in(guarded, OPERATE)), "Sec-Fetch-Site": site}
    answer = await guarded.call("POST", PAUSE, headers=headers)
    assert (answer.status, answer.code) == (403, "CROSS_SITE")
    assert desk.controls == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", ""])
async def test_a_change_by_cookie_from_a_foreign_origin_is_refused_and_the_origin_named(
    guarded: Api, desk: FakeDesk, origin: str
) -> None:
    """A browser that is too old for `Sec-Fetch-Site` still says where a page is from."""
    headers = {**await signed_in(guarded, OPERATE), OWN_PAGE: "1", "Origin": origin}
    answer = await guarded.call("POST", PAUSE, headers=headers)
    assert (answer.status, answer.code) == (403, "CROSS_SITE")
    assert repr(origin) in answer.body["detail"]
    assert "HTTP_HOST_NAMES" in answer.body["detail"]
    assert desk.controls == []


async def test_a_change_by_cookie_from_our_own_origin_is_taken(desk: FakeDesk, auth: BearerAuth) -> None:
    async with in_process(desk, auth, host_names={"mm.example"}) as api:
        cookie = {**await signed_in(api, OPERATE), OWN_PAGE: "1", "Host": "10.0.0.1:8080"}
        for headers in (
            {"Origin": "http://10.0.0.1:8080"},
            {"Origin": "https://mm.example"},
            {"Origin": "https://behind.a.proxy", "Sec-Fetch-Site": "same-origin"},
        ):
            assert (await api.call("POST", PAUSE, headers={**cookie, **headers})).status == 409


async def test_a_page_of_another_site_cannot_sign_somebody_in(guarded: Api) -> None:
    """Or a victim would work under the attacker's name."""
    headers = {"Content-Type": "text/plain"}
    assert (await guarded.call("POST", PATH, data=b"{}", headers=headers)).status == 415
    headers = {"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}
    assert (await guarded.call("POST", PATH, data=b"{}", headers=headers)).status == 403


async def test_the_header_wins_over_the_cookie(guarded: Api) -> None:
    cookie = await signed_in(guarded, READ)
    headers = {**cookie, "Authorization": f"Bearer {token(KEY, OPERATE, sub='bob')}"}
    assert (await guarded.call("GET", PATH, headers=headers)).body["actor"] == "bob"
    assert (await guarded.call("POST", PAUSE, headers=headers)).status == 409


async def test_a_token_without_a_role_of_ours_is_told_which_it_lacks_and_gets_no_cookie(guarded: Api) -> None:
    answer = await guarded.post(PATH, {"token": token(KEY, "wallet:admin")})
    assert (answer.status, answer.code) == (403, "ROLE_MISSING")
    assert "mm:read" in answer.body["detail"]
    assert "alice" in answer.body["detail"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ("let-me-in", 401, "TOKEN_INVALID"),
        ("x" * 3_801, 422, "VALIDATION_FAILED"),
        ("a b", 422, "VALIDATION_FAILED"),
        ("", 422, "VALIDATION_FAILED"),
    ],
)
async def test_what_is_no_token_signs_nobody_in(guarded: Api, given: str, status: int, code: str) -> None:
    answer = await guarded.post(PATH, {"token": given})
    assert (answer.status, answer.code) == (status, code)
    assert "set-cookie" not in answer.headers


async def test_an_expired_or_foreign_cookie_is_nobodys(guarded: Api) -> None:
    for value in (token(KEY, READ, exp=int(time.time()) - 1), "nonsense", ""):
        headers = {"Cookie": f"{COOKIE}={value}"}
        assert (await guarded.call("GET", "/v1/mm/status", headers=headers)).status == 401
        answer = await guarded.call("GET", PATH, headers=headers)
        assert (answer.status, answer.body["actor"]) == (200, None)


async def test_signing_out_makes_the_browser_forget(guarded: Api) -> None:
    headers = of_our_page(await signed_in(guarded, READ))
    answer = await guarded.call("DELETE", PATH, headers=headers)
    assert answer.status == 204
    assert cookie_of(answer)[COOKIE]["max-age"] == "0"


async def test_a_copied_cookie_opens_nothing_after_its_bearer_has_signed_out(guarded: Api) -> None:
    copied = await signed_in(guarded, READ)
    value = copied["Cookie"].partition("=")[2]
    assert (await guarded.call("GET", "/v1/mm/status", headers=copied)).status == 200
    await guarded.call("DELETE", PATH, headers=of_our_page(copied))
    for headers in (copied, {"Authorization": f"Bearer {value}"}):
        answer = await guarded.call("GET", "/v1/mm/status", headers=headers)
        assert (answer.status, answer.code) == (401, "SIGNED_OUT")
    assert (await guarded.call("GET", PATH, headers=copied)).body["actor"] is None
    again = await guarded.post(PATH, {"token": value})
    assert (again.status, again.code) == (401, "SIGNED_OUT")


def other_signature(value: str) -> str:
    """The same token with the other signature that an elliptic curve gives: (r, order - s) for (r, s)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signed, _, written = value.rpartition(".")
    both = base64url_decode(written)
    swapped = both[:32] + (order - int.from_bytes(both[32:])).to_bytes(32)
    return f"{signed}.{base64url_encode(swapped).decode()}"


async def test_a_signed_out_token_is_known_whichever_signature_it_shows(guarded: Api) -> None:
    value = token(KEY, READ)
    bearer = {"Authorization": f"Bearer {other_signature(value)}"}
    assert (await guarded.call("GET", "/v1/mm/status", headers=bearer)).status == 200
    await guarded.call("DELETE", PATH, headers=of_our_page({"Cookie": f"{COOKIE}={value}"}))
    assert (await guarded.call("GET", "/v1/mm/status", headers=bearer)).code == "SIGNED_OUT"


async def test_nobody_signs_out_for_others_with_what_is_no_token_of_theirs(
    guarded: Api, signed_out: SignedOut
) -> None:
    for value in (token(KEY, READ, exp=int(time.time()) - 1), f"{token(KEY, READ)[:-9]}AAAAAAAAA", "x.y.z"):
        headers = of_our_page({"Cookie": f"{COOKIE}={value}"})
        assert (await guarded.call("DELETE", PATH, headers=headers)).status == 204
    assert signed_out.known() == {}


async def test_a_token_in_the_header_is_no_session_and_stays_good(
    guarded: Api, signed_out: SignedOut
) -> None:
    bearer = {"Authorization": f"Bearer {token(KEY, READ)}"}
    assert (await guarded.call("DELETE", PATH, headers=bearer)).status == 204
    assert signed_out.known() == {}
    assert (await guarded.call("GET", "/v1/mm/status", headers=bearer)).status == 200


def test_who_signed_out_is_forgotten_when_the_token_has_ended_by_itself() -> None:
    ended = SignedOut()
    now = int(time.time())
    ended.add("a.b.c", now - 1)
    ended.add("d.e.f", now + 60)
    assert ended.known() == {fingerprint("d.e.f"): now + 60}


async def test_without_access_control_everybody_is_told_that_nobody_is_asked(api: Api) -> None:
    answer = (await api.get(PATH)).body
    assert (answer["access_control"], answer["actor"]) == (False, "anonymous")
    assert set(answer["roles"]) == {READ, OPERATE, EMERGENCY, "mm:risk"}
    refused = await api.post(PATH, {"token": "anything"})
    assert (refused.status, refused.code) == (409, "NO_ACCESS_CONTROL")


async def test_the_page_and_its_files_are_shown_to_whoever_has_yet_to_sign_in(guarded: Api) -> None:
    page = await guarded.get("/")
    assert page.status == 200
    for name in ("console.js", "console.css", "stream.js"):
        assert (await guarded.get(f"/console/{name}")).status == 200, name


async def test_a_stream_ends_when_its_bearer_signs_out(
    desk: FakeDesk, auth: BearerAuth, signed_out: SignedOut
) -> None:
    async with served(desk, auth, signed_out=signed_out) as url, aiohttp.ClientSession(url) as browser:
        cookie = {"Cookie": f"{COOKIE}={token(KEY, READ)}"}
        async with browser.get("/v1/mm/stream", headers=cookie) as stream:
            await stream.content.readline()
            async with browser.delete(PATH, headers=of_our_page(cookie)) as answer:
                assert answer.status == 204
            async with asyncio.timeout(20):
                await stream.read()


async def test_a_stream_opens_with_the_cookie_and_ends_with_the_token(
    desk: FakeDesk, auth: BearerAuth, signed_out: SignedOut
) -> None:
    async with served(desk, auth, signed_out=signed_out) as url, aiohttp.ClientSession(url) as browser:
        ends = int(time.time()) + 4
        cookie = {"Cookie": f"{COOKIE}={token(KEY, READ, exp=ends)}"}
        async with browser.get("/v1/mm/stream", headers=cookie) as stream:
            assert stream.status == 200
            text = await stream.text()
        assert time.time() >= ends
        assert "event: heartbeat" in text
        async with browser.get("/v1/mm/stream", headers=cookie) as stream:
            assert stream.status == 401
