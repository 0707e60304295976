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
class OrderAccepted:
    """The engine took the order; `reason` is empty."""

    symbol: str
    sequence: int
    order_id: str | None
    client_order_id: str | None
    account_id: str
    reason: str
    at_us: int


@dataclass(frozen=True, slots=True)
class OrderCanceled:
    """The order, or what was left of it, is gone; `reason` is a code such as REQUESTED."""

    symbol: str
    sequence: int
    order_id: str | None
    client_order_id: str | None
    account_id: str
    reason: str
    at_us: int


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """Nothing is left of the order; a partial fill is told by its Trade alone."""

    symbol: str
    sequence: int
    order_id: str | None
    client_order_id: str | None
    account_id: str
    reason: str
    at_us: int


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The engine refused the order (it had no order id yet); `reason` is the refusal's code."""

    symbol: str
    sequence: int
    order_id: str | None
    client_order_id: str | None
    account_id: str
    reason: str
    at_us: int


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
class InstrumentCreated:
    """An instrument is listed."""

    instrument: Instrument
    reason: str
    at_us: int


@dataclass(frozen=True, slots=True)
class InstrumentUpdated:
    """The grid or the minimum notional changed; orders of the old grid were cancelled."""

    instrument: Instrument
    reason: str
    at_us: int


@dataclass(frozen=True, slots=True)
class InstrumentHalted:
    """No order is accepted and nothing trades until it resumes; orders may be cancelled."""

    instrument: Instrument
    reason: str
    at_us: int


@dataclass(frozen=True, slots=True)
class InstrumentResumed:
    """Trading goes on."""

    instrument: Instrument
    reason: str
    at_us: int


MarketData = BookDelta | BookSnapshot | PublicTrade | MarkPrice
OrderEvent = OrderAccepted | OrderCanceled | OrderFilled | OrderRejected
EngineEvent = OrderEvent | Trade
InstrumentEvent = InstrumentCreated | InstrumentUpdated | InstrumentHalted | InstrumentResumed
MarketEvent = MarketData | EngineEvent | InstrumentEvent
