"""The exchange: many symbols, each one market, behind one interface for the servers.

Pure: no sockets, no clock, no threads. Time comes in as `now_us` (microseconds since 1970 UTC, never
going backwards). Whatever the caller asks for, the symbol's market is first moved to `now_us`, so
that the result does not depend on how often `advance` is called.

**Events**: each method that returns events returns every event since the last one that did, in
order. When a method raises, the events that happened on the way are handed over by the next call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tradex_sandbox.instruments import Instrument
from tradex_sandbox.market_events import BookSnapshot, MarketEvent, Trade
from tradex_sandbox.orders import NewOrder, Order


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to an order: as it stands now, and whether it is the repeated answer of an earlier one."""

    order: Order
    events: list[MarketEvent]
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Executions:
    """What one account did in one symbol: amounts in quote currency, position signed in base currency."""

    count: int
    """Fills; a trade of the account with itself cannot happen."""
    buys: int
    sells: int
    position: Decimal
    volume: Decimal
    """Traded notional in quote currency."""
    fees: Decimal
    """Quote currency, positive is paid, negative is earned."""


@dataclass(frozen=True, slots=True)
class FeedChecks:
    """How often a recorded book was compared with the capture's own best bid and ask."""

    checks: int
    mismatches: int


class Exchange:
    """All markets of the sandbox.

    `session` goes into every order and trade id, so that an exchange started anew does not repeat
    ids that a client has already stored. Fees are basis points of the notional; negative is a rebate.
    """

    def __init__(
        self,
        session: str = "x",
        maker_fee_bps: Decimal = Decimal("-0.5"),
        taker_fee_bps: Decimal = Decimal(4),
    ) -> None:
        raise NotImplementedError

    def add_simulated(self, instrument: Instrument, start_price: Decimal, seed: int) -> None:
        """List a symbol whose market is a seeded flow around `start_price`. ValueError when listed twice."""
        raise NotImplementedError

    def add_recorded(
        self, path: Path, symbol: str | None = None, instrument: Instrument | None = None
    ) -> str:
        """List a symbol whose market is a capture; returns the symbol.

        `symbol` None: the first one in the file. `instrument` None: the grid is inferred. Reads up to
        the joined snapshot; CaptureError when that cannot be had. ValueError when listed twice.
        """
        raise NotImplementedError

    def start(self, now_us: int) -> list[MarketEvent]:
        """Set every market's time zero to `now_us`: InstrumentCreated and the first BookSnapshot of each."""
        raise NotImplementedError

    # --- time ------------------------------------------------------------------------------------

    def advance(self, now_us: int) -> list[MarketEvent]:
        """Let every market do what is due until `now_us`."""
        raise NotImplementedError

    def next_event_us(self) -> int | None:
        """When `advance` will next have something to do; None: never (all captures have ended)."""
        raise NotImplementedError

    # --- orders ----------------------------------------------------------------------------------

    def submit(self, now_us: int, new: NewOrder) -> Submitted:
        """Enter an order.

        The same `idempotency_key` and payload again gives the first order (as it stands now) with
        `duplicate`; a refusal is repeated too. OrderRefused: nothing was entered.
        """
        raise NotImplementedError

    def cancel(self, now_us: int, order_id: str) -> tuple[Order, list[MarketEvent]]:
        """Cancel one order. OrderNotFound, or OrderFinal when it is filled or cancelled already."""
        raise NotImplementedError

    def cancel_all(
        self, now_us: int, account_id: str, symbol: str | None = None
    ) -> tuple[list[Order], list[MarketEvent]]:
        """Cancel every open order of the account (in one symbol, or in all)."""
        raise NotImplementedError

    def order(self, order_id: str) -> Order:
        """An order by the exchange's id; OrderNotFound."""
        raise NotImplementedError

    def order_by_client_id(self, client_order_id: str) -> Order:
        """An order by its client's id; OrderNotFound (also for an order that was refused)."""
        raise NotImplementedError

    def open_orders(self, account_id: str, symbol: str | None = None) -> list[Order]:
        """The account's open orders, oldest first."""
        raise NotImplementedError

    # --- markets ---------------------------------------------------------------------------------

    def symbols(self) -> list[str]:
        """Every listed symbol, in the order of listing."""
        raise NotImplementedError

    def instrument(self, symbol: str) -> Instrument:
        """The instrument as it stands; KeyError for an unknown symbol, as in every method below."""
        raise NotImplementedError

    def snapshot(self, symbol: str) -> BookSnapshot:
        """The published book; its sequence is that of the last delta handed over or waiting."""
        raise NotImplementedError

    def halt(self, now_us: int, symbol: str, reason: str) -> list[MarketEvent]:
        """Stop trading; resting orders stay and may be cancelled. Does nothing when halted already."""
        raise NotImplementedError

    def resume(self, now_us: int, symbol: str, reason: str) -> list[MarketEvent]:
        """Trade again; orders that the market has meanwhile moved through are filled."""
        raise NotImplementedError

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
        """Change the grid or the minimum notional; orders of accounts are cancelled when the grid changes.

        InstrumentError when the market cannot be told in the new grid (a recorded market's new tick
        and lot must divide the old ones).
        """
        raise NotImplementedError

    def finished(self, symbol: str) -> bool:
        """Whether a recorded market has come to its end (a simulated one never does)."""
        raise NotImplementedError

    def error(self, symbol: str) -> str | None:
        """Why a recorded market ended before its file did, naming file, line and fix; else None."""
        raise NotImplementedError

    # --- records for checks ----------------------------------------------------------------------

    def published_top(self, symbol: str, sequence: int) -> tuple[Decimal | None, Decimal | None] | None:
        """Best bid and ask as published at `sequence` (None: empty side); None when not on record.

        The last 200,000 sequences are on record.
        """
        raise NotImplementedError

    def executions(self, account_id: str, symbol: str) -> Executions:
        """The sum of the account's trades in the symbol."""
        raise NotImplementedError

    def trades(self, account_id: str, symbol: str) -> Sequence[Trade]:
        """Every trade of the account in the symbol, in order. Crowd accounts are not on record."""
        raise NotImplementedError

    def feed_checks(self, symbol: str) -> FeedChecks:
        """The oracle's count so far; zeros for a simulated market."""
        raise NotImplementedError
