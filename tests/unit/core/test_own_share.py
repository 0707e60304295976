"""What of a published level is ours: by the exchange's times, by what changed there, and when in doubt."""

from market_maker.core.book.order_book import OrderBook
from market_maker.core.book.own_share import OwnShare
from market_maker.core.events import BookDelta, BookSnapshot, Levels
from market_maker.core.side import Side

BID, ASK = 99, 101


class Desk:
    """A book with others at 90 and 110, and our share of it; messages carry the exchange's time."""

    def __init__(self, bids: Levels = ((90, 5),), asks: Levels = ((110, 5),), at_us: int = 10) -> None:
        self.book, self.share = OrderBook(), OwnShare()
        self.book.apply_snapshot(BookSnapshot(at_us, at_us, 1, bids, asks, exchange_us=at_us))

    def delta(self, at_us: int, *, bids: Levels = (), asks: Levels = ()) -> None:
        sequence = self.book.sequence
        message = BookDelta(at_us, at_us, sequence, sequence + 1, bids, asks, exchange_us=at_us)
        self.share.apply_delta(self.book, message)

    def snapshot(self, at_us: int, bids: Levels, asks: Levels = ((110, 5),)) -> None:
        message = BookSnapshot(at_us, at_us, self.book.sequence + 5, bids, asks, exchange_us=at_us)
        self.share.apply_snapshot(self.book, message)

    def place(
        self, name: str = "c1", ticks: int = BID, lots: int = 3, accepted_us: int | None = None
    ) -> None:
        self.share.sent(name, Side.BUY, ticks, lots)
        self.share.accepted(name, accepted_us)

    @property
    def bid(self) -> tuple[int | None, int | None]:
        """Others' best bid: possible, certain."""
        self.share.forget_gone(self.book)
        return self.share.best(self.book, Side.BUY)


def resting() -> Desk:
    """Our three lots rest alone at the best bid since 20."""
    desk = Desk()
    desk.place(accepted_us=20)
    desk.delta(20, bids=((BID, 3),))
    return desk


def test_an_order_is_ours_from_the_message_that_shows_it() -> None:
    desk = Desk(bids=((BID, 3), (90, 5)))
    desk.place(accepted_us=20)
    assert desk.bid == (BID, BID)
    desk.delta(15, asks=((105, 1),))
    assert desk.bid == (BID, BID)
    desk.delta(20, bids=((BID, 6),))
    assert desk.bid == (BID, BID)
    desk.delta(25, bids=((BID, 3),))
    desk.share.heard(26)
    assert desk.bid == (90, 90)


def test_an_order_that_ended_before_a_late_book_shows_it_is_ours_there() -> None:
    desk = Desk()
    desk.place(accepted_us=10)
    desk.share.filled("c1", 30, 3)
    desk.share.ended("c1", 30, 30)
    assert desk.bid == (90, 90)
    desk.snapshot(10, bids=((BID, 3), (90, 5)))
    assert desk.bid == (90, 90)


def test_an_order_is_ours_until_the_message_that_no_longer_shows_it_however_late_that_is() -> None:
    desk = resting()
    desk.share.ended("c1", 30, now_ns=30)
    desk.delta(29, asks=((105, 1),))
    assert desk.bid == (90, 90)
    desk.delta(30, bids=((BID, 0),))
    desk.delta(31, bids=((BID, 3),))
    assert desk.bid == (BID, BID)


def test_an_order_that_never_rested_hides_nobody() -> None:
    desk = Desk(bids=((BID, 3), (90, 5)))
    desk.place()
    assert desk.bid == (BID, BID)
    desk.share.never_rested("c1")
    desk.delta(20, bids=((BID, 2),))
    assert desk.bid == (BID, BID)
    assert not desk.share


def test_before_its_acceptance_is_known_an_order_may_be_what_raised_the_level() -> None:
    desk = Desk()
    desk.place()
    desk.delta(20, bids=((BID, 3),))
    assert desk.bid == (BID, 90)
    desk.share.accepted("c1", 20)
    assert desk.bid == (90, 90)


def test_a_level_that_rose_by_less_than_our_order_does_not_show_it() -> None:
    desk = Desk()
    desk.place()
    desk.delta(20, bids=((BID, 2),))
    assert desk.bid == (BID, BID)


def test_what_rose_before_our_order_was_taken_is_others() -> None:
    desk = Desk()
    desk.place()
    desk.delta(19, bids=((BID, 3),))
    desk.share.accepted("c1", 20)
    desk.delta(19, asks=((105, 1),))
    desk.delta(20, bids=((BID, 6),))
    desk.delta(21, bids=((90, 4),))
    assert desk.bid == (BID, BID)


def test_a_fill_leaves_the_book_once() -> None:
    desk = resting()
    desk.share.filled("c1", 30, 2)
    desk.delta(30, bids=((BID, 1),))
    desk.share.heard(31)
    assert desk.bid == (90, 90)


