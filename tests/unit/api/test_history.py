from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import START, event_row, fill_row, order_row

BTC = "/v1/mm-configs/BTC-USDT"


@pytest.fixture
def desk(desk: FakeDesk) -> FakeDesk:
    newest_first = range(25, 0, -1)
    desk.fill_rows["BTC-USDT"] = [fill_row(number) for number in newest_first]
    desk.order_rows["BTC-USDT"] = [order_row(number) for number in newest_first]
    desk.event_rows["BTC-USDT"] = [event_row(number) for number in newest_first]
    return desk


@pytest.mark.parametrize(
    ("kind", "key"), [("fills", "trade_id"), ("orders", "client_order_id"), ("events", "event_id")]
)
async def test_pages_lead_through_all_rows_once(api: Api, kind: str, key: str) -> None:
    seen: list[str] = []
    cursor, sizes = "", []
    while True:
        page = (await api.get(f"{BTC}/{kind}?limit=10{cursor}")).body
        seen += [item[key] for item in page["items"]]
        sizes.append(len(page["items"]))
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sizes == [10, 10, 5]
    assert len(set(seen)) == 25


@pytest.mark.parametrize("kind", ["fills", "orders", "events"])
async def test_a_page_that_ends_with_the_last_row_has_no_successor(api: Api, kind: str) -> None:
    page = (await api.get(f"{BTC}/{kind}?limit=25")).body
    assert (len(page["items"]), page["next_cursor"]) == (25, None)


@pytest.mark.parametrize("kind", ["fills", "orders", "events"])
async def test_a_symbol_without_history_has_an_empty_page(api: Api, kind: str) -> None:
    answer = await api.get(f"/v1/mm-configs/ETH-USDT/{kind}")
    assert answer.body == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("kind", ["fills", "orders", "events"])
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "cursor=!", "cursor=", "offset=3", "limit=1&limit=2"]
)
async def test_a_wrong_parameter_is_named(api: Api, kind: str, query: str) -> None:
    answer = await api.get(f"{BTC}/{kind}?{query}")
    assert (answer.status, answer.fields) == (422, {query.partition("=")[0]})
    assert answer.body["errors"][0]["location"] == "query"


@pytest.mark.parametrize("kind", ["fills", "orders", "events"])
async def test_the_history_of_a_deleted_symbol_stays_readable(api: Api, kind: str) -> None:
    assert (await api.delete(BTC)).status == 204
    assert len((await api.get(f"{BTC}/{kind}")).body["items"]) == 25
    assert (await api.get("/v1/mm-configs/XRP-USDT/fills")).code == "UNKNOWN_SYMBOL"


async def test_a_cursor_of_another_route_does_not_fail(api: Api) -> None:
    for cursor in ("ff00ff", "00", "c3"):
        assert (await api.get(f"{BTC}/orders?cursor={cursor}")).status == 200


@pytest.mark.parametrize("kind", ["fills", "orders", "events"])
async def test_a_period_has_its_first_moment_and_not_its_last(api: Api, desk: FakeDesk, kind: str) -> None:
    rows: dict[str, list[Any]] = getattr(desk, f"{kind.removesuffix('s')}_rows")
    name = "executed_at" if kind == "fills" else "created_at"
    shown = "occurred_at" if kind == "events" else name
    rows["BTC-USDT"] = [
        replace(row, **{name: START + timedelta(hours=25 - index)})
        for index, row in enumerate(rows["BTC-USDT"])
    ]
    page = await api.get(f"{BTC}/{kind}?since=2026-01-02T05:04:05Z&until=2026-01-02T10:04:05%2B02:00")
    assert [item[shown] for item in page.body["items"]] == [
        f"2026-01-02T0{hour}:04:05.000000Z" for hour in (7, 6, 5)
    ]


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-01-02", "2026-01-02T05:04:05", "1", "2026-13-01T00:00:00Z", ""]
)
async def test_a_time_without_zone_or_sense_is_refused_with_an_example(api: Api, time: str) -> None:
    answer = await api.get(f"{BTC}/fills?since={time}")
    assert (answer.status, answer.fields) == (422, {"since"})
    assert "2026-01-31T09:00:00Z" in answer.body["detail"]


async def test_a_fill_shows_its_value_and_when(api: Api) -> None:
    fill = (await api.get(f"{BTC}/fills?limit=1")).body["items"][0]
    assert (fill["price"], fill["quantity"], fill["notional_usdt"]) == ("100.10", "0.5", "50.050")
    assert (fill["side"], fill["fee"], fill["client_order_id"]) == ("BUY", "-0.001", None)
    assert datetime.fromisoformat(fill["executed_at"]).utcoffset() is not None


async def test_an_event_shows_its_data_and_that_it_waits(api: Api) -> None:
    event = (await api.get(f"{BTC}/events?limit=1")).body["items"][0]
    assert event["data"] == {"symbol": "BTC-USDT", "from": "PAUSED", "to": "ACTIVE"}
    assert event["sent_at"] is None


async def test_history_says_when_the_database_is_down(api: Api, desk: FakeDesk) -> None:
    desk.database_up = False
    for kind in ("fills", "orders", "events"):
        assert (await api.get(f"{BTC}/{kind}")).code == "DATABASE_UNAVAILABLE"
