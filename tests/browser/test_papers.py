"""Report, obligations, approvals, drills and incidents: what a desk is asked about later or does as two."""

import re
from asyncio import to_thread
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import expect
from tests.support.backtest import backtested, config_file, wandering
from tests.support.guarded import Guarded
from tests.support.operator import until
from tests.support.person import Desk, People, Person
from tests.support.recorded_day import record_a_day
from tests.support.service import ExchangeServers, Site

PROGRAMMES = """
programmes:
  - name: spot-mm
    symbols: [BTCUSDT]
    measure: time
    tiers:
      - {name: tight, max_spread_bps: 400, min_size_quote: 10, min_share_pct: {within_reach}}
      - {name: always, max_spread_bps: 400, min_size_quote: 10, min_share_pct: 100}
"""
MINUTES_OF_A_DAY = 1440


PAGES = {
    "report": "report/ETHUSDT/day",
    "obligations": "obligations",
    "approvals": "approvals",
    "drills": "drills",
}


def programmes_of(now: datetime) -> str:
    """One tier that the rest of the UTC day can still keep, at any hour, and one that it cannot."""
    left_pct = 100 * (1 - (now.hour * 60 + now.minute) / MINUTES_OF_A_DAY)
    return PROGRAMMES.replace("{within_reach}", f"{min(1.0, left_pct / 2):.3f}")


async def at_work(
    desk: Desk, people: People, place: str, *roles: str, subject: str = "nora", **options: object
) -> Person:
    person: Person = await people(desk.url, **options)
    await person.sign_in(await desk.token(*roles, subject=subject), place)
    return person


@pytest.fixture
async def strict(start_site: Callable[..., Any], shared_exchange: ExchangeServers, tmp_path: Path) -> Desk:
    """A service with a programme, where changes need a second person; its symbol runs and is not enabled."""
    programmes = tmp_path / "programmes.yaml"
    programmes.write_text(programmes_of(datetime.now(UTC)))
    site: Site = await start_site(
        DISABLE_AUTH="false",
        AUTH_SERVICE_URL=shared_exchange.url,
        CHANGES_NEED_APPROVAL="true",
        MM_PROGRAMMES_FILE=str(programmes),
        HOUSE_MAX_GROSS_USDT="200000",
    )
    desk = Desk(Guarded(site.service, site.exchange))
    await record_a_day(site.service.environment["POSTGRES_URL"], "ETHUSDT")
    await desk.ask("POST", "/v1/mm-configs", {"symbol": "BTCUSDT"})
    await desk.owned("BTCUSDT")
    return desk


async def earned(desk: Desk, symbol: str) -> datetime:
    """Put an hour of yesterday on record, as the journal does: spread 3, inventory -1, fees 0.5."""
    at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    connection = await asyncpg.connect(desk.guarded.service.environment["POSTGRES_URL"])
    try:
        for minute, share in ((1, Decimal(0)), (2, Decimal("0.5")), (3, Decimal(1))):
            await connection.execute(
                "INSERT INTO mm_pnl (symbol, at, spread_capture, inventory_pnl, fees, position, mid)"
                " VALUES ($1, $2, $3, $4, $5, $6, 100) ON CONFLICT DO NOTHING",
                symbol,
                at + timedelta(minutes=minute),
                3 * share,
                -share,
                share / 2,
                share,
            )
    finally:
        await connection.close()
    return at


async def test_the_first_page_counts_todays_result_from_midnight_and_keeps_that_of_the_baseline(
    strict: Desk, people: People
) -> None:
    await earned(strict, "BTCUSDT")
    person = await at_work(strict, people, "", "mm:read")
    await expect(person.page.locator(".totals")).to_contain_text("P&L today-1.50")
    row = person.row("BTCUSDT")
    await expect(row).to_contain_text("-1.50")
    await expect(row).to_contain_text("0.00 since baseline")
    await person.open("symbol/BTCUSDT")
    figures = person.page.locator("dl.figures").filter(has_text="P&L today")
    await expect(figures).to_contain_text(re.compile(r"P&L today\s*-1\.50"))
    await expect(figures).to_contain_text(re.compile(r"P&L since the baseline\s*0\.00"))


