"""Every page in both themes: no violation that axe knows of, and a picture for the documentation."""

import pytest
from playwright.async_api import expect
from tests.support.operator import until
from tests.support.person import Desk, People, Person

PAGES = {
    "fleet": "",
    "symbol": "symbol/BTCUSDT",
    "why": "symbol/BTCUSDT/why",
    "fills": "symbol/BTCUSDT/fills",
    "configuration": "configure/BTCUSDT",
    "incidents": "incidents/SOLUSDT",
    "latest": "incidents",
    "audit": "audit",
    "report": "report/BTCUSDT/day",
    "obligations": "obligations",
    "approvals": "approvals",
    "drills": "drills",
    "system": "system",
    "add": "new",
}
PICTURED = PAGES.keys() - {"fills", "add", "latest", "report", "obligations", "approvals", "drills"}
"""What docs/console.md shows, but for what another service's record fills (test_papers.py)."""


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_page_violates_a_rule_of_accessibility(desk: Desk, people: People, theme: str) -> None:
    await desk.ask("POST", "/v1/mm/emergency/kill", {"symbol": "SOLUSDT", "reason": "a feed went wild"})
    await desk.guarded.exchange.trade("BTCUSDT", "buy", "0.05")
    person: Person = await people(desk.url, color_scheme=theme, viewport={"width": 1280, "height": 760})
    await person.open()
    await expect(person.page.get_by_role("button", name="Sign in")).to_be_visible()
    found = {"sign-in": await person.violations()}
    await person.picture(f"sign-in-{theme}")
    await person.sign_in(await desk.token(subject="nora"))
    for name, place in PAGES.items():
        await person.open(place)
        await expect(person.page.locator("main section").first).to_be_visible()
        await expect(person.page.get_by_text("Reading")).to_have_count(0)
        if name == "configuration":
            await person.page.get_by_label("Base spread").fill("12")
            await person.reads("Half spread")
        found[name] = await person.violations()
        if name in PICTURED:
            await person.picture(f"{name}-{theme}")
    await person.page.keyboard.press("?")
    found["keys"] = await person.violations()
    await person.page.keyboard.press("Escape")
    await person.page.keyboard.press("Shift+K")
    found["kill"] = await person.violations()
    await person.picture(f"kill-{theme}")
    await person.page.keyboard.press("Escape")
    assert {name: lines for name, lines in found.items() if lines} == {}


async def test_every_control_of_the_fleet_is_reached_by_the_tab_key(desk: Desk, people: People) -> None:
    person: Person = await people(desk.url)
    await person.sign_in(await desk.token())
    await person.reads("BTCUSDT")
    reached: set[str] = set()

    async def all_reached() -> bool:
        await person.page.keyboard.press("Tab")
        name = await person.page.evaluate(
            "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        )
        reached.add(str(name).strip())
        return {"Fleet", "Find a symbol", "Kill BTCUSDT", "Pause BTCUSDT", "Pause all"} <= reached

    await until("every control has been reached", all_reached)
