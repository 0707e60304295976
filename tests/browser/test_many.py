"""Two hundred symbols on one page: only those in sight are drawn, and each is reached."""

from playwright.async_api import expect
from tests.support.person import People, Person

from lab.api import served
from lab.desk import FakeDesk
from lab.desk_records import view_of
from market_maker.core.config import SymbolConfig
from market_maker.core.states import State

SYMBOLS = [f"S{number:03}-USDT" for number in range(200)]
DRAWN_MAX = 60


async def test_of_200_symbols_those_in_sight_are_drawn_and_trouble_stands_first(people: People) -> None:
    desk = FakeDesk(views={symbol: view_of(SymbolConfig(symbol)) for symbol in SYMBOLS})
    desk.change("S150-USDT", state=State.HALTED)
    async with served(desk) as url:
        person: Person = await people(url)
        await person.open()
        rows = person.page.locator("tbody tr[aria-rowindex]")
        await expect(rows.first).to_contain_text("S150-USDT")
        assert await rows.count() < DRAWN_MAX
        await person.page.locator(".scroller").evaluate("box => box.scrollTo(0, box.scrollHeight)")
        await expect(person.row("S199-USDT")).to_be_visible()
        assert await rows.count() < DRAWN_MAX
        await person.page.keyboard.press("/")
        await person.page.keyboard.type("s077")
        await expect(rows).to_have_count(1)
        await person.page.keyboard.press("Escape")
        await person.page.keyboard.press("j")
        await person.page.keyboard.press("Enter")
        await expect(person.page.get_by_role("heading", name="S077-USDT")).to_be_visible()
        await person.page.goto("about:blank")
