"""Everything that the exchange tells the world. What may live here: frozen records, nothing else.

Prices are in quote currency, quantities in base currency, both exact. `at_us` is microseconds since
1970 UTC. Book sequences and engine sequences are two counters, each per symbol: the book's starts at 1
with the initial snapshot and grows by one with every delta; the engine's grows by one with every
Trade and Order* event.
"""

from dataclasses import dataclass
from decimal import Decimal

from tradex_sandbox.instruments import Instrument
from tradex_sandbox.orders import Side

Levels = tuple[tuple[Decimal, Decimal], ...]
"""(price, absolute quantity); bids from the highest price down, asks from the lowest up."""


# --- market data -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The whole published book at `sequence`, resting orders of every account included."""

    symbol: str
    sequence: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class BookDelta:
    """Changed levels; quantity 0 removes one. `prev_sequence` is always `sequence` - 1."""

    symbol: str
    prev_sequence: int
    sequence: int
    bids: Levels
    asks: Levels
    at_us: int


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade as everybody sees it."""

    symbol: str
    trade_id: str
    price: Decimal
    quantity: Decimal
    taker_side: Side
    at_us: int


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """The mark price; it need not stand on a tick."""

    symbol: str
    price: Decimal
    index_price: Decimal | None
    at_us: int


# --- matching engine ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """What became of an order; no `order_id` where the engine refused it, no `reason` where there is none."""

    symbol: str
    sequence: int
    order_id: str | None
    client_order_id: str | None
    account_id: str
    reason: str
    at_us: int


class OrderAccepted(OrderEvent):
    """The engine took the order."""


class OrderCanceled(OrderEvent):
    """The order, or what was left of it, is gone; `reason` is a code such as REQUESTED."""


class OrderFilled(OrderEvent):
    """Nothing is left of the order; a partial fill is told by its Trade alone."""


class OrderRejected(OrderEvent):
    """The engine refused the order; `reason` is the refusal's code."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade as the engine records it. Fees in quote currency, positive is paid by the account."""

    symbol: str
    sequence: int
    trade_id: str
    price: Decimal
    quantity: Decimal
    taker_side: Side
    maker_order_id: str
    taker_order_id: str
    maker_client_order_id: str | None
    taker_client_order_id: str | None
    maker_account_id: str
    taker_account_id: str
    maker_fee: Decimal
    taker_fee: Decimal
    is_buyer_maker: bool
    at_us: int


# --- instruments -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstrumentEvent:
    """The instrument as it is from now on."""

    instrument: Instrument
    reason: str
    at_us: int


class InstrumentCreated(InstrumentEvent):
    """An instrument is listed."""


class InstrumentUpdated(InstrumentEvent):
    """The grid or the minimum notional changed; orders of the old grid were cancelled."""


class InstrumentHalted(InstrumentEvent):
    """No order is accepted and nothing trades until it resumes; orders may be cancelled."""


class InstrumentResumed(InstrumentEvent):
    """Trading goes on."""


MarketData = BookDelta | BookSnapshot | PublicTrade | MarkPrice
EngineEvent = OrderEvent | Trade
MarketEvent = MarketData | EngineEvent | InstrumentEvent