async def test_the_first_page_shows_what_is_left_of_the_limits_over_all_symbols_and_what_stands_around(
    strict: Desk, people: People
) -> None:
    person = await at_work(strict, people, "", "mm:read")
    around = person.page.locator("dl.around")
    await expect(around).to_contain_text(re.compile(r"Gross inventory.* of 200 ?k", re.DOTALL))
    await expect(around).to_contain_text("Instances1")
    await expect(around).to_contain_text("Guardnone")
    await expect(around).to_contain_text(re.compile(r"Lag\d+\.\d s"))


async def test_a_report_shows_what_a_symbol_earned_from_what_and_its_fills_markouts(
    desk: Desk, people: People
) -> None:
    at = await earned(desk, "ETHUSDT")
    await desk.guarded.exchange.trade("ETHUSDT", "buy", "0.05")

    async def measured() -> list[str]:
        fills = (await desk.ask("GET", "/v1/mm-configs/ETHUSDT/fills"))["items"]
        return [fill["side"] for fill in fills if fill["markouts"][0]["usdt"] is not None]

    async def has_markouts() -> bool:
        return bool(await measured())

    await until("a fill has a markout", has_markouts)
    side = {"BUY": "► bought", "SELL": "◄ sold"}[(await measured())[-1]]
    hour = f"{at:%Y-%m-%dT%H:%M:%SZ}..{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    person = await at_work(desk, people, f"report/ETHUSDT/{hour}", "mm:read")
    facts = person.page.locator("dl.facts")
    for figure in ("P&L+1.50", "From the spread+3.00", "From inventory-1.00", "Fees paid0.50"):
        await expect(facts).to_contain_text(figure)
    await expect(person.page.get_by_role("img", name=re.compile("^P&L since the period"))).to_be_visible()
    await person.page.get_by_role("button", name="last week").click()
    markouts = person.page.get_by_role("region", name="Markouts")
    await expect(markouts.get_by_role("rowheader", name="all")).to_be_visible()
    await expect(markouts.get_by_role("rowheader", name=re.compile(f"^{side}, level")).first).to_be_visible()
    await expect(person.page.get_by_role("region", name="Worst fills")).to_contain_text(side)
    await expect(person.page.get_by_role("region", name="Presence")).to_contain_text("no programme names")
    await person.page.get_by_label("Symbol", exact=True).select_option("SOLUSDT")
    await expect(person.page.get_by_role("heading", name="Report of SOLUSDT")).to_be_visible()
    await person.page.get_by_role("button", name="last hour").click()
    await expect(person.page).to_have_url(re.compile(r"#/report/SOLUSDT/hour$"))
    kept = person.page.get_by_role("link", name="Link to these times")
    await kept.click()
    await expect(person.page).to_have_url(re.compile(r"%3A|\.\."))
    await person.page.reload()
    await expect(person.page.get_by_role("heading", name="Report of SOLUSDT")).to_be_visible()
    await person.page.emulate_media(media="print")
    await expect(person.page.get_by_role("button", name="Print")).to_be_hidden()
    await expect(facts).to_be_visible()
    await person.page.emulate_media(media="screen")
    person.expected.append("404.*/mm-configs/NOPE/")
    await person.open("report/NOPE/day")
    await person.reads("NOPE is not configured.")
    await expect(person.page.get_by_role("region", name="Presence")).to_have_count(0)


async def test_without_a_programme_the_obligations_say_what_would_make_one(
    desk: Desk, people: People
) -> None:
    person = await at_work(desk, people, "obligations", "mm:read")
    await person.reads("MM_PROGRAMMES_FILE")


