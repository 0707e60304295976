"""Every input of a symbol's engine. What may live here: frozen records of what happened, nothing else.

`at_ns` is the monotonic time at which this process learned of the event. Book prices are ticks and
quantities lots; what the exchange says of our own orders and fills stays Decimal.

`source` is set on events that came from `engine.event.v1`: the partition and
offset whose commit waits until the event's effects are durable.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.side import Side
from market_maker.core.states import Cause, KillReason

Levels = tuple[tuple[int, int], ...]
"""(price in ticks, quantity in lots), absolute quantities; 0 removes the level in a delta."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where in `engine.event.v1` an event stands."""

    partition: int
    offset: int
    generation: int = 0
    """Which assignment of the partition it was read under; nothing is committed for an earlier one."""


# --- market data -------------------------------------------------------------------------------
# `data_ns` is the monotonic time at which the data was true at its source: `at_ns` minus the age
# of the message. A message from the future counts as that much old, so a wrong clock fails closed.
# `exchange_us` is the exchange's own time of the data, microseconds since 1970 UTC.


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The whole book at `sequence`."""

    at_ns: int
    data_ns: int
    sequence: int
    bids: Levels
    asks: Levels
    trace: str | None = None
    exchange_us: int = 0


@dataclass(slots=True)
class BookDelta:
    """Changed levels; applies only to a book at `prev_sequence`.

    Never changed once made; not declared frozen, as that costs a seventh of the way from message to event.
    """

    at_ns: int
    data_ns: int
    prev_sequence: int
    sequence: int
    bids: Levels
    asks: Levels
    trace: str | None = None
    exchange_us: int = 0


@dataclass(frozen=True, slots=True)
class BookInvalid:
    """The book can no longer be trusted (unreadable or off-grid message, mailbox overflow)."""

    at_ns: int
    reason: str


@dataclass(slots=True)
class PublicTrade:
    """A public trade, ours or of others; `price` as published, in quote currency.

    Never changed once made, like `BookDelta`, and for the same reason not declared frozen.
    """

    at_ns: int
    data_ns: int
    price: Decimal
    trade_id: str
    """The same as in an Execution, if it is one of ours."""
    trace: str | None = None
    taker_side: Side | None = None
    """None where the source does not say."""
    exchange_us: int = 0


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """Mark price in quote currency; it need not stand on a tick."""

    at_ns: int
    data_ns: int
    price: Decimal
    trace: str | None = None


# --- instrument --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstrumentUpdated:
    """New metadata, also for halt and resume (its `status` tells)."""

    at_ns: int
    instrument: Instrument
    reason: str = ""


# --- matching engine ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Execution:
    """One of our account's fills. Its identity is (`trade_id`, `side`)."""

    at_ns: int
    trade_id: str
    side: Side
    price: Decimal
    """Quote currency. Not ticks: a fill counts even when the grid changed meanwhile."""
    quantity: Decimal
    """Base currency."""
    fee: Decimal
    """Quote currency; negative is a rebate."""
    order_id: str
    client_order_id: str | None
    is_maker: bool
    sequence: int
    executed_at_us: int
    """Wall time of the exchange, microseconds since 1970 UTC."""
    source: Source | None = None
    trace: str | None = None


