"""What a night shift does, in the browser and by keyboard, on the running service."""

import re

from playwright.async_api import expect
from tests.support.operator import until
from tests.support.person import SYMBOLS, Desk, People, Person

from market_maker import __version__

ROWS = 3
LATER = ("incidents/SOLUSDT", "report/BTCUSDT/day", "obligations", "approvals", "drills", "new")


async def at_work(desk: Desk, people: People, place: str = "", **options: object) -> Person:
    person: Person = await people(desk.url, **options)
    await person.sign_in(await desk.token(subject="nora"), place)
    return person


async def test_two_keystrokes_kill_everything_and_what_came_of_it_stays_on_the_page(
    desk: Desk, people: People
) -> None:
    person = await at_work(desk, people)
    await person.reads("BTCUSDT")
    await person.page.keyboard.press("Shift+K")
    await person.page.keyboard.press("Enter")
    await expect(person.last_log).to_contain_text(f"{ROWS} of {ROWS} taken")
    for symbol in SYMBOLS:
        assert await desk.state(symbol) == "HALTED"
        await expect(person.row(symbol)).to_contain_text("HALTED")
    heard = person.page.locator("[aria-live=assertive]")
    await expect(heard).to_contain_text("Kill every symbol")
    entries = (await desk.ask("GET", "/v1/mm/audit?limit=3"))["items"]
    assert {(entry["actor"], entry["route"]) for entry in entries} == {("nora", "POST /v1/mm/emergency/kill")}
    assert all(entry["why"] for entry in entries)


async def test_an_incident_shows_what_happened_and_resets_once_its_checks_hold(
    desk: Desk, people: People
) -> None:
    await desk.ask("POST", "/v1/mm/emergency/kill", {"symbol": "ETHUSDT", "reason": "too wild"})
    person = await at_work(desk, people, "incidents/ETHUSDT")
    await person.reads("too wild")
    await person.reads("What the runbook says")
    await person.reads(re.compile("exchange has proven that no order"))
    reset = person.page.get_by_role("button", name="Reset ETHUSDT")
    await expect(reset).to_be_disabled()
    await person.page.get_by_label(re.compile("I know why")).check()
    await reset.click()
    dialog = person.page.get_by_role("dialog")
    await dialog.get_by_label("Reason, for the record").fill("calm again")
    await dialog.get_by_role("button", name="Reset ETHUSDT").click()
    await expect(person.last_log).to_contain_text("1 of 1 taken")
    assert await desk.state("ETHUSDT") == "PAUSED"
    await person.open("symbol/ETHUSDT")
    await expect(person.page.get_by_role("button", name="Enable")).to_be_visible()
    await person.page.keyboard.press("e")
    await person.page.get_by_role("dialog").get_by_label(re.compile("Wait up to")).check()
    await person.page.get_by_role("button", name="Enable ETHUSDT").click()
    await expect(person.last_log).to_contain_text("1 of 1 taken")
    assert await desk.state("ETHUSDT") == "ACTIVE"


async def test_a_spread_is_changed_with_a_preview_a_reason_and_a_version(desk: Desk, people: People) -> None:
    person = await at_work(desk, people, "configure/BTCUSDT")
    field = person.page.get_by_label(re.compile("^Base spread"))
    await field.fill("31")
    preview = person.page.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("would go")
    await expect(preview).to_contain_text("Half spread")
    await expect(person.page.get_by_role("region", name="Difference")).to_contain_text("31")
    await person.page.get_by_label("Reason, for the record").fill("wider over night")
    await person.page.get_by_role("button", name="Save").click()
    await expect(person.last_log).to_contain_text("saved")
    assert (await desk.ask("GET", "/v1/mm-configs/BTCUSDT"))["base_spread_bps"] == "31"
    await person.open("audit")
    await person.reads("wider over night")
    await person.open("configure/BTCUSDT")
    versions = person.page.get_by_role("region", name="Versions")
    await expect(versions).to_contain_text("wider over night")
    await versions.get_by_role("button", name="Take into the form").last.click()
    await expect(field).to_have_value(re.compile(r"^10"))
    await person.page.get_by_label("Reason, for the record").fill("back to what it was")
    await person.page.get_by_role("button", name="Save").click()
    await expect(person.last_log).to_contain_text("saved")


