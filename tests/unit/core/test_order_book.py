"""The conversation of a book with its feed: what each message does to it, and when it is trusted."""

import pytest
from tests.support.books import best_without

from market_maker.core.book.order_book import PENDING_DELTAS_MAX, RENUMBERED_AFTER_NS, BookChange, OrderBook
from market_maker.core.events import BookDelta, BookSnapshot, Levels
from market_maker.core.side import Side

NONE: Levels = ()
BIDS: Levels = ((99, 10), (98, 20), (90, 5))
ASKS: Levels = ((101, 10), (103, 20), (110, 5))


def snapshot(
    sequence: int = 100, bids: Levels = BIDS, asks: Levels = ASKS, data_ns: int = 1_000
) -> BookSnapshot:
    return BookSnapshot(data_ns + 5, data_ns, sequence, bids, asks)


def delta(
    prev: int, sequence: int, bids: Levels = NONE, asks: Levels = NONE, data_ns: int = 2_000
) -> BookDelta:
    return BookDelta(data_ns + 5, data_ns, prev, sequence, bids, asks)


def ready(bids: Levels = BIDS, asks: Levels = ASKS) -> OrderBook:
    book = OrderBook()
    assert book.apply_snapshot(snapshot(bids=bids, asks=asks)) is BookChange.APPLIED
    return book


# --- snapshots ---------------------------------------------------------------------------------


def test_a_book_is_not_trusted_before_its_first_snapshot() -> None:
    book = OrderBook()
    assert not book.valid
    assert book.invalid_reason == "no snapshot yet"
    assert (book.best_bid, book.best_ask, book.data_ns) == (None, None, None)


def test_a_snapshot_makes_the_book() -> None:
    book = ready()
    assert book.valid
    assert book.invalid_reason == ""
    assert (book.best_bid, book.best_ask, book.sequence, book.data_ns) == (99, 101, 100, 1_000)
    assert book.lots_at(Side.BUY, 98) == 20
    assert book.lots_at(Side.SELL, 103) == 20
    assert book.lots_at(Side.SELL, 98) == 0
    assert book.snapshots == 1


def test_an_empty_or_one_sided_book_is_valid_and_has_no_best_price_there() -> None:
    assert ready(NONE, NONE).valid
    one_sided = ready(NONE, ASKS)
    assert one_sided.valid
    assert (one_sided.best_bid, one_sided.best_ask) == (None, 101)


def test_a_newer_snapshot_replaces_the_whole_book() -> None:
    book = ready()
    assert book.apply_snapshot(snapshot(105, ((50, 1),), ((60, 2),))) is BookChange.APPLIED
    assert (book.best_bid, book.best_ask, book.sequence) == (50, 60, 105)
    assert book.lots_at(Side.BUY, 99) == 0


@pytest.mark.parametrize("sequence", [100, 99, 1])
def test_a_snapshot_no_newer_than_the_book_is_dropped(sequence: int) -> None:
    book = ready()
    assert book.apply_snapshot(snapshot(sequence, ((50, 1),))) is BookChange.DUPLICATE
    assert (book.best_bid, book.sequence, book.duplicates, book.valid) == (99, 100, 1, True)


def test_a_snapshot_at_the_books_own_sequence_proves_that_a_quiet_book_is_fresh() -> None:
    book = ready()
    book.apply_snapshot(snapshot(100, data_ns=9_000))
    assert book.data_ns == 9_000
    book.apply_snapshot(snapshot(100, data_ns=5_000))
    assert book.data_ns == 9_000


def test_a_lower_sequence_with_much_newer_data_is_a_restarted_numbering() -> None:
    book = ready()
    late = snapshot(7, ((50, 1),), ((60, 2),), data_ns=1_000 + RENUMBERED_AFTER_NS - 1)
    assert book.apply_snapshot(late) is BookChange.DUPLICATE
    restarted = snapshot(7, ((50, 1),), ((60, 2),), data_ns=1_000 + RENUMBERED_AFTER_NS)
    assert book.apply_snapshot(restarted) is BookChange.APPLIED
    assert (book.best_bid, book.sequence) == (50, 7)
    assert book.apply_delta(delta(7, 8)) is BookChange.APPLIED


@pytest.mark.parametrize(
    ("bids", "asks", "problem"),
    [
        (((99, 0),), ASKS, "snapshot has 0 lots at bid 99"),
        (BIDS, ((101, -1),), "snapshot has -1 lots at ask 101"),
        (((0, 5),), ASKS, "snapshot has 5 lots at bid 0"),
        (((99, 1), (99, 1)), ASKS, "snapshot repeats a bid price"),
        (BIDS, ((101, 1), (102, 1), (101, 2)), "snapshot repeats a ask price"),
    ],
)
def test_a_malformed_snapshot_invalidates_the_book(bids: Levels, asks: Levels, problem: str) -> None:
    book = ready()
    assert book.apply_snapshot(snapshot(101, bids, asks)) is BookChange.MALFORMED
    assert not book.valid
    assert book.invalid_reason == f"malformed: {problem}"


