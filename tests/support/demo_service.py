"""What the demo asks the service and the sandbox, answered from memory on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]


def summary_of(symbol: str, state: str) -> Json:
    """A symbol at a glance, as the service answers it."""
    return {
        "symbol": symbol,
        "state": {"value": state},
        "kill": None,
        "book": {"valid": True, "sequence": 1, "best_bid": "100.00", "best_ask": "100.10"},
        "reference": {"mid": "100.05", "source": "book", "sequence": 1, "uncertain": False},
        "mid": "100.05",
        "position": "0",
        "inventory_usdt": "0",
        "pnl": {"realized": "0", "unrealized": "0", "total": "0"},
        "volume_usdt": "0",
        "fill_count": 3,
        "open_orders": 0,
        "spread_bps": "10.0",
        "proven_zero_since": "2026-01-02T03:04:05Z",
        "enable_problems": [],
    }


@dataclass
class DemoService:
    """Service and sandbox in one; set its fields to bring about what a test needs."""

    url: str = ""
    states: dict[str, str] = field(default_factory=dict)
    report: dict[str, Json] = field(default_factory=dict)
    counters: Json = field(default_factory=dict)
    looks: int = 0
    """How often the overview was asked for."""
    others: tuple[str, str] = ("99.95", "100.15")
    """Best bid and ask of everybody else, at every sequence."""
    killed: Json | None = None
    """What the kill switch of every symbol says; None: not latched."""
    busy: dict[int, int] = field(default_factory=dict)
    """HTTP status by number of the look that it answers."""
    deleted_at: dict[int, str] = field(default_factory=dict)
    """Symbol that disappears, by number of the look."""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["v1", "mm", "status"]:
                return self._overview()
            case "GET", ["sandbox", "report"]:
                return web.json_response({"symbols": self.report})
            case "GET", ["sandbox", "book", _]:
                others = {"others_bid": self.others[0], "others_ask": self.others[1]}
                top = {"best_bid": "100.00", "best_ask": "100.10", **others}
                tops = dict.fromkeys(request.query.getall("sequence"), top)
                return web.json_response({"tick_size": "0.01", "tops": tops})
            case "GET", ["health"]:
                return web.json_response({"symbols": list(self.report)})
            case "GET", ["v1", "mm-configs", symbol, "status"]:
                return self._status(symbol)
            case "POST", ["v1", "mm-configs"]:
                self.states[(await request.json())["symbol"]] = "PAUSED"
            case "POST", ["v1", "mm-configs", symbol, verb]:
                self.states[symbol] = "ACTIVE" if verb == "enable" else "PAUSED"
        return web.json_response({})

    def _overview(self) -> web.Response:
        self.looks += 1
        if (gone := self.deleted_at.get(self.looks)) is not None:
            del self.states[gone]
        if (status := self.busy.get(self.looks)) is not None:
            return web.json_response({"code": "BUSY"}, status=status)
        symbols = [summary_of(symbol, state) for symbol, state in self.states.items()]
        return web.json_response({"symbols": symbols, "outbox_pending": 0, "latency_us": {}})

    def _status(self, symbol: str) -> web.Response:
        if symbol not in self.states:
            return web.json_response({"code": "UNKNOWN_SYMBOL"}, status=404)
        details = {
            "counters": self.counters,
            "config": {"order_size_usdt": "100", "max_position_usdt": "10000"},
            "instrument": {"lot_size": "0.001", "min_notional": "5"},
        }
        return web.json_response(summary_of(symbol, self.states[symbol]) | details | {"kill": self.killed})


@asynccontextmanager
async def demo_service(*symbols: str) -> AsyncIterator[DemoService]:
    """A service that quotes these symbols on an exchange that agrees with it."""
    at_exchange = {
        "open_orders": 0,
        "executions": 3,
        "capture_error": None,
        "finished": False,
        "feed_checks": 1,
        "feed_mismatches": 0,
    }
    names = ("quotes_computed", "orders_placed", "orders_rejected", "orders_cancelled")
    more = ("two_sided_ms", "mid_uncertain_ms", "active_ms", "book_deltas", "book_gaps")
    service = DemoService(
        report={symbol: dict(at_exchange) for symbol in symbols}, counters=dict.fromkeys(names + more, 0)
    )
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", service.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
