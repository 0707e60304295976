"""The page of the system where two instances share the symbols, and where one of them falls silent."""

import re

import pytest
from playwright.async_api import expect
from tests.support.instances import NORTH, SOUTH, Fleet, StartFleet
from tests.support.person import SYMBOLS, People, Person
from tests.support.valkey import Valkey

from lab.api import served
from lab.desk import FakeDesk
from market_maker import __version__
from market_maker.api.ports import CheckStatus


@pytest.fixture
async def fleet(start_fleet: StartFleet, valkey: Valkey) -> Fleet:
    """Each of two instances owns some of three symbols; all of them quote."""
    fleet = await start_fleet(REDIS_URL=valkey.url)
    await fleet.quote(SYMBOLS)
    return fleet


async def test_every_instance_and_what_it_runs_is_told_and_which_one_falls_silent(
    fleet: Fleet, people: People
) -> None:
    person: Person = await people(fleet.north.operator.url)
    person.expected.append("503.*/health")  # while it starts, or stands still
    await person.open("system")
    tables = person.page.get_by_role("table")
    instances = tables.filter(has_text="Sign of life")
    rows = {name: instances.get_by_role("row").filter(has_text=f"{name}-") for name in (NORTH, SOUTH)}
    for row in rows.values():
        await expect(row).to_contain_text(__version__)
    await expect(rows[NORTH]).to_contain_text("answers here")
    await expect(instances.get_by_text("answers here")).to_have_count(1)
    runs = {name: tables.last.get_by_role("row").filter(has_text=f"{name}-") for name in (NORTH, SOUTH)}
    for name, row in runs.items():
        for symbol in await fleet.owned_by(name):
            await expect(row.get_by_role("link", name=symbol)).to_be_visible()
    assert await person.violations() == []
    fleet.south.service.freeze()
    await expect(rows[SOUTH]).to_contain_text("silent for")
    await person.reads(re.compile("^south-.* is silent: what is shown of its symbols"))
    await expect(runs[SOUTH]).to_contain_text("silent, as it showed last")
    assert await person.violations() == []


async def test_the_component_that_has_failed_is_named(people: People) -> None:
    desk = FakeDesk(details={"redis": "no answer within 1 s"})
    desk.checks["redis"] = CheckStatus.FAILED
    async with served(desk) as url:
        person: Person = await people(url)
        person.expected.append("503.*/health")
        await person.open("system")
        row = person.page.get_by_role("row").filter(has_text="redis")
        await expect(row).to_contain_text(re.compile("failed.*no answer within 1 s"))
        await person.page.goto("about:blank")