@pytest.mark.parametrize("best_ask", [98, 99])
def test_a_crossed_or_locked_snapshot_invalidates_the_book_until_the_next_one(best_ask: int) -> None:
    book = ready()
    assert book.apply_snapshot(snapshot(101, BIDS, ((best_ask, 1),))) is BookChange.CROSSED
    assert not book.valid
    assert book.apply_snapshot(snapshot(102)) is BookChange.APPLIED
    assert book.valid


# --- deltas ------------------------------------------------------------------------------------


def test_a_delta_sets_absolute_quantities_and_zero_removes_a_level() -> None:
    book = ready()
    assert book.apply_delta(delta(100, 101, ((98, 7), (90, 0)), ((102, 3),))) is BookChange.APPLIED
    assert book.lots_at(Side.BUY, 98) == 7
    assert book.lots_at(Side.BUY, 90) == 0
    assert (book.best_bid, book.best_ask, book.sequence, book.data_ns) == (99, 102 - 1, 101, 2_000)
    assert book.deltas == 1


def test_the_best_price_follows_better_levels_and_removals() -> None:
    book = ready()
    book.apply_delta(delta(100, 101, ((100, 1),)))
    assert book.best_bid == 100
    book.apply_delta(delta(101, 102, ((100, 0), (99, 0))))
    assert book.best_bid == 98
    book.apply_delta(delta(102, 103, NONE, ((101, 0),)))
    assert book.best_ask == 103
    book.apply_delta(delta(103, 104, NONE, ((103, 0), (102, 4))))
    assert book.best_ask == 102


def test_in_a_dense_book_the_next_best_price_is_the_nearest() -> None:
    bids = tuple((ticks, 1) for ticks in range(91, 100))
    asks = tuple((ticks, 1) for ticks in range(101, 110))
    book = ready(bids, asks)
    assert best_without(book, Side.BUY, {99: 1}) == 98
    assert best_without(book, Side.SELL, {101: 1}) == 102
    book.apply_delta(delta(100, 101, ((99, 0),), ((101, 0),)))
    assert (book.best_bid, book.best_ask) == (98, 102)
    book.apply_delta(delta(101, 102, ((97, 0),), ((103, 0),)))
    assert best_without(book, Side.BUY, {98: 1}) == 96
    assert best_without(book, Side.SELL, {102: 1}) == 104
    book.apply_delta(delta(102, 103, ((98, 0),), ((102, 0),)))
    assert (book.best_bid, book.best_ask) == (96, 104)


def test_the_next_best_price_is_found_past_a_wide_hole() -> None:
    book = ready(((1_000_000, 1), (3, 1)), ((1_000_001, 1), (9_000_000, 1)))
    book.apply_delta(delta(100, 101, ((1_000_000, 0),), ((1_000_001, 0),)))
    assert (book.best_bid, book.best_ask) == (3, 9_000_000)
    book.apply_delta(delta(101, 102, ((3, 0),), ((9_000_000, 0),)))
    assert (book.best_bid, book.best_ask) == (None, None)
    assert book.valid
    book.apply_delta(delta(102, 103, ((5, 1),), ((6, 1),)))
    assert (book.best_bid, book.best_ask) == (5, 6)


def test_removing_a_level_that_is_not_there_changes_nothing() -> None:
    book = ready()
    assert book.apply_delta(delta(100, 101, ((97, 0),), ((250, 0),))) is BookChange.APPLIED
    assert (book.best_bid, book.best_ask) == (99, 101)


def test_a_delta_without_levels_moves_the_sequence_and_the_freshness() -> None:
    book = ready()
    assert book.apply_delta(delta(100, 101, data_ns=7_000)) is BookChange.APPLIED
    assert (book.sequence, book.data_ns) == (101, 7_000)


@pytest.mark.parametrize(("prev", "sequence"), [(99, 100), (50, 60), (100, 100), (100, 90)])
def test_a_delta_the_book_already_holds_is_dropped(prev: int, sequence: int) -> None:
    book = ready()
    assert book.apply_delta(delta(prev, sequence, ((99, 0),))) is BookChange.DUPLICATE
    assert (book.valid, book.best_bid, book.sequence, book.duplicates) == (True, 99, 100, 1)


