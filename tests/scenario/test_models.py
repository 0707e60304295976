"""Quotes by a model, its fallback to the default, and the further choices."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.conversation import CONFIG, INSTRUMENT
from tests.support.playbook import Playbook, active

from market_maker.core.config import FairValue, SymbolConfig
from market_maker.core.pricing.waterfall import waterfall
from market_maker.core.side import Side

SET = (("sigma_ticks", Decimal(2)), ("k_per_tick", Decimal("1.5")))
AVELLANEDA_STOIKOV = replace(CONFIG, model="avellaneda_stoikov", model_parameters=SET)
GLFT = replace(CONFIG, model="glft", model_parameters=(*SET, ("a_per_s", Decimal(140))))


def prices(play: Playbook) -> list[int]:
    quote = play.engine.symbol.quote
    assert quote is not None, play.view().no_quote_reason
    return [level.price_ticks for level in (*quote.bids, *quote.asks)]


def resting(config: SymbolConfig) -> Playbook:
    """ACTIVE, every first order rests, and the book shows them."""
    play = active(config=config)
    for name in play.names:
        play.place_answer(name)
    orders = play.engine.symbol.orders
    bids, asks = (tuple((o.price_ticks, o.lots) for o in orders.live(side)) for side in Side)
    play.delta(bids, asks)
    play.evaluate()
    return play


@pytest.mark.parametrize("config", [AVELLANEDA_STOIKOV, GLFT])
def test_a_model_quotes_around_the_mid_by_its_own_spread(config: SymbolConfig) -> None:
    assert prices(resting(config)) == [9999, 10001]


def test_a_model_without_figures_leaves_the_quotes_to_the_default_and_says_why() -> None:
    play = resting(replace(CONFIG, model="glft"))
    assert prices(play) == [9995, 10005]
    model = play.view().model
    assert (model.name, model.quotes_by, model.why_not_code) == ("glft", "linear_skew", "too_few_samples")
    assert "nothing has been seen" in model.why_not


def test_outer_levels_stand_a_spacing_apart() -> None:
    play = resting(replace(GLFT, num_levels=3, level_spacing_bps=Decimal(10)))
    assert prices(play) == [9999, 9989, 9979, 10001, 10011, 10021]


def test_a_position_moves_both_sides_against_itself() -> None:
    config = replace(AVELLANEDA_STOIKOV, model_parameters=(*SET, ("tau_s", Decimal(10))))
    play = resting(config)
    play.fill("c1", 100, "tc1")
    play.evaluate()
    quote = play.engine.symbol.quote
    assert quote is not None
    assert quote.bids[0].price_ticks < 9999 - 3
    assert quote.asks[0].price_ticks >= 9981


def test_the_minimum_edge_over_the_fee_keeps_quotes_away_from_the_fair_value() -> None:
    play = resting(replace(GLFT, maker_fee_bps=Decimal(1), min_edge_bps=Decimal("2.5")))
    assert prices(play) == [9996, 10004]


def test_a_rebate_larger_than_the_minimum_edge_asks_for_none() -> None:
    play = resting(replace(GLFT, maker_fee_bps=Decimal(-3), min_edge_bps=Decimal("2.5")))
    assert prices(play) == [9999, 10001]


def test_the_side_that_adds_to_the_position_is_smaller_by_the_size_skew() -> None:
    play = resting(replace(CONFIG, size_skew_eta=Decimal("0.7")))
    play.fill("c1", 100, "tc1")
    play.evaluate()
    quote = play.engine.symbol.quote
    assert quote is not None
    assert (quote.bids[0].lots, quote.asks[0].lots) == (49, 100)


def test_the_size_weighted_mid_leans_to_the_side_with_less_behind_it() -> None:
    play = resting(replace(CONFIG, fair_value=FairValue.SIZE_WEIGHTED_MID))
    play.snapshot(((9990, 900), (9900, 1)), ((10010, 100),))
    play.evaluate()
    assert prices(play) == [10002, 10014]
    assert play.view().mid == Decimal(1000)


def test_our_own_orders_weigh_nothing_in_the_size_weighted_mid() -> None:
    play = resting(replace(CONFIG, fair_value=FairValue.SIZE_WEIGHTED_MID, base_spread_bps=Decimal(60)))
    play.snapshot(((9970, 400), (9980, 200)), ((10020, 200), (10030, 500)))
    before = prices(play)
    play.evaluate()
    assert prices(play) == before == [9970, 10030]


def test_while_it_is_uncertain_how_much_of_a_level_is_ours_each_side_takes_the_safe_end() -> None:
    play = resting(replace(CONFIG, fair_value=FairValue.SIZE_WEIGHTED_MID))
    play.snapshot(((9995, 500), (9980, 500)), ((10020, 500),))
    play.delta(((9995, 350),))
    quote = play.engine.symbol.quote
    play.evaluate()
    quote = play.engine.symbol.quote
    assert quote is not None
    assert quote.below is not None
    assert quote.above is not None
    assert quote.below.ticks <= quote.above.ticks


def test_the_size_skew_of_a_huge_position_is_none_and_can_be_written_down() -> None:
    play = resting(replace(CONFIG, size_skew_eta=Decimal(1), max_position_usdt=Decimal(10_000_000)))
    play.execution("large", Side.BUY, "1000", "2000")
    play.evaluate()
    symbol = play.engine.symbol
    assert symbol.quote is not None
    assert symbol.quote.bids[0].lots == 0
    explained = {step.name: step.value for step in waterfall(symbol.quote, symbol.config, INSTRUMENT).steps}
    assert explained["bid_size"] == 0


def test_after_a_fill_its_side_pauses_in_the_same_step_and_returns_by_itself() -> None:
    play = resting(replace(CONFIG, fill_pause_ms=Decimal(500), num_levels=2))
    said = play.fill("c1", 100, "tc1")
    assert said.requests == ["cancel c3"]
    play.stream_cancelled("c3")
    play.tick(499)
    assert not play.engine.symbol.orders.live(Side.BUY)
    assert play.verdict(Side.BUY) == "fill_pause"
    play.tick(200)
    assert any(line.startswith("place") and "buy" in line for line in play.said.requests)


def test_a_fill_on_the_other_side_ends_no_pause() -> None:
    play = resting(replace(CONFIG, fill_pause_ms=Decimal(500), size_skew_eta=Decimal("0.7"), num_levels=2))
    play.fill("c1", 100, "tc1")
    said = play.fill("c2", 50, "tc2")
    assert not said.placed
    assert {play.verdict(side) for side in Side} == {"fill_pause"}
    quote = play.engine.symbol.quote
    assert quote is not None
    assert quote.bids[0].lots == 70  # once e^(-0.7 / 2), not once for each side that pauses


def test_a_burst_of_fills_takes_all_quotes_away_in_the_same_step() -> None:
    play = resting(replace(CONFIG, fill_burst_quantity=Decimal("0.15"), num_levels=3))
    assert not play.fill("c1", 100, "tc1").requests
    said = play.fill("c3", 100, "tc3")
    assert sorted(said.requests) == ["cancel c2", "cancel c4", "cancel c5", "cancel c6"]
    assert play.view().no_quote_reason == "fill_burst"


def test_quotes_return_after_the_pause_that_follows_the_last_fill_of_a_burst() -> None:
    config = replace(
        CONFIG,
        fill_burst_usdt=Decimal(150),
        fill_burst_pause_ms=Decimal(2000),
        fill_burst_window_ms=Decimal(1000),
    )
    play = resting(replace(config, num_levels=3))
    play.fill("c1", 100, "tc1")
    play.after(300)
    play.fill("c3", 100, "tc3")
    play.after(400)
    play.fill("c5", 100, "tc5")
    play.mid(10000)
    play.tick(1999)
    assert play.view().no_quote_reason == "fill_burst"
    play.mid(10000)
    play.tick(101)
    assert any(line.startswith("place") for line in play.said.requests)


def test_fills_that_are_further_apart_than_the_window_are_no_burst() -> None:
    play = resting(replace(CONFIG, fill_burst_usdt=Decimal(150), num_levels=3))
    play.fill("c1", 100, "tc1")
    play.after(1001)
    play.fill("c3", 100, "tc3")
    assert play.view().no_quote_reason == ""


def test_the_end_of_a_burst_brings_nothing_back_out_of_a_kill() -> None:
    play = resting(replace(CONFIG, fill_burst_usdt=Decimal(50), fill_burst_pause_ms=Decimal(1000)))
    play.fill("c1", 100, "tc1")
    play.kill()
    play.mid(10000)
    for _ in range(30):
        assert not [line for line in play.tick(100).requests if line.startswith("place")]
    assert play.view().state.value == "HALTED"
