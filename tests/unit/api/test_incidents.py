"""Kill switches that fired, by the API."""

from dataclasses import replace
from datetime import timedelta

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import START, event_row
from market_maker.repositories.journal_batch import RISK_TOPIC
from market_maker.repositories.outbox import OutboxEvent

KILL = {
    "reason": "MAX_LOSS",
    "measured": "-501.5",
    "threshold": "500",
    "position": "-0.25",
    "pnl": "-501.5",
    "open_orders": 4,
    "action": "HALT",
}


def incident(row_id: int, symbol: str) -> OutboxEvent:
    at = START + timedelta(hours=row_id)
    return replace(event_row(row_id), symbol=symbol, topic=RISK_TOPIC, payload=KILL, created_at=at)


async def test_incidents_of_all_symbols_are_listed_newest_first_and_nothing_else(
    api: Api, desk: FakeDesk
) -> None:
    desk.event_rows["BTC-USDT"] = [event_row(4), incident(3, "BTC-USDT"), incident(1, "BTC-USDT")]
    desk.event_rows["ETH-USDT"] = [incident(2, "ETH-USDT")]
    page = (await api.get("/v1/mm/incidents?limit=2")).body
    assert [one["symbol"] for one in page["items"]] == ["BTC-USDT", "ETH-USDT"]
    assert page["items"][0]["occurred_at"] == f"{START + timedelta(hours=3):%Y-%m-%dT%H:%M:%S.000000Z}"
    shown = {name: page["items"][0][name] for name in ("reason", "measured", "threshold", "pnl_usdt")}
    assert shown == {
        "reason": "MAX_LOSS",
        "measured": "-501.5",
        "threshold": "500",
        "pnl_usdt": "-501.5",
    }
    assert (page["items"][0]["position"], page["items"][0]["open_orders"]) == ("-0.25", 4)
    rest = (await api.get(f"/v1/mm/incidents?limit=2&cursor={page['next_cursor']}")).body
    assert ([one["symbol"] for one in rest["items"]], rest["next_cursor"]) == (["BTC-USDT"], None)


async def test_incidents_of_one_symbol_or_of_a_period_are_asked_for(api: Api, desk: FakeDesk) -> None:
    desk.event_rows["BTC-USDT"] = [incident(3, "BTC-USDT")]
    desk.event_rows["ETH-USDT"] = [incident(2, "ETH-USDT")]
    items = (await api.get("/v1/mm/incidents?symbol=ETH-USDT")).body["items"]
    assert [one["symbol"] for one in items] == ["ETH-USDT"]
    since = f"{START + timedelta(hours=2, minutes=30):%Y-%m-%dT%H:%M:%SZ}"
    items = (await api.get(f"/v1/mm/incidents?since={since}")).body["items"]
    assert [one["symbol"] for one in items] == ["BTC-USDT"]


async def test_without_the_database_incidents_are_not_known(api: Api, desk: FakeDesk) -> None:
    desk.database_up = False
    assert (await api.get("/v1/mm/incidents")).code == "DATABASE_UNAVAILABLE"
