"""A quote set as `mm.quote.simulated.v1` carries it, with its waterfall."""

from typing import Any

from market_maker.core.engine.symbol import Symbol
from market_maker.core.pricing.quoting import QuoteSet
from market_maker.core.pricing.waterfall import LevelWaterfall, waterfall


def simulated_quote(symbol: Symbol, quote: QuoteSet) -> dict[str, Any]:
    """The topic's data record; decimals as strings."""
    steps = waterfall(quote, symbol.config, symbol.instrument)
    return {
        "symbol": symbol.name,
        "quote_id": symbol.stats.quotes_computed,
        "book_sequence": symbol.book.sequence,
        "mid": f"{steps.mid:f}",
        "mid_source": quote.mid.source.value,
        "volatility_factor": f"{steps.volatility_factor:f}",
        "spread": f"{steps.spread:f}",
        "bias": f"{steps.bias:f}",
        "position": f"{quote.position:f}",
        "inventory_usdt": f"{steps.inventory:f}",
        "levels": [_level(symbol, level) for level in steps.levels],
    }


def _level(symbol: Symbol, level: LevelWaterfall) -> dict[str, Any]:
    verdict = symbol.verdicts.get((level.side, level.level), level.verdict.value)
    return {
        "side": level.side.value,
        "level": level.level,
        "raw_price": f"{level.raw_price:f}",
        "price": f"{level.price:f}",
        "quantity": f"{level.quantity:f}",
        "verdict": verdict,
        "detail": level.detail,
    }
