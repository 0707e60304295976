from dataclasses import replace
from decimal import Decimal

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import NOW_NS, order_view
from market_maker.core.commands import Problem
from market_maker.core.results import Parts
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.core.view import KillView, PnlView

BTC = "/v1/mm-configs/BTC-USDT"
LONG = PnlView(
    position=Decimal("2"),
    average_entry=Decimal("99"),
    inventory_usdt=Decimal("200.10"),
    realized=Decimal("-5.5"),
    unrealized=Decimal("2.1"),
    baseline=Decimal("-1"),
    fees=Decimal("0.3"),
    fill_count=7,
    volume=Decimal("1400"),
    price=Decimal("100.05"),
    price_source="mark",
    price_data_ns=NOW_NS - 1_250_000_000,
    rebase_pending=True,
    parts=Parts(Decimal(7), Decimal("-9.1"), Decimal("0.3")),
)
SHORT = replace(LONG, position=Decimal(-1), inventory_usdt=Decimal("-100.05"), unrealized=None)


async def test_a_symbol_shows_position_and_pnl_with_the_price_behind_it_and_its_age(
    api: Api, desk: FakeDesk
) -> None:
    desk.change("BTC-USDT", pnl=LONG)
    body = (await api.get(f"{BTC}/status")).body
    assert body["position"] == "2"
    assert body["average_entry"] == "99"
    assert body["inventory_usdt"] == "200.10"
    assert body["pnl"] == {
        "realized": "-5.5",
        "unrealized": "2.1",
        "total": "-2.4",
        "baseline": "-1",
        "fees": "0.3",
        "price": "100.05",
        "price_source": "mark",
        "price_age_ms": 1250,
        "rebase_pending": True,
        "parts": {
            "spread_usdt": "7",
            "inventory_usdt": "-9.1",
            "fees_usdt": "0.3",
            "total_usdt": "-2.4",
        },
    }
    assert (body["fill_count"], body["volume_usdt"]) == (7, "1400")


async def test_a_symbol_shows_its_book_and_how_old_it_is(api: Api) -> None:
    body = (await api.get(f"{BTC}/status")).body
    assert body["book"] == {
        "valid": True,
        "reason": "",
        "sequence": 42,
        "best_bid": "100.00",
        "best_ask": "100.10",
        "age_ms": 250,
    }
    assert body["at"] == "2026-01-02T03:05:05.000000Z"


async def test_a_symbol_shows_its_orders_and_the_spread_between_the_innermost(
    api: Api, desk: FakeDesk
) -> None:
    orders = (
        order_view(Side.BUY, "99.90", 1),
        order_view(Side.BUY, "100.00"),
        order_view(Side.SELL, "100.10"),
    )
    desk.change("BTC-USDT", orders=orders, open_orders=3)
    body = (await api.get(f"{BTC}/status")).body
    assert [order["price"] for order in body["orders"]] == ["99.90", "100.00", "100.10"]
    assert body["orders"][1] == {
        "client_order_id": orders[1].client_order_id,
        "order_id": "x0",
        "side": "BUY",
        "level": 0,
        "price": "100.00",
        "quantity": "1.0",
        "filled_quantity": "0.25",
        "status": "open",
        "sent_at": "2026-01-02T03:05:04.000000Z",
    }
    assert body["spread_bps"] == "9.9950"


async def test_no_spread_is_shown_for_one_side(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", orders=(order_view(Side.BUY, "100.00"),))
    assert (await api.get(f"{BTC}/status")).body["spread_bps"] is None


async def test_a_symbol_shows_why_it_cannot_be_enabled(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", enable_problems=(Problem("STALE_BOOK", "too old"),))
    body = (await api.get(f"{BTC}/status")).body
    assert body["enable_problems"] == [{"code": "STALE_BOOK", "detail": "too old"}]


async def test_the_exchange_proof_is_shown_and_taken_back(api: Api, desk: FakeDesk) -> None:
    body = (await api.get(f"{BTC}/status")).body
    assert (body["open_orders_at_exchange"], body["proven_zero_since"]) == (0, body["at"])
    desk.change("BTC-USDT", open_orders_at_exchange=None, proven_zero_at_ns=None)
    body = (await api.get(f"{BTC}/status")).body
    assert (body["open_orders_at_exchange"], body["proven_zero_since"]) == (None, None)


async def test_a_symbol_without_metadata_is_shown(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", instrument=None)
    assert (await api.get(f"{BTC}/status")).body["instrument"] is None


async def test_the_system_status_adds_everything_up(api: Api, desk: FakeDesk) -> None:
    kill = KillView(KillReason.LOSS_BREACH, "-501", "-500", NOW_NS)
    desk.change("BTC-USDT", pnl=LONG, state=State.ACTIVE, open_orders=2)
    desk.change("ETH-USDT", pnl=SHORT, state=State.HALTED, kill=kill, open_orders=1, unknown_orders=1)
    body = (await api.get("/v1/mm/status")).body
    assert body["totals"] == {
        "symbols": 2,
        "active": 1,
        "paused": 0,
        "halted": 1,
        "open_orders": 3,
        "unknown_orders": 1,
        "fills": 14,
        "gross_inventory_usdt": "300.15",
        "net_inventory_usdt": "100.05",
        "realized_pnl_usdt": "-11.0",
        "unrealized_pnl_usdt": "2.1",
        "total_pnl_usdt": "-6.9",
        "volume_usdt": "2800",
        "house_limits": [],
    }
    assert body["kill_switch"] == {"latched": True, "symbols": ["ETH-USDT"]}
    assert body["shadow_mode"] is False
    assert body["latency_us"] == {"quote_p50": 12.5, "quote_p99": None}
    assert body["outbox_pending"] == 3
    assert [symbol["symbol"] for symbol in body["symbols"]] == ["BTC-USDT", "ETH-USDT"]
