"""Each check before an order, alone; and that nothing else can make an order."""

from dataclasses import replace
from decimal import Decimal

import pytest

from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.instrument import Instrument, InstrumentStatus
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.risk.pre_trade_check import (
    OrderLimits,
    PreTradeCheck,
    Standing,
    ceil_units,
    floor_units,
)
from market_maker.core.side import Side

INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5))
CONFIG = SymbolConfig("BTC-USDT", max_position_usdt=Decimal(1000), position_headroom_pct=Decimal(0))
MID = ReferenceMid(20_000, 2, MidSource.BOOK)
"""10 000 ticks: 1000 USDT. One lot is 1 USDT."""
FINE = Standing(
    active=True,
    kill_latched=False,
    book_valid=True,
    book_fresh=True,
    total_pnl=Decimal(0),
    lots_if_buying=0,
    lots_if_selling=0,
)


def check(
    standing: Standing = FINE,
    *,
    config: SymbolConfig = CONFIG,
    limits: EngineLimits | None = None,
    instrument: Instrument = INSTRUMENT,
    buying: int = 0,
    selling: int = 0,
) -> PreTradeCheck:
    order_limits = OrderLimits(config, limits or EngineLimits(), instrument)
    return PreTradeCheck(order_limits, MID, standing, {Side.BUY: buying, Side.SELL: selling})


def test_a_fine_order_passes_and_carries_exact_decimals() -> None:
    order = check().approve("id", Side.BUY, 2, 9990, 100)
    assert (order.price, order.quantity, order.level, order.symbol) == (
        Decimal("999.0"),
        Decimal("0.100"),
        2,
        "BTC-USDT",
    )


@pytest.mark.parametrize(
    ("standing", "refusal"),
    [
        (replace(FINE, active=False), Outcome.NOT_ACTIVE),
        (replace(FINE, kill_latched=True), Outcome.KILL_LATCHED),
        (replace(FINE, book_valid=False), Outcome.BOOK_INVALID),
        (replace(FINE, book_fresh=False), Outcome.BOOK_STALE),
        (replace(FINE, total_pnl=Decimal("-500.01")), Outcome.LOSS_LIMIT),
    ],
)
def test_the_state_of_the_symbol_refuses_every_order(standing: Standing, refusal: Outcome) -> None:
    for side in Side:
        assert check(standing).refuse(side, 10_000, 100) is refusal


def test_a_loss_at_its_limit_still_passes() -> None:
    assert check(replace(FINE, total_pnl=Decimal(-500))).refuse(Side.BUY, 9990, 100) is None


@pytest.mark.parametrize("status", [InstrumentStatus.HALTED, InstrumentStatus.DELISTED])
def test_an_instrument_that_does_not_trade_refuses(status: InstrumentStatus) -> None:
    refused = check(instrument=replace(INSTRUMENT, status=status)).refuse(Side.BUY, 9990, 100)
    assert refused is Outcome.INSTRUMENT_NOT_TRADING


@pytest.mark.parametrize(
    ("ticks", "lots", "refusal"),
    [
        (0, 100, Outcome.BAD_PRICE),
        (-5, 100, Outcome.BAD_PRICE),
        (9990, 0, Outcome.BAD_QUANTITY),
        (9990, -1, Outcome.BAD_QUANTITY),
        (10_000, 4, Outcome.BELOW_MIN_NOTIONAL),
        (10_000, 5, None),
        (10_000, 1000, None),
        (10_000, 1001, Outcome.NOTIONAL_LIMIT),
        (9500, 100, None),
        (9499, 100, Outcome.PRICE_COLLAR),
        (10_500, 100, None),
        (10_501, 95, Outcome.PRICE_COLLAR),
    ],
)
def test_price_and_size_bounds_are_inclusive(ticks: int, lots: int, refusal: Outcome | None) -> None:
    assert check(config=replace(CONFIG, max_position_usdt=Decimal(10**6))).refuse(Side.SELL, ticks, lots) is (
        refusal
    )


def test_no_order_is_worth_more_than_a_hundred_thousand_or_than_ten_order_sizes() -> None:
    big = replace(CONFIG, max_position_usdt=Decimal(10**6))
    small = check(config=replace(big, order_size_usdt=Decimal(50)))
    assert small.refuse(Side.BUY, 10_000, 500) is None
    assert small.refuse(Side.BUY, 10_000, 501) is Outcome.NOTIONAL_LIMIT
    fat_finger = check(config=replace(big, order_size_usdt=Decimal(1_000_000)))
    assert fat_finger.refuse(Side.BUY, 10_000, 100_000) is None
    assert fat_finger.refuse(Side.BUY, 10_000, 100_001) is Outcome.NOTIONAL_LIMIT
    wider = EngineLimits(max_order_notional_usdt=Decimal(10**6))
    small = check(config=replace(big, order_size_usdt=Decimal(50)), limits=wider)
    assert small.refuse(Side.BUY, 10_000, 501) is Outcome.NOTIONAL_LIMIT
    limits = EngineLimits(max_order_notional_usdt=Decimal("250.05"))
    assert check(config=big, limits=limits).refuse(Side.BUY, 10_000, 250) is None
    assert check(config=big, limits=limits).refuse(Side.BUY, 10_000, 251) is Outcome.NOTIONAL_LIMIT


