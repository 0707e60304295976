"""Why this price, and why no quote: the waterfall of the last quote set, level by level."""

from pydantic import Field

from market_maker.api.answers import Answer
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.present import ToWall, refusals
from market_maker.api.problems import RefusalReason
from market_maker.core.commands import OrderStatus
from market_maker.core.events import Side
from market_maker.core.instrument import EXACT
from market_maker.core.quoting import Verdict
from market_maker.core.states import State
from market_maker.core.view import OrderView, SymbolView
from market_maker.core.waterfall import LevelWaterfall, Waterfall, waterfall


class RestingOrder(Answer):
    """Our order at this level."""

    client_order_id: str
    price: DecimalText
    remaining: DecimalText
    status: OrderStatus


class QuotedLevel(Answer):
    """The way of one level from the formula to the price; prices in quote currency."""

    side: Side
    level: int = Field(description="0 is the innermost.")
    step: DecimalText = Field(description="How far outside level 0.")
    raw_price: DecimalText = Field(description="What the formula gives.")
    rounded_price: DecimalText = Field(description="Bids down, asks up to the tick.")
    price: DecimalText = Field(description="After the maker-only clamp.")
    clamp: str = Field(description="The rule that moved the rounded price; empty when none did.")
    quantity: DecimalText
    notional: DecimalText
    verdict: Verdict
    detail: str = Field(description="All of it in one sentence.")
    outcome: str = Field(
        description="`resting`, `placed`, `simulated` (shadow mode) or the check that refused the order;"
        " empty when none was wanted."
    )
    resting: RestingOrder | None = Field(description="What rests there now.")


class QuoteSteps(Answer):
    """What all levels share, in quote currency."""

    mid: DecimalText
    mid_source: str
    volatility_factor: DecimalText
    spread: DecimalText
    position: DecimalText = Field(description="Signed, base currency.")
    inventory: DecimalText
    inventory_norm: DecimalText = Field(description="Inventory over its limit, -1 to 1.")
    bias: DecimalText = Field(description="How far both sides are moved down; up when negative.")
    best_bid: DecimalText | None = Field(description="Others' best bid.")
    best_ask: DecimalText | None = Field(description="Others' best ask.")
    levels: list[QuotedLevel]


class Quotes(Answer):
    """The last quote set of a symbol."""

    symbol: str
    at: Timestamp
    state: State
    shadow_mode: bool = Field(description="True: it only computes and publishes quotes; no order is sent.")
    quote: QuoteSteps | None = Field(description="Null when nothing is computed.")
    why_not: list[RefusalReason] = Field(description="Why nothing is placed now; empty when quotes may rest.")
    suppressed: dict[str, int] = Field(description="Levels and quotes not placed since the start, by reason.")


def quotes(view: SymbolView, to_wall: ToWall) -> Quotes:
    """Explain the last quote set of a symbol, or its absence."""
    steps = None
    if view.quote is not None and view.instrument is not None:
        steps = _steps(waterfall(view.quote, view.config, view.instrument), view)
    return Quotes(
        symbol=view.symbol,
        at=to_wall(view.at_ns),
        state=view.state,
        shadow_mode=view.shadow_mode,
        quote=steps,
        why_not=_why_not(view),
        suppressed=dict(view.counters.suppressed),
    )


def _why_not(view: SymbolView) -> list[RefusalReason]:
    reasons = []
    if view.shadow_mode:
        detail = "shadow mode: quotes are computed and published, no order is sent"
        reasons.append(RefusalReason(code="SHADOW_MODE", detail=detail))
    if view.kill is not None:
        detail = f"{view.kill.reason.value}: measured {view.kill.measured}, limit {view.kill.threshold}"
        reasons.append(RefusalReason(code="KILL_SWITCH", detail=detail))
    if view.state is not State.ACTIVE:
        detail = f"the symbol is {view.state.value} ({view.state_reason}); only ACTIVE places orders"
        reasons.append(RefusalReason(code="NOT_ACTIVE", detail=detail))
        reasons += refusals(view.enable_problems)
    elif view.no_quote_reason:
        sentence = _SENTENCES.get(view.no_quote_reason, "nothing was computed: {reason}")
        detail = sentence.format(reason=view.book.invalid_reason or view.no_quote_reason.replace("_", " "))
        reasons.append(RefusalReason(code=view.no_quote_reason.upper().replace(" ", "_"), detail=detail))
    return reasons


_SENTENCES = {
    "book_invalid": "the book cannot be trusted until the next snapshot: {reason}",
    "book_stale": "the book's data is too old: quotes return when the feed does",
    "instrument_not_trading": "the exchange does not trade the instrument now",
    "grid_changing": "tick or lot size changed: quotes return once all orders are gone",
    "no_reference_mid": "without our orders one side of the book is empty, and neither mark nor last trade"
    " is fresh",
}
"""What the core's reasons for having no quote mean."""


def _steps(steps: Waterfall, view: SymbolView) -> QuoteSteps:
    resting = {(order.side, order.level): order for order in view.orders}
    outcomes = {(side, level): outcome for side, level, outcome in view.verdicts}
    return QuoteSteps(
        mid=steps.mid,
        mid_source=steps.mid_source,
        volatility_factor=steps.volatility_factor,
        spread=steps.spread,
        position=steps.position,
        inventory=steps.inventory,
        inventory_norm=steps.inventory_norm,
        bias=steps.bias,
        best_bid=steps.best_bid,
        best_ask=steps.best_ask,
        levels=[
            _level(level, outcomes.get(key, ""), resting.get(key))
            for level in steps.levels
            for key in [(level.side, level.level)]
        ],
    )


def _level(level: LevelWaterfall, outcome: str, order: OrderView | None) -> QuotedLevel:
    return QuotedLevel(
        side=level.side,
        level=level.level,
        step=level.step,
        raw_price=level.raw_price,
        rounded_price=level.rounded_price,
        price=level.price,
        clamp=level.clamp,
        quantity=level.quantity,
        notional=level.notional,
        verdict=level.verdict,
        detail=level.detail,
        outcome=outcome,
        resting=None if order is None else _resting(order),
    )


def _resting(order: OrderView) -> RestingOrder:
    return RestingOrder(
        client_order_id=order.client_order_id,
        price=order.price,
        remaining=EXACT.subtract(order.quantity, order.filled_quantity),
        status=order.status,
    )
