"""What the API answers of one symbol: configuration, status, control."""

from collections.abc import Callable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.problems import RefusalReason
from market_maker.core.commands import OrderStatus
from market_maker.core.config import FairValue
from market_maker.core.instrument import InstrumentStatus
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.repositories.proposals import ProposalState


class Answer(BaseModel):
    """Base of every answer: exactly these fields, never changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def of(cls, held: object, **besides: object) -> Self:
        """From what holds fields of the same names, and `besides`, which it holds otherwise or not at all."""
        made: Callable[..., Self] = cls.__pydantic_validator__.validate_python  # quicker than `cls(...)`
        if not besides:
            return made(held, from_attributes=True)
        for name in cls.__pydantic_fields__:
            if name not in besides:
                besides[name] = getattr(held, name)
        return made(besides)


class Config(Answer):
    """A symbol's configuration."""

    symbol: str
    enabled: bool
    base_spread_bps: DecimalText
    order_size_usdt: DecimalText
    inventory_skew_factor: DecimalText
    max_position_usdt: DecimalText
    max_loss_usdt: DecimalText
    volatility_multiplier: bool
    num_levels: int
    level_spacing_bps: DecimalText
    check_staleness: bool
    staleness_threshold_ms: DecimalText
    quote_interval_ms: DecimalText
    price_threshold_bps: DecimalText
    position_headroom_pct: DecimalText
    reference_min_notional_usdt: DecimalText
    mark_divergence_bps: DecimalText
    resume_on_clean_handover: bool
    model: str
    model_parameters: dict[str, DecimalText]
    fair_value: FairValue
    size_skew_eta: DecimalText
    maker_fee_bps: DecimalText
    min_edge_bps: DecimalText
    fill_pause_ms: DecimalText
    fill_burst_quantity: DecimalText
    fill_burst_usdt: DecimalText
    fill_burst_window_ms: DecimalText
    fill_burst_pause_ms: DecimalText


class FieldChange(Answer):
    """One field that differs."""

    field: str
    before: JsonValue = Field(description="Null where there was no configuration.")
    after: JsonValue = Field(description="Null where there is none any more.")


class ProposalItem(Answer):
    """A change of a configuration that waits for a second person, or has waited."""

    id: int
    symbol: str
    state: ProposalState
    replaces: int = Field(description="The version that it changes; onto another one it cannot be applied.")
    changes: list[FieldChange]
    loosens: list[str] = Field(description="The fields for which it waits.")
    needs_role: str = Field(description="What who approves it must carry.")
    author: str
    reason: str
    created_at: Timestamp
    expires_at: Timestamp
    decided_at: Timestamp | None
    decided_by: str | None
    decision_reason: str | None


class ConfigList(Answer):
    """All configurations, sorted by symbol."""

    items: list[Config]


class StateStatus(Answer):
    """The state, and who brought it about."""

    value: State
    reason: str
    actor: str
    since: Timestamp


class KillStatus(Answer):
    """The latched kill switch."""

    reason: KillReason
    measured: str = Field(description="What was measured when it fired.")
    threshold: str = Field(description="The limit that it broke.")
    since: Timestamp


class InstrumentStatusView(Answer):
    """The instrument as the Metadata Service and the feed describe it."""

    base_currency: str
    quote_currency: str
    tick_size: DecimalText
    lot_size: DecimalText
    min_notional: DecimalText
    status: InstrumentStatus
    version: int


class BookStatus(Answer):
    """The book as last applied; best prices include our own orders."""

    valid: bool
    reason: str = Field(description="Why it is not valid; empty when it is.")
    sequence: int
    best_bid: DecimalText | None
    best_ask: DecimalText | None
    age_ms: int | None = Field(description="Age of its data when the picture was taken.")


class Reference(Answer):
    """The reference mid that quotes stand around: the middle of others' best prices, ours taken out."""

    mid: DecimalText | None
    source: str = Field(description="`book`, `mark`, `last_trade`; empty while there is none.")
    sequence: int = Field(description="Sequence of the book that it was taken from.")
    uncertain: bool = Field(
        description="A best level may be ours alone or not: nothing is quoted more aggressively than the"
        " last certain mid allows."
    )


class PnlParts(Answer):
    """Where a result comes from: its total is `spread_usdt` + `inventory_usdt` - `fees_usdt`, exactly."""

    spread_usdt: DecimalText = Field(
        description="What fills captured: side * quantity * (the price that valued the position - price)."
    )
    inventory_usdt: DecimalText = Field(description="What the position gained because its price moved.")
    fees_usdt: DecimalText = Field(description="Paid; negative when rebates exceed them.")
    total_usdt: DecimalText


class Pnl(Answer):
    """Profit and loss in quote currency; total = realized + unrealized - baseline."""

    realized: DecimalText = Field(description="Fees subtracted.")
    unrealized: DecimalText | None = Field(description="Null while no price is known.")
    total: DecimalText
    baseline: DecimalText = Field(description="Moved by a reset with `rebase_pnl`.")
    fees: DecimalText
    price: DecimalText | None = Field(
        description="What values the position for `unrealized`: the mark price if fresh, else the last mid."
    )
    price_source: str = Field(description="`book`, `mark` or `last_trade`; empty without a price.")
    price_age_ms: int | None = Field(description="Age of that price when the picture was taken.")
    rebase_pending: bool = Field(
        description="True: a reset asked for a new baseline, which the next fresh price gives; enable waits."
    )
    parts: PnlParts = Field(description="What `total` comes from.")


