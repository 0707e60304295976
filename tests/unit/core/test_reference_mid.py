from decimal import Decimal

from market_maker.core.instrument import Instrument
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid, reference_mid

INSTRUMENT = Instrument("X", "X", "USDT", Decimal("0.03"), Decimal(1), Decimal(0))
MARK = Decimal("1.00")
LAST = Decimal("2.00")


def test_the_mid_of_a_two_sided_book_comes_from_the_book_whatever_else_is_known() -> None:
    mid = reference_mid(100, 103, MARK, LAST, INSTRUMENT)
    assert mid is not None
    assert mid.source is MidSource.BOOK
    assert mid.num * 2 == 203 * mid.den
    assert mid.price(INSTRUMENT) == Decimal("3.045")


def test_a_mid_lies_between_its_own_best_prices_and_no_others() -> None:
    mid = reference_mid(100, 103, None, None, INSTRUMENT)
    assert mid is not None
    assert mid.is_between(100, 103)
    assert mid.is_between(99, 104)
    assert not mid.is_between(100, 104)
    assert not mid.is_between(None, 103)
    assert not mid.is_between(100, None)
    assert not mid._replace(source=MidSource.MARK).is_between(100, 103)
    assert not mid._replace(den=3).is_between(100, 103)


def test_a_one_sided_book_falls_back_to_the_mark_exactly_even_off_the_tick_grid() -> None:
    for bid, ask in ((100, None), (None, 103), (None, None)):
        assert reference_mid(bid, ask, MARK, LAST, INSTRUMENT) == ReferenceMid(100, 3, MidSource.MARK)


def test_without_a_mark_the_last_trade_counts() -> None:
    assert reference_mid(None, 103, None, LAST, INSTRUMENT) == ReferenceMid(200, 3, MidSource.LAST_TRADE)


def test_a_mark_that_is_not_positive_is_no_price() -> None:
    mid = reference_mid(None, 103, Decimal(0), LAST, INSTRUMENT)
    assert mid is not None
    assert mid.source is MidSource.LAST_TRADE
    assert reference_mid(None, 103, Decimal(-1), Decimal(0), INSTRUMENT) is None


def test_without_any_price_there_is_no_mid() -> None:
    assert reference_mid(100, None, None, None, INSTRUMENT) is None


def test_the_mid_in_quote_currency_is_the_mark_it_came_from() -> None:
    mark = Decimal("57123.456789")
    mid = reference_mid(None, None, mark, None, INSTRUMENT)
    assert mid is not None
    assert mid.price(INSTRUMENT) == mark
