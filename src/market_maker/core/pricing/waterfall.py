"""Why a quote is what it is: the steps from the mid to each level's price, for people.

Built only when asked, from a quote set and what it was computed with. It works the formula (or what a model
proposed) out again with fractions, so that it also checks the integer arithmetic of the fast path; the
Decimals shown are rounded half even to DIGITS significant digits.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import ceil, floor

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import EXACT, Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.models.proposal import Proposal, Step
from market_maker.core.pricing.models.registry import DEFAULT
from market_maker.core.pricing.quoting import QuoteLevel, QuoteSet, Reasoning
from market_maker.core.pricing.reference_mid import ReferenceMid
from market_maker.core.pricing.volatility import FACTOR_ONE_PPM
from market_maker.core.side import Side

DIGITS = 18

_SHOWN = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class LevelWaterfall:
    """The way of one level; prices in quote currency, `quantity` in base currency."""

    side: Side
    level: int
    step: Decimal
    """How far this level stands outside level 0."""
    raw_price: Decimal
    """What the formula gives."""
    rounded_price: Decimal
    """After rounding: bids down, asks up to the tick."""
    price: Decimal
    """After the maker-only clamp."""
    clamp: str
    """Which rule moved the price after rounding: below_best_ask, above_best_bid, below_own_ask,
    above_own_bid, minimum_edge, or empty when none did."""
    quantity: Decimal
    notional: Decimal
    verdict: Outcome
    detail: str
    """The same as one sentence."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The steps that all levels share, in quote currency, and each level's own."""

    mid: Decimal
    mid_source: str
    volatility_factor: Decimal
    spread: Decimal
    position: Decimal
    """Signed, base currency."""
    inventory: Decimal
    """The position valued at the mid."""
    inventory_norm: Decimal
    """Inventory over the maximum position, from -1 to 1."""
    bias: Decimal
    """How far both sides are moved down (up when negative)."""
    bid_mid: Decimal
    """What bids are computed from: the mid (or the fair value chosen instead), and while it is uncertain what
    is safe for them."""
    ask_mid: Decimal
    """The same for asks."""
    model: str
    """By which model this was quoted."""
    why_not_configured: str
    """Why that is not the one of the configuration; empty when it is."""
    steps: tuple[Step, ...]
    """The model's own figures, and what the further choices made of them."""
    best_bid: Decimal | None
    """Others' best prices, which the clamp keeps clear of."""
    best_ask: Decimal | None
    levels: tuple[LevelWaterfall, ...]
    """Inner first, bid before ask."""


def waterfall(quote_set: QuoteSet, config: SymbolConfig, instrument: Instrument) -> Waterfall:
    """Explain `quote_set`; configuration and instrument are those it was computed with."""
    mid = quote_set.mid
    reasoning = quote_set.reasoning or Reasoning(DEFAULT, None)
    bids = _shared(quote_set, quote_set.below or mid, config, instrument)
    asks = _shared(quote_set, quote_set.above or mid, config, instrument)
    shared = _shared(quote_set, mid, config, instrument)
    if reasoning.proposal is not None:
        at_ask = reasoning.ask_proposal or reasoning.proposal
        bids = _proposed(bids, reasoning.proposal, reasoning.proposal.bid_half_ticks)
        asks = _proposed(asks, at_ask, at_ask.ask_half_ticks)
        both = (reasoning.proposal.bid_half_ticks + at_ask.ask_half_ticks) / 2
        shared = _proposed(shared, reasoning.proposal, both)
    levels: list[LevelWaterfall] = []
    for bid, ask in zip(quote_set.bids, quote_set.asks, strict=True):
        levels += (_level(bids, bid), _level(asks, ask))
    best_bid, best_ask = quote_set.best_bid, quote_set.best_ask
    return Waterfall(
        mid=_shown(shared.mid),
        mid_source=mid.source.value,
        volatility_factor=_shown(Fraction(quote_set.factor_ppm, FACTOR_ONE_PPM)),
        spread=_shown(shared.half_spread * 2),
        position=quote_set.position,
        inventory=_shown(shared.inventory),
        inventory_norm=_shown(shared.norm),
        bias=_shown(shared.bias),
        bid_mid=_shown(bids.mid),
        ask_mid=_shown(asks.mid),
        model=reasoning.model,
        why_not_configured=reasoning.why_not,
        steps=_steps(reasoning, instrument),
        best_bid=None if best_bid is None else instrument.price(best_bid),
        best_ask=None if best_ask is None else instrument.price(best_ask),
        levels=tuple(levels),
    )


def _shared(
    quote_set: QuoteSet, reference: ReferenceMid, config: SymbolConfig, instrument: Instrument
) -> "_Shared":
    """What follows from the mid, or from the price that one side is computed from instead."""
    mid = reference.ticks * Fraction(instrument.tick_size)
    factor = Fraction(quote_set.factor_ppm, FACTOR_ONE_PPM)
    spread = mid * Fraction(config.base_spread_bps) / 10_000 * factor
    inventory = Fraction(quote_set.position) * mid
    norm = _norm(inventory, Fraction(config.max_position_usdt))
    bias = norm * Fraction(config.inventory_skew_factor) * spread / 2
    step = mid * Fraction(config.level_spacing_bps) / 10_000
    return _Shared(quote_set, instrument, mid, spread / 2, inventory, norm, bias, step)


