from dataclasses import replace
from decimal import Decimal

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuotingEngine
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.pricing.waterfall import LevelWaterfall, Waterfall, waterfall
from market_maker.core.side import Side

INSTRUMENT = Instrument("X", "X", "USDT", Decimal("0.01"), Decimal("0.001"), Decimal(5))
CONFIG = SymbolConfig("X", base_spread_bps=Decimal(20), level_spacing_bps=Decimal(10), num_levels=2)
MID = ReferenceMid(20_001, 2, MidSource.BOOK)


def explain(
    config: SymbolConfig = CONFIG,
    position: Decimal = Decimal(0),
    factor_ppm: int = 1_000_000,
    best: tuple[int | None, int | None] = (None, None),
    mid: ReferenceMid = MID,
) -> Waterfall:
    quote_set = QuotingEngine(config, INSTRUMENT).quote(mid, position, factor_ppm, *best)
    return waterfall(quote_set, config, INSTRUMENT)


def level(explained: Waterfall, side: Side, number: int) -> LevelWaterfall:
    return next(one for one in explained.levels if one.side is side and one.level == number)


def test_the_shared_steps_are_shown_in_quote_currency() -> None:
    explained = explain(position=Decimal(50), factor_ppm=1_500_000, best=(10_000, 10_001))
    assert explained.mid == Decimal("100.005")
    assert explained.mid_source == "book"
    assert explained.volatility_factor == Decimal("1.5")
    assert explained.spread == Decimal("0.300015")
    assert explained.position == Decimal(50)
    assert explained.inventory == Decimal("5000.25")
    assert explained.inventory_norm == Decimal("0.500025")
    assert explained.bias == Decimal("0.03750375009375")  # 0.500025 * 0.5 * 0.1500075
    assert (explained.best_bid, explained.best_ask) == (Decimal(100), Decimal("100.01"))


def test_each_level_shows_its_way_from_the_formula_to_the_price() -> None:
    outer = level(explain(), Side.BUY, 1)
    assert outer.step == Decimal("0.100005")
    assert outer.raw_price == Decimal("99.80499")
    assert outer.rounded_price == outer.price == Decimal("99.80")
    assert outer.clamp == ""
    assert outer.quantity == Decimal("0.999")
    assert outer.notional == Decimal("99.7002")
    assert outer.verdict is Outcome.QUOTED


def test_levels_come_inner_first_and_bid_before_ask() -> None:
    order = [(one.level, one.side) for one in explain().levels]
    assert order == [(0, Side.BUY), (0, Side.SELL), (1, Side.BUY), (1, Side.SELL)]


def test_a_level_says_in_one_sentence_why_it_has_its_price() -> None:
    assert level(explain(), Side.SELL, 1).detail == (
        "ask 1: mid 100.005 + half spread 0.100005 - bias 0 + 1 x step 0.100005 = 100.20501;"
        " rounded up to 100.21; quantity 0.999, notional 100.10979; quoted"
    )


def test_a_clamped_level_says_which_rule_moved_it() -> None:
    config = replace(CONFIG, inventory_skew_factor=Decimal(3))
    short = level(explain(config, Decimal(-100), best=(9_999, 10_002)), Side.BUY, 0)
    assert (short.clamp, short.price) == ("below_best_ask", Decimal("100.01"))
    assert short.rounded_price > short.price
    assert "moved below best ask to 100.01" in short.detail
    long = level(explain(config, Decimal(100), best=(9_999, 10_002)), Side.SELL, 0)
    assert (long.clamp, long.price) == ("above_best_bid", Decimal("100.00"))


def test_own_quotes_that_would_meet_say_so() -> None:
    meeting = explain(
        replace(CONFIG, base_spread_bps=Decimal(0)), mid=ReferenceMid(10_000, 1, MidSource.MARK)
    )
    assert level(meeting, Side.BUY, 0).clamp == "below_own_ask"
    assert level(meeting, Side.SELL, 0).clamp == "above_own_bid"
    assert meeting.mid_source == "mark"


def test_a_level_that_is_not_quoted_says_why() -> None:
    small = explain(replace(CONFIG, order_size_usdt=Decimal("4.9")))
    assert level(small, Side.BUY, 0).detail.endswith("not quoted: the notional is below the minimum of 5")
    none = explain(replace(CONFIG, order_size_usdt=Decimal("0.01")))
    assert level(none, Side.BUY, 0).detail.endswith("not quoted: the order size is less than one lot")
    same = explain(replace(CONFIG, level_spacing_bps=Decimal(0)))
    assert level(same, Side.SELL, 1).detail.endswith("not quoted: an inner level stands at the same price")
    free = explain(mid=ReferenceMid(1, 1, MidSource.LAST_TRADE))
    assert level(free, Side.BUY, 0).detail.endswith("not quoted: the price is not positive")


def test_numbers_without_a_finite_decimal_form_are_shown_to_eighteen_digits() -> None:
    explained = explain(replace(CONFIG, max_position_usdt=Decimal(30_000)), Decimal(100))
    assert explained.inventory_norm == Decimal("0.33335")
    thirds = explain(replace(CONFIG, max_position_usdt=Decimal(7)), Decimal("0.01"))
    assert thirds.inventory_norm == Decimal("0.142864285714285714")


def test_with_a_maximum_position_of_zero_the_norm_is_the_direction() -> None:
    config = replace(CONFIG, max_position_usdt=Decimal(0))
    norms = [explain(config, Decimal(held)).inventory_norm for held in ("-0.1", "0", "3")]
    assert norms == [-1, 0, 1]