def test_the_collar_is_that_of_the_service() -> None:
    limits = EngineLimits(price_collar_bps=Decimal("12.5"))
    assert check(limits=limits).refuse(Side.BUY, 9988, 100) is None
    assert check(limits=limits).refuse(Side.BUY, 9987, 100) is Outcome.PRICE_COLLAR


def test_the_position_with_every_open_order_of_the_side_stays_within_its_limit() -> None:
    standing = replace(FINE, lots_if_buying=300, lots_if_selling=300)
    assert check(standing, buying=600).refuse(Side.BUY, 10_000, 100) is None
    assert check(standing, buying=601).refuse(Side.BUY, 10_000, 100) is Outcome.POSITION_LIMIT
    assert check(standing, selling=1200).refuse(Side.SELL, 10_000, 100) is None
    assert check(standing, selling=1201).refuse(Side.SELL, 10_000, 100) is Outcome.POSITION_LIMIT


def test_orders_of_the_other_side_do_not_make_room() -> None:
    assert check(buying=950, selling=950).refuse(Side.BUY, 10_000, 100) is Outcome.POSITION_LIMIT


def test_the_order_is_valued_at_its_price_or_the_mid_whichever_is_worse() -> None:
    checked = check(config=replace(CONFIG, order_size_usdt=Decimal(1000)))
    assert checked.refuse(Side.SELL, 10_100, 990) is None
    assert checked.refuse(Side.SELL, 10_100, 991) is Outcome.POSITION_LIMIT
    assert checked.refuse(Side.BUY, 9900, 1000) is None
    assert checked.refuse(Side.BUY, 9900, 1001) is Outcome.POSITION_LIMIT


def test_an_order_that_only_reduces_the_position_passes_even_beyond_the_limit() -> None:
    standing = replace(FINE, lots_if_buying=5000, lots_if_selling=5000)
    assert check(standing).refuse(Side.SELL, 10_000, 100) is None
    assert check(standing, selling=4900).refuse(Side.SELL, 10_000, 100) is None
    assert check(standing).refuse(Side.BUY, 10_000, 100) is Outcome.POSITION_LIMIT


def test_approved_orders_count_for_the_next_ones() -> None:
    orders = check()
    for number in range(10):
        orders.approve(str(number), Side.BUY, 0, 10_000, 100)
    assert orders.refuse(Side.BUY, 10_000, 5) is Outcome.POSITION_LIMIT
    assert orders.refuse(Side.SELL, 10_000, 100) is None


def test_approving_what_should_be_refused_is_a_bug_and_says_so() -> None:
    with pytest.raises(AssertionError, match="position_limit"):
        check(buying=1000).approve("id", Side.BUY, 0, 10_000, 100)


def test_an_order_cannot_be_made_without_the_check() -> None:
    made = check().approve("id", Side.BUY, 0, 10_000, 100)
    with pytest.raises(TypeError, match="only be made by"):
        CheckedOrder("id", "BTC-USDT", Side.BUY, 0, 1, 1, Decimal(1), Decimal(1), object())  # type: ignore[arg-type]  # what a type checker refuses must fail at run time too
    with pytest.raises(TypeError):
        CheckedOrder("id", "BTC-USDT", Side.BUY, 0, 1, 1, Decimal(1), Decimal(1))  # type: ignore[call-arg]  # as above
    with pytest.raises(AttributeError):
        made.lots = 5  # type: ignore[misc]  # frozen


def test_an_approved_order_cannot_be_copied_into_another() -> None:
    made = check().approve("id", Side.BUY, 0, 10_000, 100)
    with pytest.raises((ValueError, TypeError), match="seal"):  # up to Python 3.12, and from 3.13 on
        replace(made, lots=10**9)  # type: ignore[call-arg]  # as above


def test_a_position_off_the_lot_grid_counts_against_either_side_and_follows_every_change() -> None:
    limits = OrderLimits(CONFIG, EngineLimits(), INSTRUMENT)
    bought, sold = Decimal("0.0105"), Decimal("-0.0105")
    assert [limits.lots_of(position) for position in (bought, bought, sold, Decimal(0))] == [
        (11, 10),
        (11, 10),
        (-10, -11),
        (0, 0),
    ]


def test_limits_round_towards_safety() -> None:
    assert floor_units(Decimal("1.9"), Decimal("0.5")) == 3
    assert ceil_units(Decimal("1.9"), Decimal("0.5")) == 4
    assert floor_units(Decimal("-1.9"), Decimal("0.5")) == -4
    assert ceil_units(Decimal("-1.9"), Decimal("0.5")) == -3
