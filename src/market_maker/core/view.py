"""What the engine shows of itself: one consistent picture of a symbol, for status, metrics and the API."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from market_maker.core.commands import OrderStatus, Problem
from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import EXACT, Instrument
from market_maker.core.results import NOTHING, Parts
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State

if TYPE_CHECKING:
    from market_maker.core.orders.order_tracker import Order
    from market_maker.core.pricing.quoting import QuoteSet


@dataclass(frozen=True, slots=True)
class KillView:
    """The latched kill switch; only a reset takes it away."""

    reason: KillReason
    measured: str
    threshold: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class BookView:
    """The book as last applied; best prices include our own orders, as the exchange published them."""

    valid: bool
    invalid_reason: str
    sequence: int
    best_bid: Decimal | None
    best_ask: Decimal | None
    data_ns: int | None


@dataclass(frozen=True, slots=True)
class ReferenceView:
    """The reference mid, quote currency, and the sequence of the book that it was taken from."""

    mid: Decimal | None
    source: str
    sequence: int
    uncertain: bool
    """A best level may be ours alone: `mid` is the possible one nearest to the last certain one."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """Which model quotes, and why if it is not the configuration's."""

    name: str
    """The configuration's."""
    quotes_by: str
    """The one by which the last evaluation quoted."""
    why_not_code: str
    """Why that is another one: too_few_samples, no_decay, poor_fit ...; empty when it is not."""
    why_not: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """One live or unknown order."""

    client_order_id: str
    order_id: str | None
    side: Side
    level: int
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal
    status: OrderStatus
    sent_at_ns: int


@dataclass(frozen=True, slots=True)
class PnlView:
    """Inventory and P&L; `inventory_usdt` and `unrealized` are None while no price is known.

    `price` values the position for `unrealized`; it was true at `price_data_ns`, however long ago that is.
    """

    position: Decimal
    average_entry: Decimal | None
    inventory_usdt: Decimal | None
    realized: Decimal
    unrealized: Decimal | None
    baseline: Decimal
    fees: Decimal
    fill_count: int
    volume: Decimal
    price: Decimal | None
    price_source: str
    """book, mark or last_trade; empty without a price."""
    price_data_ns: int | None
    rebase_pending: bool
    """Whether the baseline moves with the next fresh price."""
    parts: Parts = NOTHING
    """What `total` comes from, to the last digit."""

    @property
    def total(self) -> Decimal:
        """Realized plus unrealized minus baseline; an unknown unrealized part counts as zero."""
        gross = EXACT.add(self.realized, self.unrealized or Decimal(0))
        return EXACT.subtract(gross, self.baseline)


@dataclass(frozen=True, slots=True)
class Counters:
    """What happened since this process started."""

    quotes_computed: int
    orders_placed: int
    orders_rejected: int
    orders_would_cross: int
    orders_cancelled: int
    fills: int
    book_deltas: int
    book_gaps: int
    active_ns: int
    """Time spent ACTIVE, without the first second of each ACTIVE period."""
    two_sided_ns: int
    """The part of `active_ns` with at least one live order on each side."""
    mid_uncertain_ns: int
    """The part of `active_ns` in which the reference mid was uncertain."""
    suppressed: tuple[tuple[str, int], ...]
    """(reason, count) of levels and whole quotes that were not placed."""


@dataclass(frozen=True, slots=True)
class SymbolView:
    """One consistent picture of a symbol at `at_ns`."""

    at_ns: int
    symbol: str
    shadow_mode: bool
    """Whether it only computes: no order leaves, ACTIVE or not."""
    state: State
    state_reason: str
    state_actor: str
    state_since_ns: int
    kill: KillView | None
    config: SymbolConfig
    instrument: Instrument | None
    book: BookView
    reference: ReferenceView
    pnl: PnlView
    orders: tuple[OrderView, ...]
    open_orders: int
    """Live and unknown orders as this process knows them."""
    unknown_orders: int
    open_orders_at_exchange: int | None
    """As the exchange last reported; None when it has not been asked or orders went out since."""
    proven_zero_at_ns: int | None
    """When the exchange last proved zero open orders, None unless that still holds."""
    model: ModelView
    quote: "QuoteSet | None"
    verdicts: tuple[tuple[Side, int, str], ...]
    """(side, level, what became of it): resting, placed, simulated, or the check that refused it."""
    no_quote_reason: str
    """Why `quote` is None."""
    enable_problems: tuple[Problem, ...]
    """Why enable would be refused now; empty when it would be accepted."""
    counters: Counters

    @property
    def mid(self) -> Decimal | None:
        """The reference mid in quote currency."""
        return self.reference.mid


@dataclass(frozen=True, slots=True)
class DepthLevel:
    """One price of the book in quote currency; quantities in base currency."""

    price: Decimal
    others: Decimal
    ours: Decimal


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What another configuration would do against the market as it stands, were the symbol ACTIVE."""

    at_ns: int
    config: SymbolConfig
    instrument: Instrument
    quote: "QuoteSet | None"
    no_quote_reason: str
    """Why `quote` is None."""
    kill: KillView | None
    """What it would be halted for at once."""
    cancelled: tuple[OrderView, ...]
    placed: tuple[tuple[Side, int], ...]
    """(side, level) of the levels that would get an order."""
    kept: int
    """Orders that would stay."""


_RESTING = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)


def innermost(orders: "Iterable[Order | OrderView]") -> tuple[Decimal | None, Decimal | None]:
    """Our highest resting bid and our lowest resting ask."""
    resting = [order for order in orders if order.status in _RESTING]
    bids = [order.price for order in resting if order.side is Side.BUY]
    asks = [order.price for order in resting if order.side is Side.SELL]
    return max(bids, default=None), min(asks, default=None)


def spread_bps(orders: "Iterable[Order | OrderView]", mid: Decimal | None) -> Decimal | None:
    """Our innermost resting ask minus bid in bps of the mid, half even to 4 digits; None unless both rest."""
    bid, ask = innermost(orders)
    if bid is None or ask is None or not mid:
        return None
    bps = EXACT.divide(EXACT.multiply(EXACT.subtract(ask, bid), Decimal(10_000)), mid)
    return bps.quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN)
