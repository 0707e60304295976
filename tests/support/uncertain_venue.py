"""One symbol that quotes by the service's own client at an exchange that may answer wrongly."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from lab.exchange_process import Exchange
from lab.order_server import OrderServer, Seen
from lab.trading_side import InstantStore, TradingSide, trading_side, until
from market_maker.core.commands import OrderStatus, RecordOrder
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.symbol import Symbol
from market_maker.core.events import OrderEvent, OrderEventKind
from market_maker.core.states import Cause, KillReason, State
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import WriteResult

SYMBOL = "BTC-USDT"
CONFIG = SymbolConfig(SYMBOL, enabled=True, volatility_multiplier=False)
PATIENT = EngineLimits(
    response_timeout_ns=30_000_000_000,
    max_orders_per_second=1_000,
    market_data_staleness_ns=10**15,
    kafka_lag_threshold_ns=10**15,
)
"""Where nothing is to be late and no order too soon after others: a busy machine must not make it so."""
Process = Callable[[], web.Response]
Fault = Callable[[web.Request, Process], web.Response]


class Records(InstantStore):
    """A journal's store that keeps what became of each order."""

    def __init__(self) -> None:
        self.statuses: dict[str, list[OrderStatus]] = {}

    async def write(self, entries: Sequence[JournalEntry], /) -> WriteResult:
        for record in (record for entry in entries for record in entry.records):
            if isinstance(record, RecordOrder):
                self.statuses.setdefault(record.client_order_id, []).append(record.status)
        return await super().write(entries)


def _nobody_hears(_cancelled: list[tuple[str, str]]) -> None:
    """What the exchange cancels before a desk begins, or after it has ended."""


class Venue:
    """An honest exchange behind a server that may answer the next order wrongly."""

    def __init__(self, server: OrderServer) -> None:
        self.server = server
        self.exchange = Exchange()
        self.fault: Fault | None = None
        self.faulty = ""
        """The client order id that met the fault."""
        self.hear: Callable[[list[tuple[str, str]]], object] = _nobody_hears
        server.respond = self._respond

    async def _respond(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        def process() -> web.Response:
            status, body = self.exchange.answer(seen.method, request.raw_path, seen.body, time.monotonic_ns())
            cancelled, self.exchange.cancelled = self.exchange.cancelled, []
            if cancelled:
                self.hear(cancelled)
            return web.Response(status=int(status[:3]), body=json.dumps(body).encode())

        fault, self.fault = (self.fault, None) if seen.method == "POST" else (None, self.fault)
        if fault is None:
            return process()
        self.faulty = seen.json["client_order_id"]
        return fault(request, process)

    @property
    def resting(self) -> int:
        """How many orders rest at the exchange."""
        return len(self.exchange.open.get(SYMBOL, {}))


class Desk:
    """One symbol that quotes at the venue, and what its journal holds."""

    def __init__(self, side: TradingSide, venue: Venue, records: Records) -> None:
        self.side = side
        self.venue = venue
        self.records = records

    @property
    def symbol(self) -> Symbol:
        return self.side.worker(SYMBOL).engine.symbol

    @property
    def reason(self) -> KillReason | None:
        return self.symbol.kill.reason if self.symbol.kill is not None else None

    async def rests(self) -> None:
        """Both orders are in the market, and the engine knows it."""
        await until(
            lambda: (
                [order.status for order in self.symbol.orders] == 2 * [OrderStatus.OPEN]
                and self.venue.resting == 2
            )
        )

    async def halted(self, *reasons: KillReason) -> None:
        await until(lambda: self.symbol.state is State.HALTED)
        assert self.reason in reasons

    async def gone(self) -> None:
        """Everything is out of the market, by the exchange's word, and a reset leads back."""
        await until(lambda: self.side.worker(SYMBOL).engine.is_clear)
        assert self.venue.resting == 0
        assert (await self.side.ask(SYMBOL, Cause.RESET)).problems == ()
        await self.side.journal.drain()

    def hear(self, cancelled: list[tuple[str, str]]) -> None:
        """The matching engine's stream."""
        for symbol, name in cancelled:
            now_ns = time.monotonic_ns()
            self.side.tell(symbol, OrderEvent(now_ns, OrderEventKind.CANCELED, f"x{name}", name, "", 0))


@asynccontextmanager
async def quoting(
    venue: Venue, limits: EngineLimits = PATIENT, config: SymbolConfig = CONFIG
) -> AsyncIterator[Desk]:
    """A symbol that has just been enabled: its first two orders are on their way."""
    records, loop = Records(), asyncio.get_running_loop()
    async with trading_side(venue.server.url, config, limits, store=records) as side:
        desk = Desk(side, venue, records)
        venue.hear = lambda cancelled: loop.call_soon_threadsafe(desk.hear, cancelled)
        side.start(SYMBOL)
        await side.activate(SYMBOL)
        try:
            yield desk
        finally:
            venue.hear = _nobody_hears
            venue.server.release()
