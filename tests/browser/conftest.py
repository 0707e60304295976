"""A person at a browser: Chromium on the running service, access control on."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright
from tests.support.guarded import Guarded
from tests.support.person import PATIENCE_MS, SYMBOLS, Desk, People, Person
from tests.support.service import SOON_FORGOTTEN, ExchangeServers, Site

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They run when asked for (make test-browser)."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def people(chromium: Browser) -> AsyncIterator[People]:
    """Somebody new at a browser of the own: `await people(url, color_scheme="dark")`.

    When the test ends, nobody's console may have complained about anything that the test did not expect.
    """
    everybody: list[tuple[Person, BrowserContext]] = []

    async def come(url: str, **options: Any) -> Person:
        context = await chromium.new_context(**{"viewport": {"width": 1440, "height": 860}, **options})
        context.set_default_timeout(PATIENCE_MS)
        person = Person(await context.new_page(), url)
        person.listen()
        everybody.append((person, context))
        return person

    yield come
    for _, context in everybody:
        await context.close()
    assert [person.unexpected() for person, _ in everybody] == [[] for _ in everybody]


@pytest.fixture
async def desk(guarded: Guarded) -> Desk:
    """A service that asks for tokens, with three symbols that quote; the tests of a module share it."""
    found = Desk(guarded)
    await found.quoting(*SYMBOLS)
    return found


@pytest.fixture
async def mortal(start_site: Callable[..., Any], shared_exchange: ExchangeServers) -> Desk:
    """The same, of the test's own: it may be ended and started again."""
    guarded = {"DISABLE_AUTH": "false", "AUTH_SERVICE_URL": shared_exchange.url}
    site: Site = await start_site(**guarded, **SOON_FORGOTTEN)
    found = Desk(Guarded(site.service, site.exchange))
    await found.quoting("BTCUSDT", "ETHUSDT")
    return found
