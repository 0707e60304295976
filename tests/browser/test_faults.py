"""What the console shows and does while the service is gone, stands still, or comes back different."""

import re

import asyncpg
from playwright.async_api import expect
from tests.support.person import Desk, People, Person

GONE = [r"ERR_", r"status of 50", r"status of 401", r"Failed to load resource"]


async def at_work(mortal: Desk, people: People) -> Person:
    person: Person = await people(mortal.url)
    person.expected += GONE
    await person.sign_in(await mortal.token(), "")
    await person.reads("BTCUSDT")
    return person


async def test_a_service_that_dies_is_seen_to_be_gone_and_its_return_needs_no_reload(
    mortal: Desk, people: People
) -> None:
    person = await at_work(mortal, people)
    mortal.guarded.service.kill()
    await person.reads(re.compile("Connection lost"))
    await expect(person.page.locator("main")).to_have_class(re.compile("stale"))
    await person.page.keyboard.press("Shift+K")
    await person.page.keyboard.press("Enter")
    await expect(person.last_log).to_contain_text("may or may not have happened")
    mortal.guarded.service.start()
    await mortal.owned("BTCUSDT")
    await expect(person.page.get_by_text(re.compile("Connection lost"))).to_have_count(0)
    await expect(person.row("BTCUSDT")).to_contain_text("PAUSED")


async def test_a_service_that_stands_still_does_not_look_live(mortal: Desk, people: People) -> None:
    person = await at_work(mortal, people)
    mortal.guarded.service.freeze()
    try:
        await person.reads(re.compile("Connection lost"))
        await expect(person.page.locator(".totals")).to_contain_text("old")
        await expect(person.page.locator("#kill")).to_be_enabled()
    finally:
        mortal.guarded.service.thaw()
    await expect(person.page.locator(".totals")).to_contain_text("live")


async def test_a_symbol_that_was_deleted_while_nobody_heard_is_gone_after_the_reconnect(
    mortal: Desk, people: People
) -> None:
    person = await at_work(mortal, people)
    await expect(person.row("ETHUSDT")).to_be_visible()
    mortal.guarded.service.kill()
    await person.reads(re.compile("Connection lost"))
    connection = await asyncpg.connect(mortal.guarded.service.environment["POSTGRES_URL"])
    await connection.execute("DELETE FROM mm_configs WHERE symbol = 'ETHUSDT'")
    await connection.close()
    mortal.guarded.service.start()
    await mortal.owned("BTCUSDT")
    await expect(person.row("ETHUSDT")).to_have_count(0)
    await expect(person.row("BTCUSDT")).to_contain_text("PAUSED")
