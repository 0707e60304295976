"""The exchange: many symbols, each one market, behind one interface for the servers.

Pure: no sockets, no clock, no threads. Time comes in as `now_us` (microseconds since 1970 UTC, never
going backwards). Whatever the caller asks for, the symbol's market is first moved to `now_us`, so
that the result does not depend on how often `advance` is called.

**Events**: each method that returns events returns every event since the last one that did, in
order. When a method raises, the events that happened on the way are handed over by the next call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from tradex_sandbox.executions import Executions
from tradex_sandbox.flow import NORMAL, Flow, FlowProfile
from tradex_sandbox.instruments import Instrument, InstrumentStatus
from tradex_sandbox.market import Market
from tradex_sandbox.market_events import (
    BookSnapshot,
    InstrumentCreated,
    InstrumentHalted,
    InstrumentResumed,
    InstrumentUpdated,
    MarketEvent,
    Trade,
)
from tradex_sandbox.order_record import EnteredOrder, OrderRecord
from tradex_sandbox.orders import (
    BookOrder,
    NewOrder,
    Order,
    OrderFinal,
    OrderRefused,
    RefusalCode,
    TimeInForce,
    validate,
)
from tradex_sandbox.published import TopPrices
from tradex_sandbox.queue_position import QueueModel
from tradex_sandbox.recorded_feed import RecordedFeed
from tradex_sandbox.recorded_market import RecordedMarket
from tradex_sandbox.simulated_market import SimulatedMarket
from tradex_sandbox.tape import Fees, Tape

REASON_REQUESTED = "REQUESTED"
REASON_GRID_CHANGED = "INSTRUMENT_UPDATED"

__all__ = ["Exchange", "Executions", "FeedChecks", "Submitted"]


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to an order: as it stood right after it was entered, and whether this is a repetition."""

    order: Order
    events: list[MarketEvent]
    duplicate: bool


@dataclass(frozen=True, slots=True)
class FeedChecks:
    """How often a recorded book was compared with the capture's own best bid and ask."""

    checks: int = 0
    mismatches: int = 0
    off_lot_quantities: int = 0
    """Quantities of the capture that lay between two lots and were rounded down."""


