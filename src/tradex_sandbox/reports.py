"""What the sandbox knows, for checks: the published book by sequence, and each account's own record."""

from decimal import Decimal
from typing import Any

from aiohttp import web

from tradex_sandbox.control import known_symbol
from tradex_sandbox.control_requests import ControlError, controlled
from tradex_sandbox.market_events import Trade
from tradex_sandbox.messages import plain
from tradex_sandbox.order_requests import timestamp
from tradex_sandbox.publisher import Publisher
from tradex_sandbox.venue import Venue


class Reports:
    """Read-only routes. `publisher` None: nothing is published (tests without a broker)."""

    def __init__(self, venue: Venue, publisher: Publisher | None) -> None:
        self._venue = venue
        self._publisher = publisher

    def routes(self) -> list[web.RouteDef]:
        """The paths."""
        return [
            web.get("/health", controlled(self._health)),
            web.get("/sandbox/book/{symbol}", controlled(self._book)),
            web.get("/sandbox/report", controlled(self._report)),
            web.get("/sandbox/trades", controlled(self._trades)),
        ]

    async def _health(self, _request: web.Request) -> dict[str, Any]:
        publisher = self._publisher
        return {
            "status": "ok",
            "running": not self._venue.exchange.is_paused,
            "symbols": self._venue.exchange.symbols(),
            "kafka": None
            if publisher is None
            else {
                "backlog": publisher.backlog,
                "in_flight": publisher.in_flight,
                "failures": publisher.failures,
            },
        }

    async def _book(self, request: web.Request) -> dict[str, Any]:
        """`?sequence=N`, repeatable; per sequence the best bid and ask as published, null when unknown.

        With `account_id` also those of everybody else, as `others_bid` and `others_ask`.
        """
        symbol = known_symbol(self._venue, request.match_info["symbol"])
        exchange, account_id = self._venue.exchange, request.query.get("account_id")
        tops: dict[str, Any] = {}
        for text in request.query.getall("sequence", []):
            if not text.isdecimal():
                raise ControlError(400, "INVALID_REQUEST", f"sequence: {text!r} is not a whole number")
            top = exchange.published_top(symbol, int(text))
            tops[text] = None if top is None else {"best_bid": _price(top[0]), "best_ask": _price(top[1])}
            if account_id and (others := exchange.others_top(symbol, int(text), account_id)) is not None:
                tops[text] |= {"others_bid": _price(others[0]), "others_ask": _price(others[1])}
        return {
            "symbol": symbol,
            "sequence": exchange.snapshot(symbol).sequence,
            "tick_size": plain(exchange.instrument(symbol).tick_size),
            "tops": tops,
        }

    async def _report(self, request: web.Request) -> dict[str, Any]:
        account_id = _account(request)
        exchange = self._venue.exchange
        return {
            "account_id": account_id,
            "open_orders": len(exchange.open_orders(account_id)),
            "symbols": {symbol: self._symbol_report(account_id, symbol) for symbol in exchange.symbols()},
        }

    def _symbol_report(self, account_id: str, symbol: str) -> dict[str, Any]:
        exchange = self._venue.exchange
        done, checks = exchange.executions(account_id, symbol), exchange.feed_checks(symbol)
        return {
            "open_orders": len(exchange.open_orders(account_id, symbol)),
            "executions": done.count,
            "buys": done.buys,
            "sells": done.sells,
            "position": plain(done.position),
            "volume": plain(done.volume),
            "fees": plain(done.fees),
            "feed_checks": checks.checks,
            "feed_mismatches": checks.mismatches,
            "finished": exchange.finished(symbol),
            "capture_error": exchange.error(symbol),
        }

    async def _trades(self, request: web.Request) -> dict[str, Any]:
        """Every trade of the account in `?symbol=`, in order."""
        symbol = known_symbol(self._venue, request.query.get("symbol", ""))
        account_id = _account(request)
        trades = self._venue.exchange.trades(account_id, symbol)
        return {"trades": [self._trade(account_id, trade) for trade in trades]}

    def _trade(self, account_id: str, trade: Trade) -> dict[str, Any]:
        is_maker = trade.maker_account_id == account_id
        is_buyer = trade.is_buyer_maker == is_maker
        return {
            "trade_id": trade.trade_id,
            "sequence": trade.sequence,
            "side": "buy" if is_buyer else "sell",
            "price": plain(trade.price),
            "quantity": plain(trade.quantity),
            "fee": plain(trade.maker_fee if is_maker else trade.taker_fee),
            "is_maker": is_maker,
            "order_id": trade.maker_order_id if is_maker else trade.taker_order_id,
            "client_order_id": trade.maker_client_order_id if is_maker else trade.taker_client_order_id,
            "executed_at": timestamp(self._venue.clock.wall_us(trade.at_us)),
        }


def _account(request: web.Request) -> str:
    account_id = request.query.get("account_id")
    if not account_id:
        raise ControlError(400, "INVALID_REQUEST", "account_id: this query parameter is required")
    return account_id


def _price(price: Decimal | None) -> str | None:
    return None if price is None else plain(price)