async def test_who_saves_onto_what_another_has_saved_meanwhile_is_told_and_keeps_what_was_typed(
    desk: Desk, people: People
) -> None:
    nora, omar = await at_work(desk, people), await people(desk.url)
    await omar.sign_in(await desk.token(subject="omar"))
    for person, spread, why in ((nora, "31", "wider over night"), (omar, "44", "news at ten")):
        await person.open("configure/ETHUSDT")
        await person.page.get_by_label(re.compile("^Base spread")).fill(spread)
        await person.page.get_by_label("Reason, for the record").fill(why)
    await omar.page.get_by_role("button", name="Save").click()
    await expect(omar.last_log).to_contain_text("saved")
    save = nora.page.get_by_role("button", name="Save")
    await save.click()
    nora.expected.append("status of 409")
    told = nora.page.get_by_role("alert").filter(has_text="Not saved")
    for words in ("omar", "base spread bps", "to 44", "news at ten"):
        await expect(told).to_contain_text(words)
    await expect(save).to_be_disabled()
    assert (await desk.ask("GET", "/v1/mm-configs/ETHUSDT"))["base_spread_bps"] == "44"
    await nora.page.get_by_role("button", name=re.compile("^Load the present one")).click()
    await expect(told).to_have_count(0)
    await expect(nora.page.get_by_label(re.compile("^Base spread"))).to_have_value("31")
    row = nora.page.get_by_role("region", name="Difference").get_by_role("row").filter(has_text="44")
    await expect(row).to_contain_text("31")
    await save.click()
    await expect(nora.last_log).to_contain_text("saved")
    versions = (await desk.ask("GET", "/v1/mm-configs/ETHUSDT/versions?limit=2"))["items"]
    found = [(one["author"], one["reason"], one["config"]["base_spread_bps"]) for one in versions]
    assert found == [("nora", "wider over night", "31"), ("omar", "news at ten", "44")]


async def test_a_leap_is_refused_until_it_is_meant(desk: Desk, people: People) -> None:
    person = await at_work(desk, people, "configure/SOLUSDT")
    await person.page.get_by_label(re.compile("^Max loss")).fill("90000")
    await person.page.get_by_label(re.compile("I mean it")).wait_for()
    await person.page.get_by_label("Reason, for the record").fill("drill")
    await person.page.get_by_role("button", name="Save").click()
    assert (await desk.ask("GET", "/v1/mm-configs/SOLUSDT"))["max_loss_usdt"] != "90000"
    await person.page.get_by_label(re.compile("^Max loss")).fill("0")
    await person.reads(re.compile("could not be tried"))
    await expect(person.page.get_by_role("button", name="Save")).to_be_disabled()
    person.expected.append("status of 422")


async def test_another_model_brings_its_parameters_and_is_previewed(desk: Desk, people: People) -> None:
    person = await at_work(desk, people, "configure/BTCUSDT")
    await expect(person.page.get_by_label(re.compile("^Gamma"))).to_have_count(0)
    await person.page.get_by_label(re.compile("^Model")).select_option("glft")
    gamma = person.page.get_by_label(re.compile("^Gamma"))
    await gamma.fill("0.3")
    difference = person.page.get_by_role("region", name="Difference")
    await expect(difference).to_contain_text("0.3")
    await expect(person.page.get_by_role("region", name="Preview")).to_contain_text("would stay")
    await gamma.fill("-1")
    await person.reads(re.compile("could not be tried"))
    person.expected.append("status of 422")


async def test_why_nothing_is_quoted_is_one_key_away(desk: Desk, people: People) -> None:
    person = await at_work(desk, people)
    await person.reads("SOLUSDT")
    await person.page.keyboard.press("/")
    await person.page.keyboard.type("sol")
    await person.page.keyboard.press("Escape")
    await person.page.keyboard.press("j")
    await person.page.keyboard.press("p")
    await expect(person.last_log).to_contain_text("1 of 1 taken")
    assert await desk.state("SOLUSDT") == "PAUSED"
    await person.page.keyboard.press("x")
    await person.reads(re.compile("the symbol is PAUSED"))
    await person.reads("not active")


async def test_the_symbol_page_shows_our_orders_in_the_book_charts_fills_and_the_waterfall(
    desk: Desk, people: People
) -> None:
    await desk.guarded.exchange.trade("BTCUSDT", "buy", "0.3")
    person = await at_work(desk, people, "symbol/BTCUSDT")
    ladder = person.page.get_by_role("region", name="Ladder")
    await expect(ladder.locator("tr.ours")).not_to_have_count(0)
    await expect(person.page.get_by_role("img", name=re.compile("^Price over time"))).to_be_visible()
    await person.page.get_by_role("link", name="why", exact=True).click()
    for step in ("Mid of others", "Half spread", "Inventory skew", "Rounded", "Outcome"):
        await expect(person.page.get_by_role("rowheader", name=step)).to_be_visible()
    await person.page.get_by_role("link", name="fills", exact=True).click()
    await expect(person.page.get_by_role("cell", name="maker").first).to_be_visible()
    await person.page.get_by_role("link", name="events", exact=True).click()
    await expect(person.page.get_by_role("cell", name="state.changed").first).to_be_visible()


