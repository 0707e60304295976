"""Who may come in, what they see of what they may do, and how a session ends."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Route, expect
from tests.support.operator import until
from tests.support.person import Desk, People, Person
from tests.support.service import ExchangeServers, Site

UNAUTHORISED = r"status of 40[13]"


async def test_a_token_signs_in_and_signing_out_leaves_nothing_behind(desk: Desk, people: People) -> None:
    person: Person = await people(desk.url)
    await person.sign_in(await desk.token(subject="tessa"))
    await person.reads("BTCUSDT")
    await expect(person.page.locator(".who summary")).to_have_text("tessa")
    assert await person.page.evaluate("document.cookie") == ""
    [cookie] = await person.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    await person.page.reload()
    await person.reads("BTCUSDT")
    await person.page.locator(".who summary").click()
    await person.page.get_by_role("button", name="Sign out").click()
    await expect(person.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert await person.page.context.cookies() == []
    await expect(person.page.get_by_text("BTCUSDT")).to_have_count(0)


async def test_signing_out_in_one_tab_signs_out_the_second_tab_too(desk: Desk, people: People) -> None:
    person: Person = await people(desk.url)
    await person.sign_in(await desk.token())
    other = Person(await person.page.context.new_page(), desk.url)
    other.listen()
    await other.open()
    await other.reads("BTCUSDT")
    await person.page.locator(".who summary").click()
    await person.page.get_by_role("button", name="Sign out").click()
    await expect(other.page.get_by_role("button", name="Sign in")).to_be_visible()
    await expect(other.page.get_by_text("BTCUSDT")).to_have_count(0)
    await person.sign_in(await desk.token())
    await other.reads("BTCUSDT")
    assert other.unexpected() == []


async def test_a_wrong_token_is_told_why_and_one_without_a_role_what_to_ask_for(
    desk: Desk, people: People
) -> None:
    person: Person = await people(desk.url)
    person.expected.append(UNAUTHORISED)
    await person.open()
    field = person.page.get_by_label("Token of the Auth Service")
    await field.fill("let-me-in")
    await person.page.keyboard.press("Enter")
    await person.reads(re.compile("Not signed in: the token is refused"))
    await field.fill(await desk.token("wallet:admin", subject="wanda"))
    await person.page.keyboard.press("Enter")
    await expect(person.page.get_by_role("heading", name="No access")).to_be_visible()
    await person.reads(re.compile("wanda"))
    await person.reads("mm:read")


async def test_roles_decide_what_is_shown_as_possible(desk: Desk, people: People) -> None:
    reader: Person = await people(desk.url)
    await reader.sign_in(await desk.token("mm:read"))
    row = reader.row("BTCUSDT")
    await expect(row.get_by_role("button", name="Pause BTCUSDT")).to_be_disabled()
    await expect(row.get_by_role("button", name="Kill BTCUSDT")).to_be_disabled()
    await expect(reader.page.locator("#kill")).to_be_disabled()
    await reader.page.keyboard.press("Shift+K")
    await expect(reader.page.get_by_role("dialog")).to_have_count(0)
    await reader.open("configure/BTCUSDT")
    await expect(reader.page.get_by_label(re.compile("^Base spread"))).to_be_disabled()
    trader: Person = await people(desk.url)
    await trader.sign_in(await desk.token("mm:operate"))
    await expect(trader.row("BTCUSDT").get_by_role("button", name="Pause BTCUSDT")).to_be_enabled()
    await expect(trader.page.locator("#kill")).to_be_disabled()


async def test_a_session_ends_with_its_token_and_the_page_says_so(desk: Desk, people: People) -> None:
    person: Person = await people(desk.url)
    person.expected.append(UNAUTHORISED)
    began = time.monotonic()
    await person.sign_in(await desk.token(expires_in=6))
    await person.reads("BTCUSDT")
    await person.reads(re.compile("session has ended"))
    assert time.monotonic() - began >= 4
    await expect(person.page.get_by_text("BTCUSDT")).to_have_count(0)


async def test_the_auth_service_sends_a_person_back_with_a_token_that_leaves_the_address_at_once(
    start_site: Callable[..., Any], shared_exchange: ExchangeServers, people: People
) -> None:
    """Its page is played here; a token that nobody of this browser has asked for signs nobody in."""
    settings = {"DISABLE_AUTH": "false", "AUTH_SERVICE_URL": shared_exchange.url}
    site: Site = await start_site(**settings, AUTH_SIGN_IN_URL="https://auth.example/login?app=mm")
    token = await site.exchange.token("mm:read", subject="ruth")
    person: Person = await people(site.operator.url)

    async def auth_service(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        assert asked["app"] == ["mm"]
        back = f"{asked['redirect_uri'][0]}#access_token={token}&state={asked['state'][0]}"
        await route.fulfill(status=302, headers={"Location": back})

    await person.page.route("https://auth.example/**", auth_service)
    await person.page.goto(f"{person.url}/#access_token={token}&state=stolen")
    await person.reads(re.compile("not begun here"))
    await person.page.get_by_role("link", name="Sign in at the Auth Service").click()
    await expect(person.page.locator(".who summary")).to_have_text("ruth")
    assert token not in person.page.url


async def test_without_access_control_nobody_is_asked_and_every_page_says_so(
    site: Site, people: People
) -> None:
    async def well() -> bool:
        return bool((await site.operator.ask("GET", "/health")).status == 200)

    await until("every dependency of the service answers", well)  # the System page asks, and 503 is an error
    person: Person = await people(site.operator.url)
    for place in ("", "incidents", "audit", "system", "new"):
        await person.open(place)
        await person.reads(re.compile("Access control is off"))
    await expect(person.page.get_by_role("button", name="Sign in")).to_have_count(0)
