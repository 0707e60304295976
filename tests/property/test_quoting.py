"""What must hold of every quote set, whatever the market, the position and the configuration."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteLevel, QuoteSet, QuotingEngine
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.pricing.waterfall import waterfall


def decimals(lowest: str, highest: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(lowest, highest, places=places, allow_nan=False)


configs = st.builds(
    SymbolConfig,
    symbol=st.just("X"),
    base_spread_bps=st.one_of(st.just(Decimal(0)), decimals("0.001", "5000", 3)),
    order_size_usdt=decimals("0", "100000", 2),
    inventory_skew_factor=decimals("0", "5", 3),
    max_position_usdt=decimals("0", "1000000", 2),
    volatility_multiplier=st.booleans(),
    num_levels=st.integers(1, 12),
    level_spacing_bps=st.one_of(st.just(Decimal(0)), decimals("0.001", "500", 3)),
)
instruments = st.builds(
    Instrument,
    symbol=st.just("X"),
    base_currency=st.just("X"),
    quote_currency=st.just("USDT"),
    tick_size=st.sampled_from(
        [Decimal(text) for text in ("0.01", "0.1", "0.25", "0.03", "1e-8", "5", "0.7")]
    ),
    lot_size=st.sampled_from([Decimal(text) for text in ("0.00001", "0.001", "1", "0.3", "1000")]),
    min_notional=st.sampled_from([Decimal(0), Decimal(5), Decimal("0.1")]),
)
mids = st.builds(
    ReferenceMid, st.integers(1, 10**9), st.sampled_from([1, 2, 3, 7, 2500]), st.sampled_from(MidSource)
)
positions = decimals("-100000", "100000", 5)
factors = st.integers(1_000_000, 3_000_000)
best_prices = st.one_of(st.none(), st.integers(1, 10**9))


@st.composite
def quote_sets(draw: st.DrawFn) -> tuple[QuoteSet, SymbolConfig, Instrument]:
    """A quote set in a market whose best prices, when there are any, stand around the mid."""
    config, instrument, mid = draw(configs), draw(instruments), draw(mids)
    middle = mid.num // mid.den
    reach = max(middle // 50, 3)
    best_bid = draw(st.one_of(st.none(), st.integers(max(middle - reach, 1), max(middle, 1))))
    lowest_ask = middle + 1 if best_bid is None else max(middle, best_bid) + 1
    best_ask = draw(st.one_of(st.none(), st.integers(lowest_ask, lowest_ask + reach)))
    engine = QuotingEngine(config, instrument)
    return engine.quote(mid, draw(positions), draw(factors), best_bid, best_ask), config, instrument


def quoted(levels: tuple[QuoteLevel, ...]) -> list[QuoteLevel]:
    return [level for level in levels if level.verdict is Outcome.QUOTED]


@settings(max_examples=500)
@given(quote_sets())
def test_no_own_bid_stands_at_or_above_an_own_ask(case: tuple[QuoteSet, SymbolConfig, Instrument]) -> None:
    quote_set, _, _ = case
    assert max(bid.price_ticks for bid in quote_set.bids) < min(ask.price_ticks for ask in quote_set.asks)


@given(quote_sets())
def test_no_quote_crosses_or_touches_the_other_side(
    case: tuple[QuoteSet, SymbolConfig, Instrument],
) -> None:
    quote_set, _, _ = case
    if quote_set.best_ask is not None:
        assert all(bid.price_ticks < quote_set.best_ask for bid in quote_set.bids)
    if quote_set.best_bid is not None:
        assert all(ask.price_ticks > quote_set.best_bid for ask in quote_set.asks)


@given(quote_sets())
def test_quoted_levels_are_positive_large_enough_and_strictly_ordered(
    case: tuple[QuoteSet, SymbolConfig, Instrument],
) -> None:
    quote_set, config, instrument = case
    for level in quoted(quote_set.bids) + quoted(quote_set.asks):
        assert level.price_ticks >= 1
        assert level.lots >= 1
        assert instrument.notional(level.price_ticks, level.lots) >= instrument.min_notional
    assert all(inner.price_ticks > outer.price_ticks for inner, outer in pairwise(quoted(quote_set.bids)))
    assert all(inner.price_ticks < outer.price_ticks for inner, outer in pairwise(quoted(quote_set.asks)))
    assert len(quote_set.bids) == len(quote_set.asks) == config.num_levels


@given(quote_sets())
def test_a_level_is_left_out_only_for_the_reason_it_gives(
    case: tuple[QuoteSet, SymbolConfig, Instrument],
) -> None:
    quote_set, _, instrument = case
    for side in (quote_set.bids, quote_set.asks):
        for index, level in enumerate(side):
            notional = instrument.notional(level.price_ticks, level.lots)
            match level.verdict:
                case Outcome.PRICE_NOT_POSITIVE:
                    assert level.price_ticks < 1
                case Outcome.ZERO_QUANTITY:
                    assert level.lots == 0
                case Outcome.BELOW_MIN_NOTIONAL:
                    assert notional < instrument.min_notional
                case Outcome.SAME_PRICE_AS_INNER_LEVEL:
                    assert level.price_ticks == side[index - 1].price_ticks
                case Outcome.QUOTED:
                    assert notional >= instrument.min_notional


@given(quote_sets())
def test_the_size_is_worth_the_order_size_at_the_mid_and_a_lot_more_would_be_too_much(
    case: tuple[QuoteSet, SymbolConfig, Instrument],
) -> None:
    quote_set, config, instrument = case
    mid = Fraction(quote_set.mid.num, quote_set.mid.den) * Fraction(instrument.tick_size)
    lots = quote_set.bids[0].lots
    lot_value = mid * Fraction(instrument.lot_size)
    assert lots * lot_value <= Fraction(config.order_size_usdt) < (lots + 1) * lot_value


@given(
    config=configs,
    instrument=instruments,
    mid=mids,
    held=st.lists(positions, min_size=2, max_size=2).map(sorted),
    factor=factors,
    best_bid=best_prices,
    best_ask=best_prices,
)
def test_a_longer_position_never_raises_a_price(
    config: SymbolConfig,
    instrument: Instrument,
    mid: ReferenceMid,
    held: list[Decimal],
    factor: int,
    best_bid: int | None,
    best_ask: int | None,
) -> None:
    assume(best_bid is None or best_ask is None or best_bid < best_ask)
    engine = QuotingEngine(config, instrument)
    shorter = engine.quote(mid, held[0], factor, best_bid, best_ask)
    longer = engine.quote(mid, held[1], factor, best_bid, best_ask)
    for lower, upper in zip(longer.bids + longer.asks, shorter.bids + shorter.asks, strict=True):
        assert lower.price_ticks <= upper.price_ticks


@given(
    config=configs,
    instrument=instruments,
    mid=mids,
    position=positions,
    pair=st.lists(factors, min_size=2, max_size=2),
)
def test_a_wilder_market_never_narrows_the_spread(
    config: SymbolConfig, instrument: Instrument, mid: ReferenceMid, position: Decimal, pair: list[int]
) -> None:
    calm_ppm, wild_ppm = sorted(pair)
    engine = QuotingEngine(config, instrument)
    widths = [
        Fraction(waterfall(engine.quote(mid, position, ppm, None, None), config, instrument).spread)
        for ppm in (calm_ppm, wild_ppm)
    ]
    assert widths[0] <= widths[1]


@given(quote_sets())
def test_the_waterfall_leads_to_the_very_prices_that_are_quoted(
    case: tuple[QuoteSet, SymbolConfig, Instrument],
) -> None:
    quote_set, config, instrument = case
    explained = waterfall(quote_set, config, instrument)
    levels = [level for pair in zip(quote_set.bids, quote_set.asks, strict=True) for level in pair]
    for shown, level in zip(explained.levels, levels, strict=True):
        assert shown.price == instrument.price(level.price_ticks)
        assert (shown.side, shown.level, shown.verdict) == (level.side, level.level, level.verdict)
        if not shown.clamp:
            assert shown.price == shown.rounded_price
        else:
            assert (shown.price < shown.rounded_price) == (level in quote_set.bids)
    assert -1 <= explained.inventory_norm <= 1


@settings(max_examples=50)
@given(
    config=configs,
    instrument=instruments,
    inputs=st.lists(st.tuples(mids, positions, factors), min_size=1, max_size=8),
)
def test_an_engine_remembers_nothing_that_changes_its_answer(
    config: SymbolConfig, instrument: Instrument, inputs: list[tuple[ReferenceMid, Decimal, int]]
) -> None:
    lasting = QuotingEngine(config, instrument)
    for mid, position, factor in inputs + inputs[::-1]:
        fresh = QuotingEngine(config, instrument).quote(mid, position, factor, None, None)
        assert lasting.quote(mid, position, factor, None, None) == fresh
