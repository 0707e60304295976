from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import START, fill_row
from market_maker.core.results import Parts
from market_maker.core.side import Side
from market_maker.repositories.markouts import MarkoutSum, StoredMid
from market_maker.repositories.pnl import Earned

BTC = "/v1/mm-configs/BTC-USDT"
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
HOUR = START.replace(minute=0, second=0, microsecond=0)


async def test_results_by_the_hour_show_their_parts_and_markouts(api: Api, desk: FakeDesk) -> None:
    parts = Parts(Decimal(3), Decimal("-1.5"), Decimal("0.25"))
    desk.earned_rows["BTC-USDT", "hour"] = [Earned(HOUR, parts, Decimal("0.5"))]
    desk.markout_rows["BTC-USDT", "hour"] = [
        MarkoutSum(HOUR, Side.BUY, 0, 10_000, 4, 1, Decimal("-1.5"), Decimal(60_000)),
        MarkoutSum(HOUR, Side.SELL, None, 100, 0, 2, Decimal(0), Decimal(0)),
    ]
    body = (
        await api.get(f"{BTC}/results?since={HOUR:{FORMAT}}&until={HOUR + timedelta(days=1):{FORMAT}}")
    ).body
    assert body["results"] == [
        {
            "since": f"{HOUR:%Y-%m-%dT%H:%M:%S.000000Z}",
            "parts": {
                "spread_usdt": "3",
                "inventory_usdt": "-1.5",
                "fees_usdt": "0.25",
                "total_usdt": "1.25",
            },
            "position": "0.5",
        }
    ]
    assert [(one["side"], one["level"], one["bps"]) for one in body["markouts"]] == [
        ("BUY", 0, "-0.2500"),
        ("SELL", None, None),
    ]
    assert [one["notional_usdt"] for one in body["markouts"]] == ["60000", "0"]


async def test_the_day_began_at_midnight_with_what_each_configured_symbol_had_come_to(
    api: Api, desk: FakeDesk
) -> None:
    desk.stood = {"BTC-USDT": Decimal("-12.50"), "GONE-USDT": Decimal(1)}
    body = (await api.get("/v1/mm/day-start")).body
    assert body["since"].endswith("T00:00:00.000000Z")
    found = {one["symbol"]: one["result_usdt"] for one in body["items"]}
    assert (found["BTC-USDT"], found["ETH-USDT"]) == ("-12.50", "0")
    assert "GONE-USDT" not in found
    desk.database_up = False
    assert (await api.get("/v1/mm/day-start")).code == "DATABASE_UNAVAILABLE"


async def test_results_begin_with_a_whole_minute_hour_or_day(api: Api) -> None:
    body = (await api.get(f"{BTC}/results?since=2026-11-20T13:45:10Z&until=2026-11-20T18:00:00Z")).body
    assert body["since"] == "2026-11-20T13:00:00.000000Z"
    body = (
        await api.get(f"{BTC}/results?by=minute&since=2026-11-20T13:45:10Z&until=2026-11-20T18:00:00Z")
    ).body
    assert body["since"] == "2026-11-20T13:45:00.000000Z"
    body = (await api.get(f"{BTC}/results?by=day&since=2026-11-20T13:45:10Z&until=2026-11-22T18:00:00Z")).body
    assert body["since"] == "2026-11-20T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("by", "longest", "too_long", "fix"),
    [
        ("minute", "2026-11-19T18:00:30Z", "2026-11-19T17:58:59Z", "by=hour"),
        ("hour", "2026-10-20T18:00:30Z", "2026-10-20T16:59:59Z", "by=day"),
        ("day", "2025-11-19T18:00:30Z", "2025-11-18T23:59:59Z", "in parts"),
    ],
)
async def test_a_period_that_is_too_long_is_refused_and_never_cut(
    api: Api, by: str, longest: str, too_long: str, fix: str
) -> None:
    asked = f"{BTC}/results?by={by}&until=2026-11-20T18:00:30Z&since="
    body = (await api.get(asked + longest)).body
    assert body["since"][:10] == longest[:10]
    answer = await api.get(asked + too_long)
    assert (answer.status, answer.fields) == (422, {"since"})
    assert fix in answer.body["detail"]


async def test_a_period_before_anything_can_be_on_record_is_empty(api: Api) -> None:
    body = (await api.get(f"{BTC}/results?by=day&until=0001-01-01T00:00:00Z")).body
    assert (body["since"][:10], body["until"][:10]) == ("1999-12-01", "2000-01-01")


@pytest.mark.parametrize("query", ["by=week", "since=now"])
async def test_a_period_that_cannot_be_shown_names_the_parameter(api: Api, query: str) -> None:
    answer = await api.get(f"{BTC}/results?{query}")
    assert (answer.status, answer.fields) == (422, {query.partition("=")[0]})


async def test_a_fill_shows_what_it_captured_and_each_of_its_markouts(api: Api, desk: FakeDesk) -> None:
    stored = (StoredMid(100, Decimal("100.20"), None), StoredMid(1_000, None, "STALE"))
    row = replace(fill_row(1), mid=Decimal("100.15"), level=2, markouts=stored)
    desk.fill_rows["BTC-USDT"] = [row]
    (fill,) = (await api.get(f"{BTC}/fills")).body["items"]
    assert (fill["level"], fill["mid"], fill["spread_usdt"]) == (2, "100.15", "0.025")
    first = fill["markouts"][0]
    assert (first["horizon_ms"], first["mid"], first["usdt"], first["bps"]) == (
        100,
        "100.20",
        "0.050",
        "9.9900",
    )
    assert [one["missing"] for one in fill["markouts"]] == [None, "STALE", "NOT_MEASURED", "NOT_MEASURED"]


async def test_the_markouts_of_a_new_fill_are_due(api: Api, desk: FakeDesk) -> None:
    desk.fill_rows["BTC-USDT"] = [replace(fill_row(1), executed_at=START + timedelta(days=36_500))]
    (fill,) = (await api.get(f"{BTC}/fills")).body["items"]
    assert {one["missing"] for one in fill["markouts"]} == {"DUE"}
    assert (fill["mid"], fill["spread_usdt"]) == (None, "0")


async def test_a_period_that_ends_before_it_begins_is_refused(api: Api) -> None:
    answer = await api.get(f"{BTC}/results?since=2026-11-21T00:00:00Z&until=2026-11-20T00:00:00Z")
    assert (answer.status, answer.fields) == (422, {"since", "until"})