@pytest.mark.parametrize(("prev", "sequence"), [(101, 102), (99, 101), (0, 500)])
def test_a_delta_that_does_not_follow_the_book_is_a_gap(prev: int, sequence: int) -> None:
    book = ready()
    assert book.apply_delta(delta(prev, sequence, ((99, 0),))) is BookChange.GAP
    assert not book.valid
    assert book.invalid_reason == f"gap: delta follows {prev}, the book is at 100"
    assert (book.gaps, book.deltas, book.sequence) == (1, 0, 100)


@pytest.mark.parametrize(("bids", "asks"), [(((101, 1),), NONE), (((105, 1),), NONE), (NONE, ((99, 1),))])
def test_a_delta_that_crosses_or_locks_the_book_invalidates_it(bids: Levels, asks: Levels) -> None:
    book = ready()
    assert book.apply_delta(delta(100, 101, bids, asks)) is BookChange.CROSSED
    assert not book.valid
    assert book.invalid_reason.startswith("crossed: best bid")
    assert book.apply_delta(delta(101, 102, ((101, 0), (105, 0)), ((99, 0),))) is BookChange.BUFFERED
    assert not book.valid


@pytest.mark.parametrize(
    ("bids", "asks", "problem"),
    [(((99, 0), (98, -1)), NONE, "-1 lots at bid 98"), (NONE, ((101, 0), (103, -2)), "-2 lots at ask 103")],
)
def test_a_delta_with_negative_lots_invalidates_the_book(bids: Levels, asks: Levels, problem: str) -> None:
    book = ready()
    assert book.apply_delta(delta(100, 101, bids, asks)) is BookChange.MALFORMED
    assert not book.valid
    assert book.invalid_reason == f"malformed: delta has {problem}"
    assert best_without(book, Side.BUY, {}) in (98, 99)
    assert best_without(book, Side.SELL, {}) in (101, 103)


def test_a_crossing_move_inside_one_delta_is_fine_when_the_result_is_not_crossed() -> None:
    book = ready()
    assert book.apply_delta(delta(100, 101, ((102, 4),), ((101, 0),))) is BookChange.APPLIED
    assert (book.best_bid, book.best_ask) == (102, 103)


# --- snapshot and deltas in either order -------------------------------------------------------


def test_deltas_before_the_first_snapshot_wait_and_follow_it() -> None:
    book = OrderBook()
    assert book.apply_delta(delta(99, 100, ((99, 0),))) is BookChange.BUFFERED
    assert book.apply_delta(delta(100, 101, ((97, 4),))) is BookChange.BUFFERED
    assert book.apply_delta(delta(101, 102, ((99, 0),))) is BookChange.BUFFERED
    assert book.apply_snapshot(snapshot(100)) is BookChange.APPLIED
    assert (book.valid, book.sequence, book.best_bid, book.deltas) == (True, 102, 98, 2)
    assert book.lots_at(Side.BUY, 97) == 4
    assert book.data_ns == 2_000
    assert book.apply_delta(delta(102, 103)) is BookChange.APPLIED


def test_a_snapshot_after_all_kept_deltas_drops_them() -> None:
    book = OrderBook()
    book.apply_delta(delta(90, 95, ((99, 0),)))
    assert book.apply_snapshot(snapshot(100)) is BookChange.APPLIED
    assert (book.sequence, book.best_bid) == (100, 99)
    assert book.apply_delta(delta(100, 101)) is BookChange.APPLIED


def test_a_snapshot_that_the_kept_deltas_do_not_follow_leaves_the_book_invalid_and_counts_no_new_gap() -> (
    None
):
    book = OrderBook()
    book.apply_delta(delta(101, 102))
    assert book.apply_snapshot(snapshot(100)) is BookChange.GAP
    assert not book.valid
    assert book.gaps == 0
    assert book.apply_snapshot(snapshot(101)) is BookChange.APPLIED
    assert book.sequence == 102


def test_after_a_gap_the_delta_that_showed_it_follows_the_next_snapshot() -> None:
    book = ready()
    assert book.apply_delta(delta(101, 102, ((96, 6),))) is BookChange.GAP
    assert book.apply_delta(delta(102, 103, ((95, 5),))) is BookChange.BUFFERED
    assert book.apply_snapshot(snapshot(101)) is BookChange.APPLIED
    assert (book.valid, book.sequence) == (True, 103)
    assert (book.lots_at(Side.BUY, 96), book.lots_at(Side.BUY, 95)) == (6, 5)


def test_a_gap_inside_the_kept_deltas_needs_a_later_snapshot() -> None:
    book = OrderBook()
    for prev, sequence in ((100, 101), (102, 103), (103, 104)):
        book.apply_delta(delta(prev, sequence))
    assert book.apply_snapshot(snapshot(100)) is BookChange.GAP
    assert book.apply_snapshot(snapshot(102, data_ns=3_000)) is BookChange.APPLIED
    assert book.sequence == 104


