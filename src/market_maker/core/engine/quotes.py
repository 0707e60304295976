"""The quote set of one evaluation: by the formula, or by the configuration's model and further choices."""

from dataclasses import replace

from market_maker.core.engine.fair_value import fair_values
from market_maker.core.engine.market import Look
from market_maker.core.engine.symbol import Symbol
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.model_quotes import ModelQuotes
from market_maker.core.pricing.models.proposal import NotReady
from market_maker.core.pricing.models.registry import DEFAULT
from market_maker.core.pricing.quoting import QuoteSet, Reasoning
from market_maker.core.pricing.reference_mid import ReferenceMid
from market_maker.core.side import Side


def quote_of(symbol: Symbol, look: Look) -> QuoteSet | Outcome:
    """All levels, or why nothing may be quoted from what the model proposes."""
    if symbol.quotes_plainly:
        return _by_formula(symbol, look, look.below, look.above)
    below, above = fair_values(symbol, look)
    quote = _by_model(symbol, look, below, above)
    if isinstance(quote, Outcome) or symbol.choices is None:
        return quote
    resting = [side for side in Side if symbol.protection.rests(side, symbol.now_ns)]
    return symbol.choices.applied(quote, below, above, resting)


def _by_formula(symbol: Symbol, look: Look, below: ReferenceMid, above: ReferenceMid) -> QuoteSet:
    """The quote set; while the mid is uncertain, bids and asks are computed from different ends of it."""
    position, factor = symbol.inventory.position, symbol.volatility.factor_ppm
    quote = symbol.quoting.quote(below, position, factor, look.bid, look.ask)
    if below is look.mid and above is look.mid:
        return quote
    asks = symbol.quoting.quote(above, position, factor, look.bid, look.ask).asks
    return replace(quote, mid=look.mid, asks=asks, below=below, above=above)


def _by_model(symbol: Symbol, look: Look, below: ReferenceMid, above: ReferenceMid) -> QuoteSet | Outcome:
    """By the model of the configuration; while it is not ready, by the formula, and saying so."""
    model = symbol.model_quotes
    if model is None:
        return _by_formula(symbol, look, below, above)
    quote = _proposed(symbol, model, look, below, above)
    symbol.not_ready = quote if isinstance(quote, NotReady) else None
    if isinstance(quote, NotReady):
        by_formula = _by_formula(symbol, look, below, above)
        model.quoted(by_formula, own=False)
        return replace(by_formula, reasoning=Reasoning(DEFAULT, None, why_not=quote.detail))
    if isinstance(quote, QuoteSet):
        model.quoted(quote)
    return quote


def _proposed(
    symbol: Symbol, model: ModelQuotes, look: Look, below: ReferenceMid, above: ReferenceMid
) -> QuoteSet | NotReady | Outcome:
    position = symbol.inventory.position
    quote = model.quote(below, position, look.bid, look.ask)
    if not isinstance(quote, QuoteSet) or (below is look.mid and above is look.mid):
        return quote
    if below is above:
        return replace(quote, mid=look.mid, below=below, above=above)
    other = model.quote(above, position, look.bid, look.ask)
    if not isinstance(other, QuoteSet):
        return other
    assert quote.reasoning is not None  # noqa: S101 - a model's quotes are explained
    assert other.reasoning is not None  # noqa: S101 - the same
    reasoning = quote.reasoning._replace(ask_proposal=other.reasoning.proposal)
    return replace(quote, mid=look.mid, asks=other.asks, below=below, above=above, reasoning=reasoning)
