"""Quotes of one symbol by a model: what it proposes, as levels in ticks and lots with a verdict on each.

The same steps as in `quoting`, from a proposal in place of the formula: outer levels stand
level_spacing_bps further out each, bids are rounded down and asks up, a bid is capped below others' best
ask and an ask floored above their best bid, and own bids stay below own asks. Whatever a model says passes
here, so what is no usable number ends here.
"""

from decimal import Decimal

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.models.decimals import MODEL, ceil_int, floor_int
from market_maker.core.pricing.models.proposal import Context, NotReady, Proposal, QuotedAt, Seen
from market_maker.core.pricing.models.registry import DEFAULT, model_kind, resolved
from market_maker.core.pricing.quoting import INWARD_SHARE, QuoteLevel, QuoteSet, Reasoning, verdict_of
from market_maker.core.pricing.reference_mid import ReferenceMid
from market_maker.core.side import Side

_BPS = Decimal(10_000)
_TICKS_MAX = Decimal(10) ** 18
"""Prices and distances beyond this do not fit the exchange's numbers."""
_SIZE_MAX = Decimal(10) ** 6
_EXPONENT_MAX = 1_000
"""Of ten. Numbers larger or smaller than that would fill pages, and take minutes to reckon with exactly."""


class ModelQuotes:
    """Quotes one symbol by the model of its configuration; make a new one when either changes.

    Raises UnknownModelError or ParameterError when the configuration's model cannot be made here.
    """

    __slots__ = ("_config", "_instrument", "_levels", "_model", "_order_units", "_size", "_spacing", "name")

    def __init__(self, config: SymbolConfig, instrument: Instrument, learned: str = "") -> None:
        kind = model_kind(config.model)
        assert kind.make is not None, f"{kind.name} is computed in integers"  # noqa: S101 - invariant
        self.name = kind.name
        self._config, self._instrument = config, instrument
        self._model = kind.make(dict(resolved(config.model, dict(config.model_parameters))))
        if learned:
            self._model.restore(learned)
        self._levels = range(config.num_levels)
        self._size = MODEL.divide(config.order_size_usdt, instrument.notional_unit)
        """Order size in lots at a mid of one tick."""
        self._spacing = MODEL.divide(config.level_spacing_bps, _BPS)

    def __reduce__(self) -> tuple[type["ModelQuotes"], tuple[SymbolConfig, Instrument, str]]:
        """As its configuration and what it learned: a checkpoint holds no object of a model."""
        return ModelQuotes, (self._config, self._instrument, self._model.checkpoint())

    def learned(self, name: str, instrument: Instrument) -> str:
        """What a model of that name on that grid can go on from; empty when this one knows nothing of use."""
        of_use = self.name == name and self._instrument.same_grid(instrument)
        return self._model.checkpoint() if of_use else ""

    def learn(self, seen: Seen) -> None:
        """Tell the model what happened."""
        self._model.learn(seen)

    def quote(
        self, mid: ReferenceMid, position: Decimal, best_bid: int | None, best_ask: int | None
    ) -> QuoteSet | NotReady | Outcome:
        """All levels; why the model is not ready; or why what it proposes cannot be quoted.

        `position` is signed base currency, `best_bid` and `best_ask` are others' best prices in ticks.
        """
        fair = MODEL.divide(Decimal(mid.num), Decimal(mid.den))
        proposal = self._model.propose(self._context(fair, position))
        if isinstance(proposal, NotReady):
            return proposal
        if not is_usable(proposal):
            return Outcome.MODEL_UNUSABLE
        bid = MODEL.subtract(proposal.centre_ticks, proposal.bid_half_ticks)
        ask = MODEL.add(proposal.centre_ticks, proposal.ask_half_ticks)
        step = MODEL.multiply(fair, self._spacing)
        lots = MODEL.divide(self._size, fair)
        bid_max = None if best_ask is None else best_ask - 1
        ask_min = None if best_bid is None else best_bid + 1
        if bid == ask and bid == bid.to_integral_value():
            meeting = int(bid)
            bid_max = meeting - 1 if bid_max is None else min(bid_max, meeting - 1)
            ask_min = meeting + 1 if ask_min is None else max(ask_min, meeting + 1)
        bids = [floor_int(MODEL.subtract(bid, MODEL.multiply(step, Decimal(k)))) for k in self._levels]
        asks = [ceil_int(MODEL.add(ask, MODEL.multiply(step, Decimal(k)))) for k in self._levels]
        if bid_max is not None:
            bids = [min(ticks, bid_max) for ticks in bids]
        if ask_min is not None:
            asks = [max(ticks, ask_min) for ticks in asks]
        half = min(proposal.bid_half_ticks, proposal.ask_half_ticks)
        return QuoteSet(
            mid,
            1_000_000,
            position,
            self._side(Side.BUY, bids, floor_int(MODEL.multiply(lots, proposal.bid_size))),
            self._side(Side.SELL, asks, floor_int(MODEL.multiply(lots, proposal.ask_size))),
            best_bid,
            best_ask,
            floor_int(half) // INWARD_SHARE,
            reasoning=Reasoning(self.name, proposal),
        )

    def quoted(self, quote: QuoteSet, *, own: bool = True) -> None:
        """Tell the model where its quotes stand, or the formula's in its place."""
        mid = quote.mid
        depths = [
            abs(2 * level.price_ticks * mid.den - 2 * mid.num) // mid.den
            for level in (*quote.bids, *quote.asks)
        ]
        self._model.learn(QuotedAt(min(depths), max(depths), own))

    def _context(self, fair: Decimal, position: Decimal) -> Context:
        value = MODEL.multiply(MODEL.multiply(position, self._instrument.tick_size), fair)
        limit = self._config.max_position_usdt
        norm = MODEL.divide(value, limit) if limit else Decimal((value > 0) - (value < 0))
        return Context(
            fair,
            MODEL.divide(value, self._config.order_size_usdt) if self._config.order_size_usdt else Decimal(0),
            max(Decimal(-1), min(Decimal(1), norm)),
        )

    def _side(self, side: Side, prices: list[int], lots: int) -> tuple[QuoteLevel, ...]:
        least = self._instrument.min_notional_units
        levels = []
        inner = None
        for level, ticks in enumerate(prices):
            levels.append(QuoteLevel(side, level, ticks, lots, verdict_of(ticks, lots, inner, least)))
            inner = ticks
        return tuple(levels)


def model_quotes(
    config: SymbolConfig, instrument: Instrument, before: ModelQuotes | None
) -> ModelQuotes | None:
    """The quotes of the configuration's model, None for the formula; what is of use of the past is kept."""
    if config.model == DEFAULT:
        return None
    learned = "" if before is None else before.learned(config.model, instrument)
    return ModelQuotes(config, instrument, learned)


def is_usable(proposal: Proposal) -> bool:
    """Whether prices, sizes and an explanation can be made of it; an installed model may return anything."""
    *ticks, bid_size, ask_size = proposal[:5]
    return (
        all(map(_is_writable, (*proposal[:5], *(step.value for step in proposal.steps))))
        and all(abs(value) <= _TICKS_MAX for value in ticks)
        and min(proposal.bid_half_ticks, proposal.ask_half_ticks) >= 0
        and all(0 <= size <= _SIZE_MAX for size in (bid_size, ask_size))
    )


def _is_writable(value: Decimal) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _EXPONENT_MAX
