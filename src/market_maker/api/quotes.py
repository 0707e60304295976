"""Why this price, and why no quote: the waterfall of the last quote set, level by level."""

from collections.abc import Mapping

from pydantic import Field

from market_maker.api.answers import Answer
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.api.problems import RefusalReason
from market_maker.api.rendering import ToWall
from market_maker.api.why import sentence_of, why_not
from market_maker.core.commands import OrderStatus
from market_maker.core.instrument import EXACT
from market_maker.core.outcomes import Outcome, outcome_of
from market_maker.core.pricing.waterfall import LevelWaterfall, Waterfall, waterfall
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.core.view import OrderView, PreviewView, SymbolView


class RestingOrder(Answer):
    """Our order at this level."""

    client_order_id: str
    price: DecimalText
    remaining: DecimalText
    status: OrderStatus
    why_here: str = Field(
        description="Why it stands at another price than the level's; empty when it does not."
    )


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
    verdict: Outcome = Field(description="`quoted`, or why there is no order for it.")
    detail: str = Field(description="All of it in one sentence.")
    outcome: str = Field(
        description="The same, with `resting`, `placed` or `simulated` (shadow mode) for what is quoted;"
        " empty before the first evaluation."
    )
    resting: RestingOrder | None = Field(description="What rests there now.")


class ModelStep(Answer):
    """One figure of a quoting model."""

    name: str
    value: DecimalText
    unit: str
    says: str = Field(description="Where it comes from, or what it does.")


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
    bid_mid: DecimalText = Field(
        description="What bids are computed from: the fair value unless it is uncertain."
    )
    ask_mid: DecimalText = Field(description="The same for asks.")
    model: str = Field(description="The quoting model by which this was computed.")
    why_not_configured: str = Field(
        description="Why that is not the configuration's model; empty when it is."
    )
    steps: list[ModelStep] = Field(description="The model's own figures; empty for `linear_skew` alone.")
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
    why_not: list[RefusalReason] = Field(
        description="Why nothing, or not every level, is in the market; empty when all are."
    )
    suppressed: dict[str, int] = Field(description="Levels and quotes not placed since the start, by reason.")


def quotes(view: SymbolView, to_wall: ToWall) -> Quotes:
    """Explain the last quote set of a symbol, or its absence."""
    steps = None
    if view.quote is not None and view.instrument is not None:
        steps = _steps(waterfall(view.quote, view.config, view.instrument), view)
    return Quotes.of(
        view,
        at=to_wall(view.at_ns),
        quote=steps,
        why_not=why_not(view),
        suppressed=dict(view.counters.suppressed),
    )


def previewed(seen: PreviewView) -> QuoteSteps | None:
    """The waterfall of a configuration that is only looked at: no order rests for its levels."""
    if seen.quote is None:
        return None
    return _shared(waterfall(seen.quote, seen.config, seen.instrument), {}, {})


def _steps(steps: Waterfall, view: SymbolView) -> QuoteSteps:
    leaving_first = sorted(view.orders, key=lambda order: order.status is not OrderStatus.PENDING_CANCEL)
    resting = {(order.side, order.level): order for order in leaving_first}
    outcomes = {(side, level): outcome for side, level, outcome in view.verdicts}
    return _shared(steps, outcomes, resting)


def _shared(
    steps: Waterfall,
    outcomes: Mapping[tuple[Side, int], str],
    resting: Mapping[tuple[Side, int], OrderView],
) -> QuoteSteps:
    return QuoteSteps.of(
        steps,
        steps=[ModelStep.of(one) for one in steps.steps],
        levels=[
            _level(level, outcomes.get(key, ""), resting.get(key))
            for level in steps.levels
            for key in [(level.side, level.level)]
        ],
    )


def _level(level: LevelWaterfall, code: str, order: OrderView | None) -> QuotedLevel:
    verdict, detail = level.verdict, level.detail
    outcome = outcome_of(code)
    if level.verdict is Outcome.QUOTED and outcome is not None and not outcome.in_market:
        verdict, detail = outcome, f"{detail.removesuffix('; quoted')}; not quoted: {outcome.sentence}"
    return QuotedLevel.of(
        level,
        verdict=verdict,
        detail=detail,
        outcome=code,
        resting=None if order is None else _resting(order, level, code),
    )


def _resting(order: OrderView, level: LevelWaterfall, code: str) -> RestingOrder:
    return RestingOrder.of(
        order,
        remaining=EXACT.subtract(order.quantity, order.filled_quantity),
        why_here="" if order.price == level.price else _why_here(order, code),
    )


def _why_here(order: OrderView, code: str) -> str:
    """Why an order stands at another price than its level's."""
    if order.status is OrderStatus.PENDING_CANCEL:
        return "it is being cancelled"
    if order.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN):
        return "the exchange has not confirmed it yet: it is judged once it has"
    outcome = outcome_of(code)
    if outcome is None or outcome.in_market:
        return "it is within price_threshold_bps of the level's price: it keeps its place in the queue"
    return f"it stays until its replacement may be sent: {sentence_of(code)}"
