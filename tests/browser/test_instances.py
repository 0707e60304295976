"""The page of the system: two instances, one that dies or falls silent, and a component that has failed."""

import re

import pytest
from playwright.async_api import expect
from tests.support.fleet import ETH, SOL, HubPeers, running_fleet
from tests.support.fleet import NORTH as NORTH_1
from tests.support.fleet import SOUTH as SOUTH_2
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


async def test_every_instance_and_what_it_runs_is_told_and_who_takes_over_from_one_that_died(
    fleet: Fleet, people: People
) -> None:
    person: Person = await people(fleet.north.operator.url)
    person.expected.append("503.*/health")  # while it starts, or takes over
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
    fleet.south.service.kill()
    await expect(rows[SOUTH]).to_have_count(0)
    await fleet.all_owned(SYMBOLS, NORTH)
    for symbol in SYMBOLS:
        await expect(runs[NORTH].get_by_role("link", name=symbol)).to_be_visible()


async def test_the_instance_that_is_silent_and_the_symbol_that_nobody_shows_are_named(
    people: People,
) -> None:
    async with running_fleet() as fleet:
        await fleet.hub.publish()  # and never again
        peers = HubPeers(fleet.hub, NORTH_1)
        async with served(fleet.north_desk, peers=peers) as url:
            person: Person = await people(url)
            await person.open("system")
            await person.reads(
                f"{SOUTH_2} is silent: what is shown of its symbols, in totals too, is from before."
            )
            await person.reads(f"Nobody shows {SOL}: totals lack it.")
            row = person.page.get_by_role("row").filter(has_text="silent, as it showed last")
            await expect(row.get_by_role("link", name=ETH)).to_be_visible()
            assert await person.violations() == []
            await person.page.goto("about:blank")


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
