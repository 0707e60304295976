"""What a desk expects of quotes, in numbers worked out by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteSet, QuotingEngine
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.side import Side

ONE = 1_000_000
FLAT = Decimal(0)
INSTRUMENT = Instrument("X", "X", "USDT", Decimal("0.01"), Decimal("0.001"), Decimal(5))
CONFIG = SymbolConfig("X", base_spread_bps=Decimal(20), level_spacing_bps=Decimal(10))
MID_100 = ReferenceMid(10_000, 1, MidSource.BOOK)


def mid(ticks: str) -> ReferenceMid:
    num, den = Decimal(ticks).as_integer_ratio()
    return ReferenceMid(num, den, MidSource.BOOK)


def quote(
    config: SymbolConfig = CONFIG,
    at: ReferenceMid = MID_100,
    position: Decimal = FLAT,
    factor_ppm: int = ONE,
    best: tuple[int | None, int | None] = (None, None),
    instrument: Instrument = INSTRUMENT,
) -> QuoteSet:
    return QuotingEngine(config, instrument).quote(at, position, factor_ppm, *best)


def bids(quote_set: QuoteSet) -> list[int]:
    return [quoted.price_ticks for quoted in quote_set.bids]


def asks(quote_set: QuoteSet) -> list[int]:
    return [quoted.price_ticks for quoted in quote_set.asks]


def verdicts(quote_set: QuoteSet) -> list[Outcome]:
    return [quoted.verdict for quoted in (*quote_set.bids, *quote_set.asks)]


# --- prices and sizes --------------------------------------------------------------------------


def test_a_flat_maker_quotes_half_the_spread_on_each_side_of_the_mid() -> None:
    quote_set = quote()
    assert (bids(quote_set), asks(quote_set)) == ([9_990], [10_010])
    assert [quoted.lots for quoted in quote_set.bids + quote_set.asks] == [1000, 1000]
    assert verdicts(quote_set) == [Outcome.QUOTED] * 2
    assert (quote_set.bids[0].side, quote_set.asks[0].side) == (Side.BUY, Side.SELL)


def test_each_level_stands_one_step_further_out() -> None:
    quote_set = quote(replace(CONFIG, num_levels=3))
    assert (bids(quote_set), asks(quote_set)) == ([9_990, 9_980, 9_970], [10_010, 10_020, 10_030])
    assert [quoted.level for quoted in quote_set.asks] == [0, 1, 2]


def test_a_long_position_lowers_both_sides_and_a_short_one_raises_both() -> None:
    half_of_the_limit = Decimal(50)  # 5,000 of 10,000 USDT at 100: bias = 0.5 * 0.5 * 10 ticks
    long = quote(position=half_of_the_limit)
    assert (bids(long), asks(long)) == ([9_987], [10_008])  # 9987.5 down, 10007.5 up
    short = quote(position=-half_of_the_limit)
    assert (bids(short), asks(short)) == ([9_992], [10_013])


def test_beyond_the_maximum_position_the_bias_grows_no_further() -> None:
    at_limit, far_beyond = quote(position=Decimal(100)), quote(position=Decimal(5_000))
    assert bids(at_limit) == bids(far_beyond) == [9_985]
    assert asks(at_limit) == asks(far_beyond) == [10_005]


def test_the_limit_is_met_and_left_again_as_the_mid_moves_under_one_position() -> None:
    engine = QuotingEngine(CONFIG, INSTRUMENT)
    for at, bid in (("10000", 9_985), ("20000", 19_970), ("10000", 9_985), ("5000", 4_993)):
        # 100 units are worth 10,000, then 20,000 (the limit counts once), then 5,000: half the bias.
        assert bids(engine.quote(mid(at), Decimal(100), ONE, None, None)) == [bid]


def test_the_volatility_factor_widens_the_spread_and_with_it_the_bias_but_not_the_level_step() -> None:
    quote_set = quote(replace(CONFIG, num_levels=2), factor_ppm=3 * ONE, position=Decimal(50))
    # half spread 30, bias 7.5, step 10
    assert (bids(quote_set), asks(quote_set)) == ([9_962, 9_952], [10_023, 10_033])
    assert quote_set.factor_ppm == 3 * ONE


def test_without_the_volatility_multiplier_the_factor_counts_as_one() -> None:
    quote_set = quote(replace(CONFIG, volatility_multiplier=False), factor_ppm=3 * ONE)
    assert bids(quote_set) == [9_990]
    assert quote_set.factor_ppm == ONE


def test_bids_round_down_asks_up_and_sizes_down() -> None:
    quote_set = quote(at=mid("10000.5"))  # half spread 10.0005; 100 / 100.005 = 0.99995
    assert (bids(quote_set), asks(quote_set)) == ([9_990], [10_011])
    assert quote_set.bids[0].lots == 999


def test_a_price_exactly_on_a_tick_is_not_moved() -> None:
    assert (bids(quote(at=mid("20000"))), asks(quote(at=mid("20000")))) == ([19_980], [20_020])


def test_a_quote_set_tells_what_it_was_computed_from() -> None:
    quote_set = quote(position=Decimal(7), factor_ppm=1_500_000, best=(9_999, 10_001))
    assert (quote_set.mid, quote_set.position, quote_set.factor_ppm) == (MID_100, Decimal(7), 1_500_000)
    assert (quote_set.best_bid, quote_set.best_ask) == (9_999, 10_001)


# --- maker only --------------------------------------------------------------------------------


def test_a_bid_stays_below_others_best_ask_and_an_ask_above_others_best_bid() -> None:
    strong_skew = replace(CONFIG, inventory_skew_factor=Decimal(3))
    short = quote(strong_skew, position=Decimal(-100), best=(9_995, 10_003))  # bias -30: raw bid 10020
    assert (bids(short), asks(short)) == ([10_002], [10_040])
    long = quote(strong_skew, position=Decimal(100), best=(9_995, 10_003))  # bias 30: raw ask 9980
    assert (bids(long), asks(long)) == ([9_960], [9_996])


def test_levels_that_the_clamp_moves_onto_one_price_leave_only_the_inner_one() -> None:
    config = replace(CONFIG, num_levels=4, inventory_skew_factor=Decimal(3))
    quote_set = quote(config, position=Decimal(-100), best=(None, 10_003))
    # raw bids 10020, 10010, 10000, 9990
    assert bids(quote_set) == [10_002, 10_002, 10_000, 9_990]
    assert [quoted.verdict for quoted in quote_set.bids] == [
        Outcome.QUOTED,
        Outcome.SAME_PRICE_AS_INNER_LEVEL,
        Outcome.QUOTED,
        Outcome.QUOTED,
    ]


def test_levels_without_spacing_or_closer_than_a_tick_collapse_onto_the_inner_one() -> None:
    quote_set = quote(replace(CONFIG, num_levels=3, level_spacing_bps=Decimal(0)))
    same = Outcome.SAME_PRICE_AS_INNER_LEVEL
    assert verdicts(quote_set) == [Outcome.QUOTED, same, same] * 2


def test_a_zero_spread_on_a_tick_still_leaves_the_own_bid_below_the_own_ask() -> None:
    quote_set = quote(replace(CONFIG, base_spread_bps=Decimal(0), num_levels=2))
    assert (bids(quote_set), asks(quote_set)) == ([9_999, 9_990], [10_001, 10_010])
    between = quote(replace(CONFIG, base_spread_bps=Decimal(0)), at=mid("10000.5"))
    assert (bids(between), asks(between)) == ([10_000], [10_001])


def test_a_zero_spread_never_loosens_the_clamp_to_others_prices() -> None:
    config = replace(CONFIG, base_spread_bps=Decimal(0))
    quote_set = quote(config, best=(10_004, 9_997))
    assert (bids(quote_set), asks(quote_set)) == ([9_996], [10_005])


# --- levels that are not quoted ----------------------------------------------------------------


def test_an_order_of_less_than_a_lot_is_not_quoted() -> None:
    assert verdicts(quote(replace(CONFIG, order_size_usdt=Decimal("0.05")))) == [Outcome.ZERO_QUANTITY] * 2


def test_a_level_below_the_minimum_notional_is_not_quoted() -> None:
    config = replace(CONFIG, order_size_usdt=Decimal("5"))  # 50 lots: 4.995 at the bid, 5.005 at the ask
    assert verdicts(quote(config)) == [Outcome.BELOW_MIN_NOTIONAL, Outcome.QUOTED]


def test_a_notional_exactly_at_the_minimum_is_quoted() -> None:
    config = replace(CONFIG, order_size_usdt=Decimal("5"), base_spread_bps=Decimal(0))
    instrument = replace(INSTRUMENT, min_notional=Decimal("4.9995"))  # 9999 ticks of 0.01, 50 lots of 0.001
    assert verdicts(quote(config, instrument=instrument)) == [Outcome.QUOTED] * 2
    above = replace(INSTRUMENT, min_notional=Decimal("4.99951"))
    assert verdicts(quote(config, instrument=above)) == [Outcome.BELOW_MIN_NOTIONAL, Outcome.QUOTED]


def test_a_bid_below_one_tick_is_not_quoted() -> None:
    cheap = replace(INSTRUMENT, min_notional=Decimal(0))
    quote_set = quote(replace(CONFIG, num_levels=2), at=mid("1.0005"), instrument=cheap)
    assert bids(quote_set) == [0, 0]
    assert verdicts(quote_set)[:2] == [Outcome.PRICE_NOT_POSITIVE] * 2
    assert asks(quote_set) == [2, 2]


def test_a_bid_that_the_clamp_moves_to_zero_is_not_quoted() -> None:
    cheap = replace(INSTRUMENT, min_notional=Decimal(0))
    quote_set = quote(at=mid("3"), best=(None, 1), instrument=cheap)
    assert quote_set.bids[0].price_ticks == 0
    assert quote_set.bids[0].verdict is Outcome.PRICE_NOT_POSITIVE


def test_an_ask_that_a_wild_skew_moves_below_zero_is_not_quoted() -> None:
    wild = replace(CONFIG, base_spread_bps=Decimal(10_000), inventory_skew_factor=Decimal(5))
    quote_set = quote(wild, position=Decimal(100))
    assert quote_set.asks[0].price_ticks == -10_000
    assert verdicts(quote_set) == [Outcome.PRICE_NOT_POSITIVE] * 2


# --- configurations ----------------------------------------------------------------------------


def test_with_a_maximum_position_of_zero_any_position_counts_as_the_whole_limit() -> None:
    config = replace(CONFIG, max_position_usdt=Decimal(0))
    assert bids(quote(config)) == [9_990]
    assert bids(quote(config, position=Decimal("0.001"))) == [9_985]
    assert bids(quote(config, position=Decimal("-0.001"))) == [9_995]


@pytest.mark.parametrize(
    "field",
    [
        "base_spread_bps",
        "inventory_skew_factor",
        "level_spacing_bps",
        "max_position_usdt",
        "order_size_usdt",
    ],
)
@pytest.mark.parametrize("value", ["-0.1", "NaN", "Infinity"])
def test_a_configuration_that_cannot_be_quoted_is_refused_by_field(field: str, value: str) -> None:
    values = {field: Decimal(value)}
    with pytest.raises(ValueError, match=f"X: {field} must be a number and not negative, got {value}"):
        QuotingEngine(replace(CONFIG, **values), INSTRUMENT)  # type: ignore[arg-type]  # a field by name


def test_a_configuration_without_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="X: num_levels must be at least 1, got 0"):
        QuotingEngine(replace(CONFIG, num_levels=0), INSTRUMENT)


def test_a_quote_set_is_made_anew_only_when_something_it_is_made_of_has_changed() -> None:
    quoting, position = QuotingEngine(CONFIG, INSTRUMENT), Decimal("0.5")
    first = quoting.quote(MID_100, position, ONE, 9_999, 10_001)
    assert quoting.quote(MID_100, position, ONE, 9_999, 10_001) is first
    for changed in (
        (mid("10001"), position, ONE, 9_999, 10_001),
        (MID_100, Decimal("0.6"), ONE, 9_999, 10_001),
        (MID_100, position, 2 * ONE, 9_999, 10_001),
        (MID_100, position, ONE, 9_998, 10_001),
        (MID_100, position, ONE, 9_999, None),
    ):
        again = quoting.quote(*changed)
        assert again == QuotingEngine(CONFIG, INSTRUMENT).quote(*changed)
        assert again is not first