def test_a_fill_that_the_book_shows_before_it_is_heard_of_is_no_order_of_others() -> None:
    desk = resting()
    desk.delta(30, bids=((BID, 1),))
    assert desk.bid == (90, 90)
    desk.share.filled("c1", 30, 2)
    assert desk.bid == (90, 90)


def test_an_order_stays_ours_until_its_latest_fill_whichever_is_heard_of_last() -> None:
    desk = resting()
    desk.delta(30, bids=((BID, 1),))
    desk.share.heard(31)
    desk.share.filled("c1", 31, 1)
    assert desk.bid == (90, 90)
    desk.share.filled("c1", 30, 2)
    desk.share.ended("c1", 30, 40)
    assert desk.bid == (90, 90)
    desk.delta(31, bids=((BID, 0),))
    assert desk.bid == (90, 90)
    assert not desk.share


def test_a_level_that_falls_to_our_size_is_in_doubt_until_the_engine_has_told_of_later() -> None:
    desk = resting()
    desk.delta(25, bids=((BID, 7),))
    assert desk.bid == (BID, BID)
    desk.delta(30, bids=((BID, 3),))
    assert desk.bid == (BID, 90)
    desk.share.heard(30)
    assert desk.bid == (BID, 90)
    desk.share.heard(31)
    assert desk.bid == (90, 90)


def test_a_doubt_ends_when_the_exchange_knows_of_no_change() -> None:
    desk = resting()
    desk.delta(25, bids=((BID, 7),))
    desk.share.asked("c1", 25)
    desk.delta(30, bids=((BID, 3),))
    desk.share.confirmed("c1")
    assert desk.bid == (BID, 90)
    desk.share.asked("c1", 30)
    desk.share.confirmed("c1")
    assert desk.bid == (90, 90)


def test_a_doubt_ends_when_it_is_heard_what_of_ours_went() -> None:
    desk = resting()
    desk.delta(25, bids=((BID, 7),))
    desk.delta(30, bids=((BID, 3),))
    desk.share.filled("c1", 30, 3)
    desk.share.ended("c1", 30, now_ns=30)
    assert desk.bid == (BID, BID)


def test_lost_messages_leave_in_doubt_what_was_not_heard_of() -> None:
    desk = resting()
    desk.book.invalidate("gap")
    desk.snapshot(40, ((BID, 3), (90, 5)))
    assert desk.bid == (BID, 90)
    desk.share.heard(41)
    assert desk.bid == (90, 90)


def test_a_level_of_more_than_ours_is_others_whatever_is_in_doubt() -> None:
    desk = resting()
    desk.book.invalidate("gap")
    desk.snapshot(40, ((BID, 4), (90, 5)))
    assert desk.bid == (BID, BID)


def test_two_orders_at_one_price_are_both_ours() -> None:
    desk = resting()
    desk.place("c2", lots=2, accepted_us=30)
    desk.delta(30, bids=((BID, 5),))
    assert desk.bid == (90, 90)


def test_what_changes_only_by_our_orders_is_no_sign_of_life() -> None:
    desk = resting()
    assert desk.book.data_ns == 10
    desk.share.ended("c1", 30, now_ns=30)
    desk.delta(30, bids=((BID, 0),))
    assert desk.book.data_ns == 10
    desk.delta(31, bids=((BID, 1),))
    assert desk.book.data_ns == 31


def test_our_cancel_that_is_not_confirmed_yet_is_no_sign_of_life_either() -> None:
    desk = resting()
    desk.delta(30, bids=((BID, 0),))
    assert desk.book.data_ns == 10


def test_others_who_join_or_leave_our_level_are_a_sign_of_life() -> None:
    desk = resting()
    desk.delta(30, bids=((BID, 9),))
    assert desk.book.data_ns == 30
    desk.delta(31, bids=((BID, 3),))
    assert desk.book.data_ns == 31


def test_an_order_whose_end_has_no_time_leaves_with_newer_data_of_others() -> None:
    desk = resting()
    desk.share.ended("c1", None, now_ns=35)
    desk.delta(30, asks=((105, 1),))
    assert desk.bid == (90, 90)
    desk.delta(36, bids=((BID, 7),))
    assert desk.bid == (BID, BID)
    assert not desk.share


def test_levels_of_others_that_are_worth_too_little_do_not_count() -> None:
    desk = Desk(bids=((BID, 1), (90, 5)), asks=((ASK, 1), (110, 5)))
    assert desk.share.best(desk.book, Side.BUY, 0) == (BID, BID)
    assert desk.share.best(desk.book, Side.BUY, BID) == (BID, BID)
    assert desk.share.best(desk.book, Side.BUY, BID + 1) == (90, 90)
    assert desk.share.best(desk.book, Side.SELL, ASK + 1) == (110, 110)
    assert desk.share.best(desk.book, Side.SELL, 10_000) == (None, None)
