"""Reading the audit trail, and what Metadata offers."""

import csv
import io
import json

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from market_maker.api import export
from market_maker.clients.metadata import MetadataInvalidError

BTC = "/v1/mm-configs/BTC-USDT"


async def test_the_audit_trail_tells_who_did_what_newest_first(api: Api) -> None:
    await api.put(BTC, {"num_levels": 2, "reason": "deeper"})
    await api.post("/v1/mm-configs/ETH-USDT/enable", {"reason": "morning"})
    newest, oldest = (await api.get("/v1/mm/audit")).body["items"]
    assert (newest["route"], newest["symbol"]) == ("POST /v1/mm-configs/{symbol}/enable", "ETH-USDT")
    assert (oldest["actor"], oldest["symbol"], oldest["why"]) == ("anonymous", "BTC-USDT", "deeper")
    assert (oldest["before"]["num_levels"], oldest["after"]["num_levels"]) == (1, 2)


async def test_the_audit_trail_is_filtered(api: Api) -> None:
    await api.put(BTC, {"num_levels": 2, "reason": "deeper"})
    await api.post("/v1/mm/reset", {"reason": "x"})
    for query, found in (
        ("symbol=BTC-USDT", 2),
        ("symbol=SOL-USDT", 0),
        ("route=POST%20/v1/mm/reset", 2),
        ("route=POST%20/v1/mm/reset&symbol=BTC-USDT", 1),
        ("actor=anonymous", 3),
        ("actor=mallory", 0),
        ("changed=num_levels", 1),
        ("changed=base_spread_bps", 0),
        ("text=DEEPER", 1),
        ("text=nowhere", 0),
        ("since=2020-01-01T00:00:00Z", 3),
        ("until=2020-01-01T00:00:00Z", 0),
    ):
        assert len((await api.get(f"/v1/mm/audit?{query}")).body["items"]) == found, query


async def test_pages_lead_through_the_whole_trail_once(api: Api) -> None:
    for levels in range(1, 6):
        await api.put(BTC, {"num_levels": levels})
    first = (await api.get("/v1/mm/audit?limit=3")).body
    second = (await api.get(f"/v1/mm/audit?limit=3&cursor={first['next_cursor']}")).body
    seen = [item["after"]["num_levels"] for item in (*first["items"], *second["items"])]
    assert (seen, second["next_cursor"]) == ([5, 4, 3, 2, 1], None)


async def test_an_audit_trail_that_cannot_be_read_says_so(api: Api, desk: FakeDesk) -> None:
    desk.database_up = False
    assert (await api.get("/v1/mm/audit")).code == "DATABASE_UNAVAILABLE"


async def test_the_audit_trail_is_exported_whole_page_after_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_A_PAGE", 2)
    for levels in range(2, 7):
        await api.put(BTC, {"num_levels": levels, "reason": f"step {levels}"})
    lines = await api.get("/v1/mm/audit/export?format=jsonl&symbol=BTC-USDT")
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["why"] for line in lines.text.splitlines()] == [
        f"step {levels}" for levels in (6, 5, 4, 3, 2)
    ]
    rows = list(csv.DictReader(io.StringIO((await api.get("/v1/mm/audit/export")).text)))
    assert [row["why"] for row in rows] == [f"step {levels}" for levels in (6, 5, 4, 3, 2)]
    assert json.loads(rows[0]["before"])["num_levels"] == 5


async def test_no_cell_of_the_exported_table_is_a_formula(api: Api) -> None:
    await api.put(BTC, {"num_levels": 2, "reason": '=HYPERLINK("http://x")'})
    [row] = csv.DictReader(io.StringIO((await api.get("/v1/mm/audit/export")).text))
    assert row["why"].startswith("'=")


async def test_an_export_that_cannot_begin_is_a_problem_not_an_empty_file(api: Api, desk: FakeDesk) -> None:
    desk.database_up = False
    assert (await api.get("/v1/mm/audit/export")).code == "DATABASE_UNAVAILABLE"


async def test_what_metadata_offers_is_listed_with_what_is_configured(api: Api) -> None:
    listed = (await api.get("/v1/mm/instruments")).body["items"]
    assert [(one["symbol"], one["configured"]) for one in listed] == [
        ("BTC-USDT", True),
        ("ETH-USDT", True),
        ("SOL-USDT", False),
    ]
    assert (listed[2]["tick_size"], listed[2]["base_currency"], listed[2]["status"]) == (
        "0.01",
        "SOL",
        "TRADING",
    )


async def test_an_instrument_that_cannot_be_used_is_named_beside_those_that_can(
    api: Api, desk: FakeDesk
) -> None:
    desk.unusable = [MetadataInvalidError("ETH-USDT", "tick_size", "0", "it must be a positive decimal")]
    body = (await api.get("/v1/mm/instruments")).body
    assert len(body["items"]) == 3
    assert body["unusable"] == [
        {
            "symbol": "ETH-USDT",
            "configured": True,
            "reason": "instrument 'ETH-USDT': tick_size is '0'; it must be a positive decimal",
        }
    ]


async def test_metadata_that_does_not_answer_offers_nothing(api: Api, desk: FakeDesk) -> None:
    desk.metadata_up = False
    assert (await api.get("/v1/mm/instruments")).code == "METADATA_UNAVAILABLE"
