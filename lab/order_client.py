"""An Order Service client for tests, and what the exchange says to it."""

from ssl import SSLContext

from lab.order_server import OpenGate, checked_order
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient, RequestReport
from market_maker.core.events import CancelAllAnswer, CancelAnswer, PlaceAnswer
from market_maker.telemetry.loop_lag import LoopLagMonitor

ACCEPTED = {
    "order_id": "x-1",
    "client_order_id": "c-1",
    "status": "open",
    "created_at": "2026-11-20T00:00:00Z",
}
REFUSED = {"code": "OFF_TICK", "message": "price: not on a tick"}
RESTING = {
    "order_id": "x-1",
    "client_order_id": "c-1",
    "symbol": "BTC-USDT",
    "side": "buy",
    "price": "60000.01",
    "quantity": "0.00015",
    "filled_quantity": "0",
    "status": "open",
}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def make_client(
    url: str, reports: list[RequestReport], token: str | None = None, tls: SSLContext | None = None
) -> OrderServiceClient:
    return OrderServiceClient(
        url,
        Account("account-1", "user-1"),
        LoopLagMonitor(),
        response_timeout_ns=5_000_000_000,
        on_report=reports.append,
        token=token,
        tls=tls,
    )


def never(late: PlaceAnswer | CancelAnswer | CancelAllAnswer) -> None:
    raise AssertionError(f"an answer in time was followed by {late}")


async def place(client: OrderServiceClient) -> PlaceAnswer:
    return await client.place(checked_order("c-1"), TRACE, OpenGate(), never)