def test_after_a_crossed_book_an_older_snapshot_that_comes_late_does_not_pass_for_the_present() -> None:
    book = ready()
    book.apply_delta(delta(100, 101, ((105, 1),)))
    assert book.apply_snapshot(snapshot(99, data_ns=5_000)) is BookChange.GAP
    assert book.apply_snapshot(snapshot(100, data_ns=6_000)) is BookChange.CROSSED
    assert not book.valid
    assert book.apply_snapshot(snapshot(101, data_ns=7_000)) is BookChange.APPLIED


def test_an_invalidated_book_refuses_an_older_snapshot_unless_the_numbering_restarted() -> None:
    book = ready()
    book.invalidate("unreadable message")
    assert (book.valid, book.invalid_reason) == (False, "unreadable message")
    assert book.apply_snapshot(snapshot(99, data_ns=900)) is BookChange.DUPLICATE
    assert not book.valid
    assert book.apply_snapshot(snapshot(5, data_ns=1_001)) is BookChange.APPLIED
    assert (book.valid, book.sequence) == (True, 5)


def test_an_invalidated_book_takes_the_snapshot_of_its_own_sequence() -> None:
    book = ready()
    book.invalidate("unreadable message")
    assert book.apply_snapshot(snapshot(100)) is BookChange.APPLIED
    assert book.valid


def test_a_delta_kept_twice_counts_once() -> None:
    book = OrderBook()
    for prev, sequence in ((100, 101), (101, 102), (100, 101)):
        book.apply_delta(delta(prev, sequence))
    assert book.duplicates == 1
    book.apply_delta(delta(102, 103))
    assert book.apply_snapshot(snapshot(100)) is BookChange.APPLIED
    assert (book.sequence, book.deltas) == (103, 3)


def test_kept_deltas_of_an_older_numbering_do_not_block_the_restarted_one() -> None:
    book = OrderBook()
    book.apply_delta(delta(9_000, 9_001))
    book.apply_delta(delta(3, 4))
    assert book.apply_snapshot(snapshot(3)) is BookChange.APPLIED
    assert book.sequence == 4


def test_only_the_newest_deltas_are_kept() -> None:
    book = OrderBook()
    for sequence in range(1, PENDING_DELTAS_MAX + 3):
        book.apply_delta(delta(sequence - 1, sequence))
    assert len(book._pending) == PENDING_DELTAS_MAX
    assert book.apply_snapshot(snapshot(1)) is BookChange.GAP
    assert book.apply_snapshot(snapshot(2)) is BookChange.APPLIED
    assert book.sequence == PENDING_DELTAS_MAX + 2


def test_a_reset_forgets_the_book_and_the_kept_deltas() -> None:
    book = ready()
    book.apply_delta(delta(101, 102))
    book.reset("new tick size")
    assert (book.valid, book.invalid_reason) == (False, "new tick size")
    assert (book.best_bid, book.best_ask, book.data_ns) == (None, None, None)
    assert book.lots_at(Side.BUY, 99) == 0
    assert book.apply_snapshot(snapshot(50, data_ns=1)) is BookChange.APPLIED
    assert (book.sequence, book.best_bid) == (50, 99)


# --- without our own orders --------------------------------------------------------------------


def test_the_best_price_without_our_own_orders_skips_levels_that_are_ours_alone() -> None:
    book = ready()
    assert best_without(book, Side.BUY, {}) == 99
    assert best_without(book, Side.BUY, {99: 10}) == 98
    assert best_without(book, Side.BUY, {99: 9}) == 99
    assert best_without(book, Side.BUY, {99: 10, 98: 20}) == 90
    assert best_without(book, Side.SELL, {101: 10}) == 103
    assert best_without(book, Side.SELL, {101: 10, 103: 19}) == 103


def test_our_order_that_the_book_does_not_show_yet_hides_no_more_than_its_own_level() -> None:
    book = ready()
    assert best_without(book, Side.BUY, {99: 50}) == 98
    assert best_without(book, Side.BUY, {100: 50}) == 99


def test_a_book_of_nothing_but_our_orders_has_no_other_price() -> None:
    book = ready(((99, 10),), ((101, 10),))
    assert best_without(book, Side.BUY, {99: 10}) is None
    assert best_without(book, Side.SELL, {101: 10}) is None
    assert best_without(OrderBook(), Side.BUY, {}) is None


def test_the_best_price_of_others_is_found_past_a_hole_behind_ours() -> None:
    book = ready(((1_000_000, 3), (999_000, 4), (500, 1)), ((1_000_001, 3), (2_000_000, 4), (9_000_000, 1)))
    assert best_without(book, Side.BUY, {1_000_000: 3, 999_000: 4}) == 500
    assert best_without(book, Side.SELL, {1_000_001: 3, 2_000_000: 4}) == 9_000_000