async def test_a_proposal_shows_who_wants_what_and_only_a_second_person_approves_it(
    strict: Desk, people: People
) -> None:
    alice = await at_work(strict, people, "configure/BTCUSDT", subject="alice")
    await alice.page.get_by_label(re.compile("^Max loss")).fill("600")
    await alice.page.get_by_label("Reason, for the record").fill("more room over the weekend")
    await alice.page.get_by_role("button", name="Save").click()
    await expect(alice.last_log).to_contain_text("waits for a second person")
    await expect(alice.page.get_by_role("status").filter(has_text="no effect until then")).to_be_visible()
    await alice.open("approvals")
    card = alice.page.get_by_role("article", name="Proposal 1")
    await expect(card).to_contain_text("more room over the weekend")
    await expect(card).to_contain_text("expires")
    await expect(card).to_contain_text("alice has proposed it: somebody else has to approve it")
    await expect(card.get_by_role("button", name="Approve")).to_be_disabled()
    bob = await at_work(strict, people, "approvals", subject="bob")
    await expect(bob.page.get_by_role("navigation", name="Pages")).to_contain_text("Approvals 1")
    await bob.page.get_by_label("Reason, for the record").fill("looked at it")
    await bob.page.keyboard.press("Enter")
    await expect(bob.last_log).to_contain_text("approved: it stands now")
    await expect(bob.page.get_by_title("wait for a second person")).to_have_count(0)
    assert (await strict.ask("GET", "/v1/mm-configs/BTCUSDT"))["max_loss_usdt"] == "600"
    await bob.reads("Nothing waits.")
    await bob.page.get_by_label("Show decided ones too").check()
    await expect(bob.page.get_by_role("article", name="Proposal 1")).to_contain_text("Approved by bob")


async def test_enabling_is_proposed_rejected_superseded_and_approved(strict: Desk, people: People) -> None:
    alice = await at_work(strict, people, "symbol/BTCUSDT", subject="alice")
    await alice.page.get_by_role("button", name="Enable").click()
    await alice.page.get_by_role("button", name="Propose to enable BTCUSDT").click()
    await expect(alice.last_log).to_contain_text("proposed: it waits for a second person")
    bob = await at_work(strict, people, "approvals", subject="bob")
    first = bob.page.get_by_role("article", name="Proposal 1")
    await first.get_by_label("Reason, for the record").fill("not before ten")
    await first.get_by_role("button", name="Reject").click()
    await expect(bob.last_log).to_contain_text("rejected")
    body = {"enabled": True, "reason": "open"}
    token = await strict.token(subject="alice")
    assert (await strict.guarded.ask("PUT", "/v1/mm-configs/BTCUSDT", token, body)).status == 202
    await strict.ask("PUT", "/v1/mm-configs/BTCUSDT", {"max_loss_usdt": "400"})
    await bob.page.get_by_label("Show decided ones too").check()
    await expect(bob.page.get_by_role("article", name="Proposal 2")).to_contain_text("superseded")
    await expect(bob.page.get_by_role("article", name="Proposal 1")).to_contain_text("not before ten")
    assert (await strict.guarded.ask("PUT", "/v1/mm-configs/BTCUSDT", token, body)).status == 202
    third = bob.page.get_by_role("article", name="Proposal 3")
    await third.get_by_label("Reason, for the record").fill("go")
    await third.get_by_role("button", name="Approve").click()
    await expect(bob.last_log).to_contain_text("enable the symbol now")
    await alice.page.get_by_role("button", name="Enable").click()
    dialog = alice.page.get_by_role("dialog")
    await dialog.get_by_label(re.compile("Wait up to")).check()
    await dialog.get_by_role("button", name="Enable BTCUSDT").click()
    await expect(alice.last_log).to_contain_text("1 of 1 taken")
    await alice.open("obligations")
    today = alice.page.get_by_role("region", name="Today")
    await expect(today.get_by_role("row").filter(has_text="tight")).to_contain_text(
        re.compile("open|at risk")
    )
    await expect(today.get_by_role("row").filter(has_text="always")).to_contain_text("lost")
    await expect(today).to_contain_text("too much")
    before = alice.page.get_by_role("region", name="Days before")
    await expect(before.get_by_role("row")).to_have_count(8)
    await expect(before.get_by_title("lost").first).to_be_visible()