async def test_nine_tabs_share_one_stream_and_the_ninth_kills(desk: Desk, people: People) -> None:
    """Each with a stream of its own, no connection would be left to the ninth."""
    person = await at_work(desk, people)
    await person.reads("BTCUSDT")
    tabs = [person]
    for _ in range(8):
        tab = Person(await person.page.context.new_page(), desk.url, expected=person.expected)
        tab.listen()
        await tab.open()
        await tab.reads("BTCUSDT")
        tabs.append(tab)
    ninth = tabs[-1]
    await ninth.row("BTCUSDT").get_by_role("button", name="Kill BTCUSDT").click()
    await ninth.page.keyboard.press("Enter")
    await expect(ninth.last_log).to_contain_text("1 of 1 taken")
    for tab in tabs:
        await expect(tab.row("BTCUSDT")).to_contain_text("HALTED")
    assert [error for tab in tabs for error in tab.unexpected()] == []


async def test_where_there_is_no_shared_worker_one_tab_leads_and_another_takes_over(
    desk: Desk, people: People
) -> None:
    person = await at_work(desk, people)
    await person.page.context.add_init_script("delete window.SharedWorker")
    tabs = []
    for _ in range(2):
        tab = Person(await person.page.context.new_page(), desk.url)
        tab.listen()
        await tab.open()
        await tab.reads("BTCUSDT")
        tabs.append(tab)
    leader, follower = tabs
    await leader.page.close()
    await desk.ask("POST", "/v1/mm/pause", {"symbols": ["BTCUSDT"], "reason": "drill"})
    await expect(follower.row("BTCUSDT")).to_contain_text("PAUSED")
    await expect(follower.page.locator(".totals")).to_contain_text("live")
    assert follower.unexpected() == []


async def test_the_audit_is_searched_and_exported(desk: Desk, people: People) -> None:
    await desk.ask("POST", "/v1/mm/pause", {"symbols": ["ETHUSDT"], "reason": "=drill(1)"})
    person = await at_work(desk, people, "audit")
    await person.page.get_by_label("Symbol", exact=True).fill("ethusdt")
    await person.page.get_by_role("button", name="Search").click()
    await expect(person.page.get_by_role("cell", name="BTCUSDT")).to_have_count(0)
    await person.reads("=drill(1)")
    async with person.page.expect_download() as downloading:
        await person.page.get_by_role("button", name="Export").click()
    text = (await (await downloading.value).path()).read_text()
    assert text.startswith("entry_id,at,actor")
    assert '"\'=drill(1)"' in text
    assert "BTCUSDT" not in text


async def test_the_system_page_tells_the_version_of_each_instance(desk: Desk, people: People) -> None:
    person = await at_work(desk, people, "system")
    table = person.page.get_by_role("table").filter(has_text="Sign of life")
    await expect(table.get_by_role("columnheader", name="Version")).to_be_visible()
    await expect(table.get_by_role("row").filter(has_text="answers here")).to_contain_text(__version__)


async def test_on_390_pixels_nothing_is_lost_and_a_symbol_is_killed(desk: Desk, people: People) -> None:
    person = await at_work(desk, people, viewport={"width": 390, "height": 800})
    card = person.page.get_by_role("article").filter(has_text="SOLUSDT")
    await expect(card).to_be_visible()
    for place in ("", "symbol/SOLUSDT", "configure/SOLUSDT", "incidents", "audit", "system", *LATER):
        await person.open(place)
        await expect(person.page.locator("main")).not_to_be_empty()
        wide = await person.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, place
    await person.open()
    await card.get_by_role("button", name="Kill SOLUSDT").click()
    await person.page.get_by_role("dialog").get_by_role("button", name="Kill SOLUSDT").click()
    await until("SOLUSDT is HALTED", lambda: is_halted(desk, "SOLUSDT"))


async def is_halted(desk: Desk, symbol: str) -> bool:
    return await desk.state(symbol) == "HALTED"
