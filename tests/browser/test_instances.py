"""The page of the system where two instances share the symbols, and where one of them falls silent."""

import re

import pytest
from playwright.async_api import expect
from tests.support.instances import NORTH, SOUTH, Fleet, StartFleet
from tests.support.person import SYMBOLS, People, Person
from tests.support.valkey import Valkey

from market_maker import __version__


@pytest.fixture
async def fleet(start_fleet: StartFleet, valkey: Valkey) -> Fleet:
    """Each of two instances owns some of three symbols; all of them quote."""
    fleet = await start_fleet(REDIS_URL=valkey.url)
    await fleet.quote(SYMBOLS)
    return fleet


async def test_every_instance_and_what_it_runs_is_told_and_one_that_falls_silent_too(
    fleet: Fleet, people: People
) -> None:
    person: Person = await people(fleet.north.operator.url)
    await person.open("system")
    instances = person.page.get_by_role("table").filter(has_text="Sign of life")
    rows = {name: instances.get_by_role("row").filter(has_text=f"{name}-") for name in (NORTH, SOUTH)}
    for row in rows.values():
        await expect(row).to_contain_text(__version__)
    await expect(rows[NORTH]).to_contain_text("answers here")
    await expect(instances.get_by_text("answers here")).to_have_count(1)
    runs = (
        person.page.get_by_role("table")
        .filter(has_text="Who runs")
        .or_(person.page.get_by_role("table").filter(has=person.page.get_by_role("link", name=SYMBOLS[0])))
    )
    for name in (NORTH, SOUTH):
        row = runs.get_by_role("row").filter(has_text=f"{name}-")
        for symbol in await fleet.owned_by(name):
            await expect(row.get_by_role("link", name=symbol)).to_be_visible()
    await person.picture("instances")
    fleet.south.service.freeze()
    await expect(rows[SOUTH]).to_contain_text(re.compile("silent for"))
    await person.reads("Totals are not complete")
    await person.picture("instances-silent")