async def agreed(desk: Desk, body: dict[str, Any]) -> None:
    """A change that one person proposes and another approves."""
    path, token = "/v1/mm-configs/BTCUSDT", await desk.token(subject="alice")
    made = (await desk.guarded.ask("PUT", path, token, body)).body
    await desk.ask("POST", f"{path}/proposals/{made['id']}/approve", {"reason": "looked at it"})


async def test_what_the_record_and_two_people_show_violates_no_rule_of_accessibility(
    strict: Desk, people: People
) -> None:
    await agreed(strict, {"enabled": True, "reason": "open"})
    await strict.ask("POST", "/v1/mm-configs/BTCUSDT/enable", {"wait": 20})
    await strict.ask("POST", "/v1/mm-configs/BTCUSDT/drill", {"reason": "monthly drill"})
    await strict.ask("POST", "/v1/mm-configs", {"symbol": "ETHUSDT"})
    for change in ({"max_loss_usdt": "400"}, {"order_size_usdt": "150"}):
        body = {**change, "reason": "more room over the weekend"}
        token = await strict.token(subject="alice")
        await strict.guarded.ask("PUT", "/v1/mm-configs/ETHUSDT", token, body)
    found = {}
    for theme in ("light", "dark"):
        size = {"width": 1280, "height": 760}
        person: Person = await people(strict.url, color_scheme=theme, viewport=size)
        await person.sign_in(await strict.token(subject="nora"))
        for name, place in PAGES.items():
            await person.open(place)
            await expect(person.page.locator("main section").first).to_be_visible()
            await expect(person.page.get_by_text(re.compile("reading…|Reading|counting…"))).to_have_count(0)
            if name == "approvals":
                await person.page.get_by_label("Show decided ones too").check()
                await person.reads("… waits")
            found[f"{name}, {theme}"] = await person.violations()
            await person.picture(f"{name}-{theme}")
    assert {name: lines for name, lines in found.items() if lines} == {}


async def test_on_390_pixels_nothing_of_what_is_decided_promised_and_on_record_is_cut_or_scrolls(
    strict: Desk, people: People
) -> None:
    await agreed(strict, {"enabled": True, "reason": "open"})
    await strict.ask("POST", "/v1/mm-configs/BTCUSDT/drill", {"reason": "monthly drill"})
    alice = await strict.token(subject="alice")
    proposed = {
        "max_loss_usdt": "612.5",
        "model": "glft",
        "model_parameters": {"gamma": "0.0000125"},
        "reason": "https://desk.example/decisions/2026/11/22/more-room-over-the-weekend-and-a-model-that-learns",
    }
    answer = await strict.guarded.ask("PUT", "/v1/mm-configs/BTCUSDT", alice, proposed)
    assert answer.status == 202, answer
    person = await at_work(strict, people, "", viewport={"width": 390, "height": 800})
    person.expected.append("503.*/health")  # a component that takes more than a second on a busy machine
    wide = {}
    for place, shows in (
        ("approvals", "… waits"),
        ("obligations", "The days before"),
        ("system", "Who runs"),
        ("audit", "entries shown"),
        ("incidents", "1 incident shown"),
        ("drills", "1 drill shown"),
    ):
        await person.open(place)
        await person.reads(shows)
        await expect(person.page.get_by_text(re.compile("reading…|Reading"))).to_have_count(0)
        wide[place] = await person.cut_or_scrolling()
    assert {place: found for place, found in wide.items() if found} == {}


