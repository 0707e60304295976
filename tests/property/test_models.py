"""Whatever a model proposes: prices on the tick, sizes on the lot, maker only, own bids below own asks."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.wild_model import ANYTHING, wild_model

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.choices import Choices
from market_maker.core.pricing.model_quotes import ModelQuotes, is_usable
from market_maker.core.pricing.models.proposal import Proposal, Step
from market_maker.core.pricing.quoting import QuoteSet, QuotingEngine
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.pricing.waterfall import waterfall
from market_maker.core.side import Side

INSTRUMENT = Instrument("X", "X", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5))
CONFIG = SymbolConfig("X", num_levels=3)
MIDS = st.builds(
    ReferenceMid, st.integers(100, 10**7), st.sampled_from([1, 2, 3, 7]), st.just(MidSource.BOOK)
)
POSITIONS = st.decimals("-1000", "1000", places=3, allow_nan=False)
SET = (("sigma_ticks", Decimal(3)), ("k_per_tick", Decimal("0.2")), ("a_per_s", Decimal(5)))
MODELS = st.sampled_from(
    [
        ("glft", SET),
        ("avellaneda_stoikov", SET[:2]),
        *(("wild", (("seed", Decimal(seed)),)) for seed in range(60)),
    ]
)


def checked(quote: QuoteSet, best_bid: int, best_ask: int) -> None:
    bids = [level for level in quote.bids if level.verdict is Outcome.QUOTED]
    asks = [level for level in quote.asks if level.verdict is Outcome.QUOTED]
    for level in (*bids, *asks):
        assert type(level.price_ticks) is type(level.lots) is int
        assert level.price_ticks * level.lots >= INSTRUMENT.min_notional_units
    assert all(level.price_ticks < best_ask for level in bids)
    assert all(level.price_ticks > best_bid for level in asks)
    if bids and asks:
        assert bids[0].price_ticks < asks[0].price_ticks
    assert [level.price_ticks for level in bids] == sorted(
        {level.price_ticks for level in bids}, reverse=True
    )
    assert [level.price_ticks for level in asks] == sorted({level.price_ticks for level in asks})


@given(MIDS, POSITIONS, MODELS, st.integers(0, 30))
def test_what_any_model_proposes_is_quoted_on_the_grid_or_not_at_all(
    mid: ReferenceMid, position: Decimal, model: tuple[str, tuple[tuple[str, Decimal], ...]], half: int
) -> None:
    best_bid, best_ask = mid.num // mid.den - half, mid.num // mid.den + half + 1
    with wild_model():
        config = replace(CONFIG, model=model[0], model_parameters=model[1])
        quote = ModelQuotes(config, INSTRUMENT).quote(mid, position, best_bid, best_ask)
        if isinstance(quote, QuoteSet):
            checked(quote, best_bid, best_ask)
            explained = waterfall(quote, config, INSTRUMENT)
            assert explained.model == model[0]


@given(st.lists(st.sampled_from(ANYTHING), min_size=5, max_size=5))
def test_a_proposal_with_anything_but_finite_decimals_is_unusable(values: list[Decimal]) -> None:
    usable = is_usable(Proposal(values[0], values[1], values[2], values[3], values[4], ()))
    assert not usable or all(isinstance(value, Decimal) and value.is_finite() for value in values)


@pytest.mark.parametrize("value", ["1E-9999", "1E+9999", "0E-9999", "NaN", "Infinity"])
@pytest.mark.parametrize("explains", [True, False])
def test_a_number_that_nobody_can_write_down_is_unusable_in_a_proposal_and_in_its_explanation(
    value: str, explains: bool
) -> None:
    number, one = Decimal(value), Decimal(1)
    steps = (Step("x", number, "ticks", "anything"),) if explains else ()
    assert not is_usable(Proposal(Decimal(1000), one if explains else number, one, one, one, steps))


@given(
    MIDS,
    POSITIONS,
    st.integers(0, 30),
    st.decimals("0", "10", places=2),
    st.decimals("0", "50", places=2),
    st.sets(st.sampled_from(Side)),
)
def test_the_further_choices_only_move_quotes_outwards_and_make_them_smaller(
    mid: ReferenceMid, position: Decimal, half: int, eta: Decimal, edge: Decimal, rests: set[Side]
) -> None:
    config = replace(CONFIG, size_skew_eta=eta, min_edge_bps=edge, fill_pause_ms=Decimal(1))
    best_bid, best_ask = mid.num // mid.den - half, mid.num // mid.den + half + 1
    plain = QuotingEngine(config, INSTRUMENT).quote(mid, position, 1_000_000, best_bid, best_ask)
    quote = Choices(config, INSTRUMENT).applied(plain, mid, mid, tuple(rests))
    checked(quote, best_bid, best_ask)
    fair = mid.ticks
    for before, after in zip((*plain.bids, *plain.asks), (*quote.bids, *quote.asks), strict=True):
        assert after.side.sign * (before.price_ticks - after.price_ticks) >= 0
        assert after.lots <= before.lots
        assert after.side not in rests or after.verdict is not Outcome.QUOTED
        if edge:
            assert after.side.sign * (fair - after.price_ticks) >= fair * Fraction(edge) / 10_000
    waterfall(quote, config, INSTRUMENT)
