"""The Order Service: TradeX's HTTP routes for orders, over the venue.

Answers: 201 entered, 200 the same idempotency key again with the first answer, 400 unreadable
request, 401 wrong token, 404 no such order or not open any more, 409 an id used twice, 422 an order
that this market does not take. Every refusal is `{code, message}`.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tradex_sandbox.faults import FaultTable, Operation
from tradex_sandbox.http_faults import answer_error, misbehave
from tradex_sandbox.order_requests import (
    STATUS_OF_REFUSAL,
    InvalidRequest,
    cancelled_answer,
    created_answer,
    described,
    parse_new_order,
)
from tradex_sandbox.orders import Order, OrderFinal, OrderNotFound, OrderRefused
from tradex_sandbox.venue import Venue

LIMIT_DEFAULT = 100
LIMIT_MAX = 500


class OrderService:
    """Routes under `/v1/orders`. `token`: the bearer token to ask for, None for none."""

    def __init__(self, venue: Venue, faults: FaultTable, token: str | None) -> None:
        self._venue = venue
        self._faults = faults
        self._authorization = None if token is None else f"Bearer {token}"

    def routes(self) -> list[web.RouteDef]:
        """The service's paths."""
        return [
            web.post("/v1/orders", self._place),
            web.get("/v1/orders", self._list, allow_head=False),
            web.delete("/v1/orders", self._cancel_all),
            web.delete("/v1/orders/{order_id}", self._cancel),
            web.get("/v1/orders/by-client-order-id/{client_order_id}", self._query, allow_head=False),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        try:
            new = parse_new_order(await request.read())
        except InvalidRequest as error:
            return answer_error(400, "INVALID_REQUEST", str(error))

        def process() -> web.Response:
            try:
                submitted = self._venue.submit(new, request.headers.get("traceparent"))
            except OrderRefused as refusal:
                status = STATUS_OF_REFUSAL.get(refusal.code, 422)
                return answer_error(status, refusal.code.value, refusal.message)
            body = created_answer(submitted.order, self._venue.clock.wall_us)
            return _json(body, 200 if submitted.duplicate else 201)

        return await self._answered(request, Operation.PLACE, new.symbol, process)

    async def _cancel(self, request: web.Request) -> web.Response:
        order_id = request.match_info["order_id"]

        def process() -> web.Response:
            try:
                order = self._venue.cancel(order_id, request.headers.get("traceparent"))
            except OrderNotFound:
                return answer_error(404, "ORDER_NOT_FOUND", f"no order has the id {order_id}")
            except OrderFinal as final:
                return answer_error(404, "ORDER_NOT_OPEN", str(final))
            return _json(cancelled_answer(order, self._venue.clock.wall_us))

        symbol = self._symbol_of(self._venue.exchange.order, order_id)
        return await self._answered(request, Operation.CANCEL, symbol, process)

    async def _cancel_all(self, request: web.Request) -> web.Response:
        account_id, symbol = request.query.get("account_id"), request.query.get("symbol")
        if not account_id:
            return answer_error(400, "INVALID_REQUEST", "account_id: this query parameter is required")

        def process() -> web.Response:
            cancelled = self._venue.cancel_all(account_id, symbol, request.headers.get("traceparent"))
            return _json({"cancelled": cancelled})

        return await self._answered(request, Operation.CANCEL_ALL, symbol, process)

    async def _query(self, request: web.Request) -> web.Response:
        client_order_id = request.match_info["client_order_id"]

        def process() -> web.Response:
            try:
                order = self._venue.exchange.order_by_client_id(client_order_id)
            except OrderNotFound:
                return answer_error(404, "ORDER_NOT_FOUND", f"no order has the client id {client_order_id}")
            return _json(described(order, self._venue.clock.wall_us))

        symbol = self._symbol_of(self._venue.exchange.order_by_client_id, client_order_id)
        return await self._answered(request, Operation.QUERY, symbol, process)

    async def _list(self, request: web.Request) -> web.Response:
        try:
            page = _Page(request)
        except InvalidRequest as error:
            return answer_error(400, "INVALID_REQUEST", str(error))

        def process() -> web.Response:
            orders = sorted(self._venue.exchange.open_orders(page.account_id, page.symbol), key=_position)
            rest = [order for order in orders if page.after is None or _position(order) > page.after]
            shown = rest[: page.limit]
            more = len(rest) > page.limit
            return _json(
                {
                    "orders": [described(order, self._venue.clock.wall_us) for order in shown],
                    "next_cursor": _cursor(shown[-1]) if more else None,
                }
            )

        return await self._answered(request, Operation.LIST, page.symbol, process)

    async def _answered(
        self,
        request: web.Request,
        operation: Operation,
        symbol: str | None,
        process: Callable[[], web.Response],
    ) -> web.Response:
        if self._authorization is not None and request.headers.get("Authorization") != self._authorization:
            return answer_error(401, "UNAUTHORIZED", "Authorization: a valid bearer token is required")
        began_ns = time.perf_counter_ns()
        faults = self._faults.take(operation, symbol)
        response = await misbehave(request, faults, process) if faults else process()
        if not response.prepared:
            own_ms = (time.perf_counter_ns() - began_ns) / 1e6
            response.headers["Server-Timing"] = f"exchange;dur={own_ms:.3f}"
        return response

    @staticmethod
    def _symbol_of(find: Callable[[str], Order], order_id: str) -> str | None:
        try:
            return find(order_id).new.symbol
        except OrderNotFound:
            return None


class _Page:
    """What a listing asks for. Raises InvalidRequest."""

    def __init__(self, request: web.Request) -> None:
        query = request.query
        if not query.get("account_id"):
            raise InvalidRequest("account_id: this query parameter is required")
        if query.get("status", "open") != "open":
            raise InvalidRequest("status: only 'open' can be listed")
        limit = query.get("limit", str(LIMIT_DEFAULT))
        if not limit.isdecimal() or not 1 <= int(limit) <= LIMIT_MAX:
            raise InvalidRequest(f"limit: must be a whole number from 1 to {LIMIT_MAX}")
        self.account_id = query["account_id"]
        self.symbol = query.get("symbol")
        self.limit = int(limit)
        self.after = _parsed_cursor(query["cursor"]) if query.get("cursor") else None


def _position(order: Order) -> tuple[int, str]:
    return order.created_at_us, order.order_id


def _cursor(order: Order) -> str:
    return f"{order.created_at_us}.{order.order_id}"


def _parsed_cursor(text: str) -> tuple[int, str]:
    created_at, _, order_id = text.partition(".")
    if not created_at.isdecimal() or not order_id:
        raise InvalidRequest("cursor: use the next_cursor of an earlier answer as it is")
    return int(created_at), order_id


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