async def test_a_report_of_backtests_fits_on_390_pixels(
    people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    market, config = wandering(60).write(tmp_path / "market.gz"), config_file(tmp_path / "a.yaml")
    sweep = ("--sweep", "base_spread_bps=2,3")
    await to_thread(backtested, capsys, "--capture", market, "--config", config, *sweep, "--out", page)
    person = await people("file://", viewport={"width": 390, "height": 800})
    await person.page.goto(page.as_uri())
    await person.reads("The ten worst fills")
    assert await person.cut_or_scrolling() == []


async def test_a_drill_says_what_it_will_do_and_its_measured_times_stay_on_record(
    desk: Desk, people: People
) -> None:
    person = await at_work(desk, people, "drills")
    await person.page.get_by_label("Symbol", exact=True).select_option("SOLUSDT")
    await person.page.get_by_role("button", name="Drill…").click()
    dialog = person.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Now ACTIVE")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await dialog.get_by_label("Reason, for the record").fill("monthly drill")
    await dialog.get_by_role("button", name="Drill SOLUSDT").click()
    await expect(person.last_log).to_contain_text("zero proven after")
    row = person.page.get_by_role("row").filter(has_text="monthly drill")
    await expect(row).to_contain_text(re.compile(r"ACTIVE.*\d ms.*\d ms"))
    assert await desk.state("SOLUSDT") == "HALTED"
    reader = await at_work(desk, people, "drills", "mm:read", subject="rita")
    await expect(reader.page.get_by_role("button", name="Drill…")).to_be_disabled()
    await expect(reader.page.get_by_role("row").filter(has_text="monthly drill")).to_be_visible()


async def test_the_latest_incidents_of_all_symbols_stand_on_one_page(desk: Desk, people: People) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        body = {"symbol": symbol, "reason": f"{symbol} went wild"}
        await desk.ask("POST", "/v1/mm/emergency/kill", body)
    await desk.ask("POST", "/v1/mm/reset", {"symbol": "ETHUSDT", "reason": "calm"})
    person = await at_work(desk, people, "incidents")
    for symbol, now in (("BTCUSDT", "HALTED"), ("ETHUSDT", "over")):
        row = person.page.get_by_role("row").filter(has_text=f"{symbol} went wild").first
        await expect(row).to_contain_text(now)
    await (
        person.page.get_by_role("row").filter(has_text="BTCUSDT went wild").first.get_by_role("link").click()
    )
    await expect(person.page.get_by_role("button", name="Reset BTCUSDT")).to_be_visible()


async def test_a_question_closes_when_its_page_is_left(desk: Desk, people: People) -> None:
    await desk.ask("POST", "/v1/mm/emergency/kill", {"symbol": "BTCUSDT", "reason": "too wild"})
    person = await at_work(desk, people, "fleet")
    await person.open("incidents/BTCUSDT")
    await person.page.get_by_label(re.compile("I know why")).check()
    await person.page.get_by_role("button", name="Reset BTCUSDT").click()
    await expect(person.page.get_by_role("dialog")).to_be_visible()
    await person.page.go_back()
    await expect(person.page.get_by_role("dialog")).to_have_count(0)
    await expect(person.row("BTCUSDT")).to_contain_text("HALTED")


async def test_who_owns_the_limits_may_operate_and_not_kill(desk: Desk, people: People) -> None:
    person = await at_work(desk, people, "", "mm:risk", subject="rita")
    await expect(person.row("ETHUSDT").get_by_role("button", name="Pause ETHUSDT")).to_be_enabled()
    await expect(person.page.locator("#kill")).to_be_disabled()


async def test_every_page_has_its_number_key(desk: Desk, people: People) -> None:
    person = await at_work(desk, people, "", "mm:read")
    await person.reads("BTCUSDT")
    names = ("Incidents", "Audit", "System", "Report", "Obligations", "Approvals", "Drills", "Fleet")
    for key, name in zip("23456781", names, strict=True):
        await person.page.keyboard.press(key)
        await expect(person.page.locator("main").get_by_role("region", name=name).first).to_be_visible()