class LiveOrder(Answer):
    """One live or unknown order."""

    client_order_id: str
    order_id: str | None
    side: Side
    level: int
    price: DecimalText
    quantity: DecimalText
    filled_quantity: DecimalText
    status: OrderStatus
    sent_at: Timestamp


class Counts(Answer):
    """What happened since the process started."""

    quotes_computed: int
    orders_placed: int
    orders_rejected: int
    orders_would_cross: int
    orders_cancelled: int
    fills: int
    book_deltas: int
    book_gaps: int
    active_ms: int = Field(description="Time ACTIVE, without the first second of each period.")
    two_sided_ms: int = Field(description="The part of it with a live order on each side.")
    mid_uncertain_ms: int = Field(description="The part of it in which the reference mid was uncertain.")
    suppressed: dict[str, int] = Field(description="Levels and quotes not placed, by reason.")


class Market(Answer):
    """Our innermost quotes beside the others', and the limits that stand."""

    our_bid: DecimalText | None = Field(description="Our innermost resting bid.")
    our_ask: DecimalText | None
    others_bid: DecimalText | None = Field(description="Others' best, as of the last quote or else the book.")
    others_ask: DecimalText | None
    max_position_usdt: DecimalText
    max_loss_usdt: DecimalText
    position_headroom_pct: DecimalText
    active_ms: int = Field(description="As in `counters`.")
    two_sided_ms: int


class ModelStatus(Answer):
    """The quoting model of a symbol."""

    name: str = Field(description="The configuration's.")
    quotes_by: str = Field(
        description="The one that quoted last: `linear_skew` while the configuration's lacks figures."
    )
    why_not_code: str = Field(description="Why it is another one, for machines; empty when it is not.")
    why_not: str = Field(description="The same for people, with figures.")


class SymbolSummary(Answer):
    """One symbol at a glance: a row of a console."""

    symbol: str
    owner: str | None = Field(description="The instance that owns it; null: nobody does, or it is not known.")
    at: Timestamp = Field(description="When this picture was taken.")
    owner_silent_ms: int | None = Field(
        default=None,
        description="Not null: its owner gives no sign of life, what is shown is that old, and nothing of it"
        " is certain; orders may rest.",
    )
    shadow_mode: bool = Field(description="True: it only computes and publishes quotes; no order is sent.")
    state: StateStatus
    kill: KillStatus | None = Field(description="Null when no kill switch is latched.")
    book: BookStatus
    mid: DecimalText | None
    mid_source: str
    reference: Reference
    position: DecimalText = Field(description="Signed, base currency.")
    average_entry: DecimalText | None
    inventory_usdt: DecimalText | None = Field(description="The position valued at the mid.")
    pnl: Pnl
    volume_usdt: DecimalText
    fill_count: int = Field(description="Fills that the position is made of.")
    open_orders: int = Field(description="Live and unknown orders as this process knows them.")
    unknown_orders: int
    open_orders_at_exchange: int | None = Field(description="As last reported; null when not known.")
    proven_zero_since: Timestamp | None = Field(
        description="Since when the exchange is known to hold no order of ours."
    )
    model: ModelStatus
    spread_bps: DecimalText | None = Field(description="Between our innermost live bid and ask.")
    enable_problems: list[RefusalReason] = Field(
        description="Why enable would be refused; empty: it would not."
    )
    summary: str = Field(default="", description="What it does now and why, in one sentence.")
    market: Market | None = Field(
        default=None, description="Null in the picture of an instance of an older version."
    )


class SymbolStatus(SymbolSummary):
    """Everything about one symbol."""

    config: Config
    instrument: InstrumentStatusView | None
    orders: list[LiveOrder]
    counters: Counts


Audit = Literal["recorded", "pending"]


class ControlResult(Answer):
    """How one symbol took a request."""

    symbol: str
    state: State | None = Field(description="Null where neither its owner nor the database tells.")
    accepted: bool
    problems: list[RefusalReason]
    pending: bool = Field(
        default=False,
        description="True: the kill is on record and the symbol will be HALTED as soon as an instance takes"
        " it, or its owner reads the record; `state` is what is stored until then.",
    )
    durable: bool | None = Field(
        default=None,
        description="After a kill: whether a crash of the instance would leave the symbol HALTED. False: the"
        " symbol is HALTED, but PostgreSQL has not taken that within 250 ms; it is repeated until it has."
        " Null: no kill that was carried out.",
    )
    enable_waits_for: list[RefusalReason] = Field(
        default=[],
        description="After a reset: why enable would still be refused; `wait` helps with most.",
    )


class ControlAnswer(ControlResult):
    """How the symbol took the request."""

    audit: Audit = Field(description="`pending`: the audit row is still on its way to the database.")


class EmergencyAnswer(Answer):
    """How each symbol took the request."""

    results: list[ControlResult]
    audit: Audit = Field(description="`pending`: the audit rows are still on their way to the database.")