def _proposed(shared: "_Shared", proposal: Proposal, half_ticks: Decimal) -> "_Shared":
    """The same with a model's centre and half spread in place of the formula's."""
    tick = Fraction(shared.instrument.tick_size)
    bias = shared.mid - Fraction(proposal.centre_ticks) * tick
    return replace(shared, half_spread=Fraction(half_ticks) * tick, bias=bias)


def _steps(reasoning: Reasoning, instrument: Instrument) -> tuple[Step, ...]:
    steps = () if reasoning.proposal is None else reasoning.proposal.steps
    choices = reasoning.adjustment
    if choices is None:
        return steps
    if choices.bid_ticks_max is not None and choices.ask_ticks_min is not None:
        highest, lowest = instrument.price(choices.bid_ticks_max), instrument.price(choices.ask_ticks_min)
        says = "the fee and the minimum edge away from the fair value"
        steps += (
            Step("bid_at_most", highest, instrument.quote_currency, says),
            Step("ask_at_least", lowest, instrument.quote_currency, says),
        )
    says = "size skew: the share of the order size on the side that adds to the position"
    for name, size in (("bid_size", choices.bid_size), ("ask_size", choices.ask_size)):
        if size != 1:
            steps += (Step(name, size, "order sizes", says),)
    return steps


def _norm(inventory: Fraction, limit: Fraction) -> Fraction:
    if abs(inventory) > limit or not limit:
        return Fraction((inventory > 0) - (inventory < 0))
    return inventory / limit


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the levels have in common; amounts in quote currency."""

    quote_set: QuoteSet
    instrument: Instrument
    mid: Fraction
    half_spread: Fraction
    inventory: Fraction
    norm: Fraction
    bias: Fraction
    step: Fraction

    def money(self, value: Fraction | Decimal) -> str:
        """An amount with four digits more than the tick has, half even, for reading."""
        amount = _shown(value) if isinstance(value, Fraction) else value
        tick_exponent = int(self.instrument.tick_size.normalize(EXACT).as_tuple().exponent)
        rounded = EXACT.quantize(amount, Decimal((0, (1,), min(tick_exponent, 0) - 4)))
        return f"{rounded.normalize(EXACT):f}"


def _level(shared: _Shared, quoted: QuoteLevel) -> LevelWaterfall:
    instrument = shared.instrument
    is_bid = quoted.side is Side.BUY
    step = shared.step * quoted.level
    outward = shared.half_spread + step
    raw = shared.mid - shared.bias + (-outward if is_bid else outward)
    raw_ticks = raw / Fraction(instrument.tick_size)
    rounded = instrument.price(floor(raw_ticks) if is_bid else ceil(raw_ticks))
    price = instrument.price(quoted.price_ticks)
    clamp = "" if price == rounded else _clamp(shared.quote_set, quoted)
    return LevelWaterfall(
        side=quoted.side,
        level=quoted.level,
        step=_shown(step),
        raw_price=_shown(raw),
        rounded_price=rounded,
        price=price,
        clamp=clamp,
        quantity=instrument.quantity(quoted.lots),
        notional=instrument.notional(quoted.price_ticks, quoted.lots),
        verdict=quoted.verdict,
        detail=_detail(shared, quoted, raw, rounded, clamp),
    )


def _clamp(quote_set: QuoteSet, quoted: QuoteLevel) -> str:
    choices = None if quote_set.reasoning is None else quote_set.reasoning.adjustment
    if choices is not None and quoted.price_ticks in (choices.bid_ticks_max, choices.ask_ticks_min):
        return "minimum_edge"
    if quoted.side is Side.BUY:
        best = quote_set.best_ask
        return "below_best_ask" if best is not None and quoted.price_ticks == best - 1 else "below_own_ask"
    best = quote_set.best_bid
    return "above_best_bid" if best is not None and quoted.price_ticks == best + 1 else "above_own_bid"


def _detail(shared: _Shared, quoted: QuoteLevel, raw: Fraction, rounded: Decimal, clamp: str) -> str:
    is_bid = quoted.side is Side.BUY
    outward = "-" if is_bid else "+"
    money, instrument = shared.money, shared.instrument
    formula = (
        f"{'bid' if is_bid else 'ask'} {quoted.level}: mid {money(shared.mid)}"
        f" {outward} half spread {money(shared.half_spread)} - bias {money(shared.bias)}"
        f" {outward} {quoted.level} x step {money(shared.step)} = {money(raw)}"
    )
    parts = [formula, f"rounded {'down' if is_bid else 'up'} to {money(rounded)}"]
    if clamp:
        parts.append(f"moved {clamp.replace('_', ' ')} to {money(instrument.price(quoted.price_ticks))}")
    notional = money(instrument.notional(quoted.price_ticks, quoted.lots))
    parts.append(f"quantity {instrument.quantity(quoted.lots):f}, notional {notional}")
    parts.append(_SENTENCES[quoted.verdict].format(min_notional=instrument.min_notional))
    return "; ".join(parts)


_SENTENCES = {
    Outcome.QUOTED: "quoted",
    Outcome.BELOW_MIN_NOTIONAL: "not quoted: the notional is below the minimum of {min_notional:f}",
    Outcome.ZERO_QUANTITY: "not quoted: the order size is less than one lot",
    Outcome.PRICE_NOT_POSITIVE: "not quoted: the price is not positive",
    Outcome.SAME_PRICE_AS_INNER_LEVEL: "not quoted: an inner level stands at the same price",
    Outcome.FILL_PAUSE: "not quoted: its side pauses after a fill",
}


def _shown(value: Fraction) -> Decimal:
    return _SHOWN.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(_SHOWN)
