"""Market data that waits merges without losing anything that matters."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from market_maker.actors.conflation import Conflation, MergedDelta
from market_maker.core.book.order_book import OrderBook
from market_maker.core.events import (
    BookDelta,
    BookInvalid,
    BookSnapshot,
    Levels,
    MarketData,
    MarkPrice,
    PublicTrade,
)


def delta(prev: int, sequence: int, bids: Levels = (), asks: Levels = ()) -> BookDelta:
    return BookDelta(sequence, sequence, prev, sequence, bids, asks)


def drain(conflation: Conflation) -> list[MarketData]:
    taken: list[MarketData] = []
    while (event := conflation.take()) is not None:
        taken.append(event)
    return taken


def test_deltas_in_a_row_become_one_with_the_latest_quantities() -> None:
    conflation = Conflation()
    conflation.add(delta(1, 2, bids=((100, 5), (99, 1))))
    conflation.add(delta(2, 3, bids=((100, 0),), asks=((101, 7),)))
    assert drain(conflation) == [delta(1, 3, bids=((100, 0), (99, 1)), asks=((101, 7),))]
    assert conflation.merged == 1


def test_a_gap_between_deltas_becomes_an_invalid_book() -> None:
    conflation = Conflation()
    conflation.add(delta(1, 2))
    conflation.add(delta(5, 6))
    assert drain(conflation) == [BookInvalid(6, "sequence gap from 2 to 5")]


def test_a_repeated_delta_is_dropped() -> None:
    conflation = Conflation()
    conflation.add(delta(1, 2, bids=((100, 5),)))
    conflation.add(delta(1, 2, bids=((100, 5),)))
    assert drain(conflation) == [delta(1, 2, bids=((100, 5),))]


def test_a_snapshot_takes_the_place_of_older_deltas_but_keeps_newer_ones() -> None:
    conflation = Conflation()
    conflation.add(delta(9, 10))
    conflation.add(BookSnapshot(5, 5, 5, (), ()))
    newer = drain(conflation)
    assert [type(event) for event in newer] == [BookSnapshot, BookDelta]
    conflation.add(delta(3, 4))
    conflation.add(BookSnapshot(5, 5, 5, (), ()))
    assert [type(event) for event in drain(conflation)] == [BookSnapshot]


def test_an_invalid_book_is_told_before_the_snapshot_that_mends_it() -> None:
    conflation = Conflation()
    conflation.add(delta(1, 2))
    conflation.add(BookInvalid(3, "off grid"))
    conflation.add(BookSnapshot(4, 4, 9, (), ()))
    assert [type(event) for event in drain(conflation)] == [BookInvalid, BookSnapshot]


def test_only_the_last_trade_and_mark_are_kept() -> None:
    conflation = Conflation()
    for price in (1, 2, 3):
        conflation.add(PublicTrade(price, price, Decimal(price), f"t{price}"))
        conflation.add(MarkPrice(price, price, Decimal(10 * price)))
    assert drain(conflation) == [PublicTrade(3, 3, Decimal(3), "t3"), MarkPrice(3, 3, Decimal(30))]


LEVELS = st.lists(
    st.tuples(st.integers(1, 20), st.integers(0, 5)), max_size=4, unique_by=lambda level: level[0]
).map(tuple)


@given(st.lists(LEVELS, min_size=1, max_size=12))
def test_a_merged_delta_makes_the_same_book_as_its_parts(changes: list[Levels]) -> None:
    apart, together = OrderBook(), OrderBook()
    for book in (apart, together):
        book.apply_snapshot(BookSnapshot(0, 0, 1, ((10, 3),), ()))
    deltas = [delta(index, index + 1, bids=levels) for index, levels in enumerate(changes, start=1)]
    merged = MergedDelta(deltas[0])
    for following in deltas[1:]:
        merged.add(following)
    for part in deltas:
        apart.apply_delta(part)
    together.apply_delta(merged.delta())
    assert (apart.sequence, apart.best_bid) == (together.sequence, together.best_bid)


@given(st.lists(LEVELS, min_size=2, max_size=12), st.integers(1, 11))
def test_a_delta_that_spans_a_snapshot_leads_to_the_newest_book(changes: list[Levels], cut: int) -> None:
    """The snapshot may reach the mailbox between the deltas that it already contains and later ones."""
    exact = OrderBook()
    exact.apply_snapshot(BookSnapshot(0, 0, 1, (), ()))
    levels: dict[int, int] = {}
    deltas = [delta(index, index + 1, bids=levels_) for index, levels_ in enumerate(changes, start=1)]
    cut = min(cut, len(deltas))
    for index, part in enumerate(deltas):
        exact.apply_delta(part)
        if index < cut:
            levels.update(part.bids)
    snapshot = BookSnapshot(
        0, 0, cut + 1, tuple(sorted(((t, q) for t, q in levels.items() if q), reverse=True)), ()
    )
    conflation = Conflation()
    for part in deltas:
        conflation.add(part)
    conflation.add(snapshot)
    book = OrderBook()
    for event in drain(conflation):
        if isinstance(event, BookSnapshot):
            book.apply_snapshot(event)
        elif isinstance(event, BookDelta):
            book.apply_delta(event)
    assert book.valid
    assert (book.sequence, book.best_bid) == (exact.sequence, exact.best_bid)