class OrderEventKind(Enum):
    """What the matching engine says of one of our orders."""

    ACCEPTED = "ORDER_ACCEPTED"
    FILLED = "ORDER_FILLED"
    CANCELED = "ORDER_CANCELED"
    REJECTED = "ORDER_REJECTED"


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """The matching engine's word on one of our orders."""

    at_ns: int
    kind: OrderEventKind
    order_id: str | None
    client_order_id: str | None
    reason: str | None
    sequence: int
    source: Source | None = None
    happened_at_us: int = 0
    """Wall time of the exchange, microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class EngineEventUnreadable:
    """An engine event of this symbol (or of its partition) could not be decoded."""

    at_ns: int
    detail: str
    source: Source | None = None


# --- answers of the Order Service --------------------------------------------------------------


class RequestOutcome(Enum):
    """How a request to the Order Service ended."""

    OK = "OK"
    REJECTED = "REJECTED"
    """A final 4xx."""
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    """429: nothing was done."""
    TIMEOUT = "TIMEOUT"
    """No answer within the response timeout; a late answer may still follow as its own event."""
    STALLED = "STALLED"
    """As TIMEOUT, but this process itself had not run for that long."""
    NOT_SENT = "NOT_SENT"
    """Withheld at the last moment: the engine had left ACTIVE meanwhile."""
    UNCERTAIN = "UNCERTAIN"
    """5xx, broken connection, or an answer that cannot be read."""


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """The answer to a PlaceOrder. `ended` is false while a late answer may still arrive."""

    at_ns: int
    client_order_id: str
    outcome: RequestOutcome
    order_id: str | None = None
    code: str = ""
    detail: str = ""
    would_cross: bool = False
    retry_after_ns: int = 0
    ended: bool = True
    created_at_us: int | None = None
    """When the exchange took the order, by its clock, microseconds since 1970 UTC; None: it did not say."""
    late: bool = False
    """The end of a request whose lateness was told before, by an answer that was not `ended`."""


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """The answer to a CancelOrder."""

    at_ns: int
    client_order_id: str
    outcome: RequestOutcome
    detail: str = ""
    ended: bool = True
    retry_after_ns: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True)
class CancelAllAnswer:
    """The answer to a CancelAll."""

    at_ns: int
    outcome: RequestOutcome
    cancelled: int = 0
    detail: str = ""
    ended: bool = True
    retry_after_ns: int = 0
    late: bool = False


class ExchangeStatus(Enum):
    """Status of an order at the exchange."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """Whether the order can change no more."""
        return self not in (ExchangeStatus.OPEN, ExchangeStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """An order as the exchange reports it."""

    order_id: str
    client_order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal
    status: ExchangeStatus


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """The answer to a QueryOrder; `order` is None unless the outcome is OK."""

    at_ns: int
    asked_at_ns: int
    client_order_id: str
    outcome: RequestOutcome
    order: ExchangeOrder | None = None
    detail: str = ""
    retry_after_ns: int = 0


@dataclass(frozen=True, slots=True)
class OpenOrdersAnswer:
    """The answer to a QueryOpenOrders: all open orders of our account in this symbol."""

    at_ns: int
    asked_at_ns: int
    outcome: RequestOutcome
    orders: tuple[ExchangeOrder, ...] = ()
    detail: str = ""
    retry_after_ns: int = 0


# --- control and surroundings ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Control:
    """A request of an operator: ENABLE, RESUME, PAUSE, FLATTEN, KILL, RESET.

    Answered by exactly one Reply with the same `request_id`.
    """

    at_ns: int
    request_id: int
    cause: Cause
    actor: str
    reason: str = ""
    rebase_pnl: bool = False


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    """The desk changed the symbol's configuration."""

    at_ns: int
    config: SymbolConfig
    actor: str


@dataclass(frozen=True, slots=True)
class Retire:
    """From here on the symbol may not become ACTIVE, for this reason; an empty one takes that back."""

    at_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class LagMeasured:
    """The longest consumer lag of the symbol's partitions; None when none can be measured."""

    at_ns: int
    lag_ns: int | None
    topic: str
    """Whose lag it is."""
    unmeasured: str = ""
    """A topic whose lag cannot be measured, next to one whose lag can; usually empty."""


@dataclass(frozen=True, slots=True)
class JournalMeasured:
    """Age of the oldest write that is not durable, and whether the last try failed."""

    at_ns: int
    lag_ns: int
    failed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LeaseMeasured:
    """Whether PostgreSQL has lately confirmed that the symbol is this instance's."""

    at_ns: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class HouseMeasured:
    """How the limits over all symbols stand: what breaks one, or nothing."""

    at_ns: int
    measured: str = ""
    """Empty: none is broken."""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something around the engine failed: halt."""

    at_ns: int
    reason: KillReason
    detail: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; nothing else happened."""

    at_ns: int


MarketData = BookSnapshot | BookDelta | BookInvalid | PublicTrade | MarkPrice
"""Events that may coalesce in a mailbox; all others are never dropped."""

Answer = PlaceAnswer | CancelAnswer | CancelAllAnswer | QueryAnswer | OpenOrdersAnswer
"""To the requests of `commands`."""

Event = (
    MarketData
    | InstrumentUpdated
    | Execution
    | OrderEvent
    | EngineEventUnreadable
    | Answer
    | Control
    | ConfigChanged
    | Retire
    | LagMeasured
    | JournalMeasured
    | LeaseMeasured
    | HouseMeasured
    | Fault
    | Tick
)