class Exchange:
    """All markets of the sandbox.

    `session` goes into every order and trade id, so that an exchange started anew does not repeat
    ids that a client has already stored. Fees are basis points of the notional; negative is a rebate.
    `queue_model` is how orders stand in the queues of recorded markets.
    """

    def __init__(
        self,
        session: str = "x",
        maker_fee_bps: Decimal = Decimal("-0.5"),
        taker_fee_bps: Decimal = Decimal(4),
        queue_model: QueueModel = QueueModel.PROPORTIONAL,
    ) -> None:
        self._session = session
        self._fees = Fees(maker_fee_bps, taker_fee_bps)
        self._queue_model = queue_model
        self._markets: dict[str, Market] = {}
        self._orders = OrderRecord()
        self._order_count = 0
        self._paused = False

    def add_simulated(
        self, instrument: Instrument, start_price: Decimal, seed: int, profile: FlowProfile = NORMAL
    ) -> None:
        """List a symbol whose market is a seeded flow around `start_price`. ValueError when listed twice."""
        self.add_flow(instrument, Flow(float(start_price), f"{seed}:{instrument.symbol}", profile))

    def add_flow(self, instrument: Instrument, flow: Flow) -> None:
        """List a symbol whose crowd is `flow`. ValueError when listed twice."""
        self._check_unlisted(instrument.symbol)
        tape = Tape(instrument, self._session, self._fees)
        self._markets[instrument.symbol] = SimulatedMarket(tape, flow)

    def add_recorded(
        self, path: Path, symbol: str | None = None, instrument: Instrument | None = None
    ) -> str:
        """List a symbol whose market is a capture; returns the symbol.

        `symbol` None: that of `instrument`, else the first one in the file. `instrument` None: the grid
        is inferred. Reads up to the joined snapshot; CaptureError when that cannot be had. ValueError
        when listed twice.
        """
        feed = RecordedFeed(path, symbol, instrument)
        self._check_unlisted(feed.symbol)
        tape = Tape(feed.grid.instrument, self._session, self._fees)
        self._markets[feed.symbol] = RecordedMarket(feed, tape, self._queue_model)
        return feed.symbol

    def start(self, now_us: int) -> list[MarketEvent]:
        """Set every market's time zero to `now_us`: InstrumentCreated and the first BookSnapshot of each."""
        for market in self._markets.values():
            market.tape.announced(InstrumentCreated(market.tape.instrument, "", now_us))
            market.start(now_us)
            market.tape.announced(market.snapshot())
        return self._drain()

    # --- time ------------------------------------------------------------------------------------

    @property
    def is_paused(self) -> bool:
        """Whether every crowd stands still."""
        return self._paused

    def pause(self, now_us: int) -> None:
        """Let no crowd move until `go_on`; orders are taken. For an exchange that has just started."""
        self._paused = True
        for market in self._markets.values():
            market.advance(now_us)
            market.halt(now_us)

    def go_on(self, now_us: int) -> None:
        """Let every market that is not halted move from where it stands."""
        if not self._paused:
            raise AssertionError("go_on without a pause")
        self._paused = False
        for market in self._markets.values():
            if market.tape.instrument.is_trading:
                market.resume(now_us)

    def advance(self, now_us: int) -> list[MarketEvent]:
        """Let every market do what is due until `now_us`."""
        for market in self._markets.values():
            market.advance(now_us)
        return self._drain()

    def next_event_us(self) -> int | None:
        """When `advance` will next have something to do; None: never (all captures have ended)."""
        due = [at_us for market in self._markets.values() if (at_us := market.next_event_us()) is not None]
        return min(due, default=None)

    # --- orders ----------------------------------------------------------------------------------

    def submit(self, now_us: int, new: NewOrder) -> Submitted:
        """Enter an order.

        The same `idempotency_key` and payload again gives the first answer with `duplicate`; a refusal
        is repeated too. OrderRefused: nothing was entered.
        """
        first = self._orders.repeated(new)
        if first is not None:
            return Submitted(first, self._drain(), duplicate=True)
        try:
            order = self._enter(now_us, new)
        except OrderRefused as refusal:
            self._orders.answered(new, refusal)
            raise
        self._orders.answered(new, order)
        return Submitted(order, self._drain(), duplicate=False)

    def cancel(self, now_us: int, order_id: str) -> tuple[Order, list[MarketEvent]]:
        """Cancel one order. OrderNotFound, or OrderFinal when it is filled or cancelled already."""
        entered = self._orders.find(order_id)
        self._markets[entered.new.symbol].advance(now_us)
        if entered.book_order.status.is_final:
            raise OrderFinal(entered.view())
        self._cancel(now_us, entered, REASON_REQUESTED)
        return entered.view(), self._drain()

    def cancel_all(
        self, now_us: int, account_id: str, symbol: str | None = None
    ) -> tuple[list[Order], list[MarketEvent]]:
        """Cancel every open order of the account (in one symbol, or in all)."""
        for listed, market in self._markets.items():
            if symbol in (None, listed):
                market.advance(now_us)
        cancelled = []
        for entered in self._orders.open_orders(account_id, symbol):
            self._cancel(now_us, entered, REASON_REQUESTED)
            cancelled.append(entered.view())
        return cancelled, self._drain()

    def order(self, order_id: str) -> Order:
        """An order by the exchange's id; OrderNotFound."""
        return self._orders.find(order_id).view()

    def order_by_client_id(self, client_order_id: str) -> Order:
        """An order by its client's id; OrderNotFound (also for an order that was refused)."""
        return self._orders.find_by_client_id(client_order_id).view()

    def open_orders(self, account_id: str, symbol: str | None = None) -> list[Order]:
        """The account's open orders, oldest first."""
        return [entered.view() for entered in self._orders.open_orders(account_id, symbol)]

    # --- markets ---------------------------------------------------------------------------------

    def symbols(self) -> list[str]:
        """Every listed symbol, in the order of listing."""
        return list(self._markets)

    def instrument(self, symbol: str) -> Instrument:
        """The instrument as it stands; KeyError for an unknown symbol, as in every method below."""
        return self._markets[symbol].tape.instrument

    def snapshot(self, symbol: str) -> BookSnapshot:
        """The published book; its sequence is that of the last delta handed over or waiting."""
        return self._markets[symbol].snapshot()

    def halt(self, now_us: int, symbol: str, reason: str) -> list[MarketEvent]:
        """Stop trading and the market's time; resting orders stay and may be cancelled.

        Does nothing when the symbol is halted already.
        """
        market = self._markets[symbol]
        market.advance(now_us)
        if market.tape.instrument.is_trading:
            if not self._paused:
                market.halt(now_us)
            halted = market.tape.instrument.with_status(InstrumentStatus.HALTED)
            market.tape.announced(InstrumentHalted(halted, reason, now_us))
        return self._drain()

    def resume(self, now_us: int, symbol: str, reason: str) -> list[MarketEvent]:
        """Trade again; the market goes on where it stopped. Does nothing when it is trading."""
        market = self._markets[symbol]
        if market.tape.instrument.status is InstrumentStatus.HALTED:
            if not self._paused:
                market.resume(now_us)
            resumed = market.tape.instrument.with_status(InstrumentStatus.TRADING)
            market.tape.announced(InstrumentResumed(resumed, reason, now_us))
        return self._drain()

    def update_instrument(
        self,
        now_us: int,
        symbol: str,
        *,
        tick_size: Decimal | None = None,
        lot_size: Decimal | None = None,
        min_notional: Decimal | None = None,
        reason: str = "",
    ) -> list[MarketEvent]:
        """Change the grid or the minimum notional.

        When the grid changes, orders of accounts are cancelled and the book is told anew by a
        BookSnapshot. InstrumentError when the market cannot be told in the new grid (a recorded
        market's new tick and lot must divide the old ones); nothing has changed then.
        """
        market = self._markets[symbol]
        market.advance(now_us)
        before = market.tape.instrument
        after = replace(
            before,
            tick_size=before.tick_size if tick_size is None else tick_size,
            lot_size=before.lot_size if lot_size is None else lot_size,
            min_notional=before.min_notional if min_notional is None else min_notional,
            version=before.version + 1,
        )
        updated = InstrumentUpdated(after, reason, now_us)
        if (after.tick_size, after.lot_size) == (before.tick_size, before.lot_size):
            market.tape.announced(updated)
            return self._drain()
        market.check_grid(after)
        for entered in self._orders.open_in(symbol):
            self._cancel(now_us, entered, REASON_GRID_CHANGED)
        market.tape.announced(updated)
        market.regrid(after, now_us)
        market.tape.announced(market.snapshot())
        return self._drain()

    def finished(self, symbol: str) -> bool:
        """Whether a recorded market has come to its end (a simulated one never does)."""
        market = self._markets[symbol]
        return isinstance(market, RecordedMarket) and market.finished

    def error(self, symbol: str) -> str | None:
        """Why a recorded market ended before its file did, naming file, line and fix; else None."""
        market = self._markets[symbol]
        if not isinstance(market, RecordedMarket) or market.error is None:
            return None
        return str(market.error)

    # --- records for checks ----------------------------------------------------------------------

    def published_top(self, symbol: str, sequence: int) -> TopPrices | None:
        """Best bid and ask as published at `sequence` (None: empty side); None when not on record.

        The last 200,000 sequences are on record.
        """
        return self._markets[symbol].tape.published.tops.at(sequence)

    def others_top(self, symbol: str, sequence: int, account_id: str) -> TopPrices | None:
        """The same as if the account had no orders: what everybody else bids and asks."""
        return self._markets[symbol].tape.published.others_at(sequence, account_id)

    def executions(self, account_id: str, symbol: str) -> Executions:
        """The sum of the account's trades in the symbol."""
        return self._markets[symbol].tape.executions.of(account_id)

    def trades(self, account_id: str, symbol: str) -> Sequence[Trade]:
        """Every trade of the account in the symbol, in order. Crowd accounts are not on record."""
        return self._markets[symbol].tape.executions.trades(account_id)

    def feed_checks(self, symbol: str) -> FeedChecks:
        """The oracle's count so far; zeros for a simulated market."""
        market = self._markets[symbol]
        if not isinstance(market, RecordedMarket):
            return FeedChecks()
        feed = market.feed
        return FeedChecks(feed.oracle.checks, feed.oracle.mismatches, feed.grid.lots.stray_count)

    # --- inside ----------------------------------------------------------------------------------

    def _enter(self, now_us: int, new: NewOrder) -> Order:
        market = self._markets.get(new.symbol)
        if market is None:
            raise OrderRefused(
                RefusalCode.UNKNOWN_SYMBOL, f"symbol: {new.symbol} is not listed; see ListInstruments"
            )
        market.advance(now_us)
        instrument = market.tape.instrument
        ticks, lots = validate(new, instrument)
        self._order_count += 1
        order = BookOrder(
            order_id=f"{self._session}-{new.symbol}-o{self._order_count}",
            client_order_id=new.client_order_id,
            account_id=new.account_id,
            side=new.side,
            ticks=ticks,
            lots=lots,
            is_ioc=new.time_in_force is TimeInForce.IOC,
            post_only=new.post_only,
            updated_at_us=now_us,
        )
        entered = EnteredOrder(new, order, instrument.lot_size, now_us)
        market.submit(order, now_us)
        self._orders.entered(entered)
        return entered.view()

    def _cancel(self, now_us: int, entered: EnteredOrder, reason: str) -> None:
        self._markets[entered.new.symbol].cancel(entered.book_order, reason, now_us)

    def _check_unlisted(self, symbol: str) -> None:
        if symbol in self._markets:
            raise ValueError(f"{symbol}: listed already; give each symbol one market")

    def _drain(self) -> list[MarketEvent]:
        return [event for market in self._markets.values() for event in market.tape.drain()]
