"""Every output of a symbol's engine. What may live here: frozen records of what is to be done.

Requests to the exchange come first in the list that an engine returns, cancels before placements;
records for the journal follow in the order in which they must become durable.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Self

from market_maker.core.applied import Applied
from market_maker.core.events import Execution
from market_maker.core.obligations import PresenceSpan
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.pricing.quoting import QuoteSet
from market_maker.core.results import Markout, Parts
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State

# --- to the Order Service ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Send a new post-only limit order. Only `risk` can make the CheckedOrder in it."""

    order: CheckedOrder
    caused_at_ns: int
    """`at_ns` of the event that caused it, for the tick-to-order latency."""
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel one order by the exchange's id."""

    client_order_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every order of our account in this symbol."""


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """Ask what became of an order."""

    client_order_id: str


@dataclass(frozen=True, slots=True)
class QueryOpenOrders:
    """Ask for all open orders of our account in this symbol."""


# --- to the journal, in order ------------------------------------------------------------------


class OrderStatus(Enum):
    """State of one of our orders, as the journal and the API show it."""

    PENDING_NEW = "pending_new"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"

    __hash__ = object.__hash__  # an Enum's own is a call for each look whether a status is in a set

    @property
    def is_final(self) -> bool:
        """Whether the order can change no more."""
        return self in FINAL

    @property
    def rests(self) -> bool:
        """Whether the exchange confirmed the order and has not yet called it final."""
        return self in RESTING


FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED})
RESTING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL})


@dataclass(frozen=True, slots=True)
class RecordOrder:
    """The state of one order after a change; price and quantities in quote and base currency."""

    client_order_id: str
    order_id: str | None
    side: Side
    level: int
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal
    status: OrderStatus
    reason: str


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A position as it is stored; the fold of all fills so far."""

    position: Decimal
    """Signed, base currency."""
    open_cost: Decimal
    """Signed cost of the open position in quote currency; average entry = open_cost / position."""
    realized_pnl: Decimal
    """Quote currency, fees subtracted."""
    fees: Decimal
    fill_count: int
    volume: Decimal
    """Traded notional in quote currency."""
    spread_capture: Decimal = Decimal(0)
    inventory_pnl: Decimal = Decimal(0)
    """What the position's price did up to the last fill, quote currency."""
    worth: Decimal = Decimal(0)
    """What the position was worth right after the last fill, quote currency."""


@dataclass(frozen=True, slots=True)
class RecordFill:
    """One fill, the position it makes and how far events are counted with it: one transaction.

    `after` is None when the fill is not counted here: no engine keeps the symbol's position, or the engine
    has counted it before and only wants it to be stored for certain.
    """

    trade_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    order_id: str
    client_order_id: str | None
    is_maker: bool
    sequence: int
    executed_at_us: int
    after: PositionRow | None
    applied: Applied | None = None
    mid: Decimal | None = None
    """The price that valued the position when it was counted; None: there was none."""
    level: int | None = None
    """The level that its order served at that moment; None when the order is not known."""

    @classmethod
    def of(
        cls,
        event: Execution,
        after: PositionRow | None,
        applied: Applied | None = None,
        mid: Decimal | None = None,
        level: int | None = None,
    ) -> Self:
        """The record of an execution of our account."""
        return cls(
            event.trade_id,
            event.side,
            event.price,
            event.quantity,
            event.fee,
            event.order_id,
            event.client_order_id,
            event.is_maker,
            event.sequence,
            event.executed_at_us,
            after,
            applied,
            mid,
            level,
        )


@dataclass(frozen=True, slots=True)
class RecordState:
    """A state transition; becomes the `mm_states` row and `mm.state.changed.v1`.

    From PAUSED to PAUSED when the P&L baseline moves.
    """

    from_state: State
    to_state: State
    reason: str
    actor: str
    kill_reason: KillReason | None
    """The latched kill reason after the transition, None when there is none."""
    pnl_baseline: Decimal
    rebase_pending: bool
    """Whether a reset asked for a new baseline that still waits for a price."""
    spread_baseline: Decimal = Decimal(0)
    """The part of the baseline that was spread capture ..."""
    fees_baseline: Decimal = Decimal(0)
    """... and what was fees; the rest was inventory."""


@dataclass(frozen=True, slots=True)
class RecordMarkouts:
    """What became of the price after fills, as far as it fell due in this step."""

    markouts: tuple[Markout, ...]


@dataclass(frozen=True, slots=True)
class RecordPnl:
    """What the result since the first fill came from at a full minute; made when it has changed."""

    at_us: int
    """Microseconds since 1970 UTC, by this process' clock."""
    parts: Parts
    position: Decimal
    mid: Decimal | None


@dataclass(frozen=True, slots=True)
class RecordQuotingTime:
    """How the minute that ended then was spent as far as the symbol was ACTIVE: (reason, microseconds)."""

    at_us: int
    spent_us: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RecordPresence:
    """How far programmes were kept, in stretches of time that may go on; the same beginning replaces."""

    spans: tuple[PresenceSpan, ...]


@dataclass(frozen=True, slots=True)
class RecordRisk:
    """A kill switch fired; becomes `mm.risk.triggered.v1`."""

    reason: KillReason
    measured: str
    threshold: str
    position: Decimal
    pnl: Decimal
    open_orders: int
    action: str


# --- to the rest of the shell ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a request is refused: a stable code and a sentence for the operator."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a Control; refused when there are problems."""

    request_id: int
    state: State
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishQuote:
    """Shadow mode: publish the quote set that would have been placed."""

    quote: QuoteSet
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth a log line: a stable code and its values."""

    level: str
    """debug, info, warning or error."""
    code: str
    fields: tuple[tuple[str, str], ...] = ()


Request = PlaceOrder | CancelOrder | CancelAll | QueryOrder | QueryOpenOrders
Measured = RecordMarkouts | RecordPnl | RecordQuotingTime | RecordPresence
Record = RecordOrder | RecordFill | RecordState | RecordRisk | Measured
Command = Request | Record | Reply | PublishQuote | Notice
