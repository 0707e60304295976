"""What the desk may ask of any model's quotes: a minimum edge, a size skew, a side that pauses."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.models.decimals import MODEL, ONE, exp, floor_int
from market_maker.core.pricing.models.registry import DEFAULT
from market_maker.core.pricing.quoting import Adjustment, QuoteLevel, QuoteSet, Reasoning, verdict_of
from market_maker.core.pricing.reference_mid import BPS, ReferenceMid
from market_maker.core.side import Side

_POWER_MAX = 100
"""An order of e^-100 of any size is less than a lot."""


class Choices:
    """The choices of one configuration; make new ones when it or the instrument changes."""

    __slots__ = ("_edge_den", "_edge_num", "_eta", "_instrument", "_order_size")

    def __init__(self, config: SymbolConfig, instrument: Instrument) -> None:
        edge = MODEL.add(config.maker_fee_bps, config.min_edge_bps)
        self._edge_num, self._edge_den = edge.as_integer_ratio() if edge > 0 else (0, 1)
        self._edge_den *= BPS
        self._eta = config.size_skew_eta
        self._order_size = config.order_size_usdt
        self._instrument = instrument

    @classmethod
    def of(cls, config: SymbolConfig, instrument: Instrument) -> "Choices | None":
        """The choices of the configuration; None when none is made."""
        edge = config.maker_fee_bps + config.min_edge_bps > 0
        return cls(config, instrument) if edge or config.size_skew_eta or config.fill_pause_ms else None

    def applied(
        self, quote: QuoteSet, below: ReferenceMid, above: ReferenceMid, resting: Sequence[Side]
    ) -> QuoteSet:
        """The quote set with what was chosen; bids were computed from `below`, asks from `above`.

        `resting` are the sides that pause after a fill.
        """
        bid_max = ask_min = None
        num, den = self._edge_num, self._edge_den
        if num:
            bid_max = below.num * (den - num) // (below.den * den)
            ask_min = -(-above.num * (den + num) // (above.den * den))
        size = self._share_of_size(quote.position, below)
        bid_size, ask_size = (size, ONE) if quote.position > 0 else (ONE, size)
        adjustment = Adjustment(bid_max, ask_min, bid_size, ask_size)
        return replace(
            quote,
            bids=self._side(quote.bids, bid_max, bid_size, Side.BUY in resting),
            asks=self._side(quote.asks, ask_min, ask_size, Side.SELL in resting),
            reasoning=(quote.reasoning or Reasoning(DEFAULT, None))._replace(adjustment=adjustment),
        )

    def _share_of_size(self, position: Decimal, fair: ReferenceMid) -> Decimal:
        """e^(-eta |q|), of the orders that would add to the position."""
        if not self._eta or not position:
            return ONE
        mid = MODEL.multiply(self._instrument.tick_size, MODEL.divide(Decimal(fair.num), Decimal(fair.den)))
        sizes = MODEL.divide(MODEL.multiply(MODEL.abs(position), mid), self._order_size)
        power = MODEL.multiply(self._eta, sizes)
        return exp(MODEL.minus(power)) if power < _POWER_MAX else Decimal(0)

    def _side(
        self, levels: tuple[QuoteLevel, ...], limit: int | None, size: Decimal, rests: bool
    ) -> tuple[QuoteLevel, ...]:
        made: list[QuoteLevel] = []
        inner = None
        for level in levels:
            ticks, lots = level.price_ticks, level.lots
            if limit is not None:
                ticks = min(ticks, limit) if level.side is Side.BUY else max(ticks, limit)
            if size is not ONE:
                lots = floor_int(MODEL.multiply(Decimal(lots), size))
            verdict = verdict_of(ticks, lots, inner, self._instrument.min_notional_units)
            if rests and verdict is Outcome.QUOTED:
                verdict = Outcome.FILL_PAUSE
            made.append(QuoteLevel(level.side, level.level, ticks, lots, verdict))
            inner = ticks
        return tuple(made)
