"""The book against a naive one, and against the exchange that a faulty feed reports of."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.books import best_without

from market_maker.core.book.order_book import BookChange, OrderBook
from market_maker.core.events import BookDelta, BookSnapshot
from market_maker.core.side import Side

LEVELS_PER_EXAMPLE = 40_000
EXAMPLES = 25  # a million levels in all


class NaiveBook:
    """Both sides as dictionaries, and their prices in sorted lists."""

    def __init__(self) -> None:
        self.sides: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.prices: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}

    def set(self, side: Side, ticks: int, lots: int) -> None:
        levels, prices = self.sides[side], self.prices[side]
        if lots and ticks not in levels:
            insort(prices, ticks)
        if lots:
            levels[ticks] = lots
        elif ticks in levels:
            del levels[ticks]
            del prices[bisect_left(prices, ticks)]

    def best(self, side: Side) -> int | None:
        prices = self.prices[side]
        return None if not prices else prices[-1 if side is Side.BUY else 0]

    def best_without(self, side: Side, own: Mapping[int, int]) -> int | None:
        levels = self.sides[side]
        others = [ticks for ticks in self.prices[side] if levels[ticks] > own.get(ticks, 0)]
        return None if not others else others[-1 if side is Side.BUY else 0]

    def beyond(self, side: Side, middle: int) -> list[int]:
        """The prices of a side that stand at or beyond `middle`."""
        prices = self.prices[side]
        return (
            prices[bisect_left(prices, middle) :]
            if side is Side.BUY
            else prices[: bisect_right(prices, middle)]
        )


def assert_same(book: OrderBook, naive: NaiveBook) -> None:
    assert book.best_bid == naive.best(Side.BUY)
    assert book.best_ask == naive.best(Side.SELL)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rng=st.randoms(use_true_random=True),
    reach=st.sampled_from([5, 60, 500, 50_000]),
    batch=st.sampled_from([1, 4, 40]),
    removals=st.sampled_from([0.3, 0.6]),
)
def test_a_million_levels_leave_the_same_book_as_a_naive_one(
    rng: Random, reach: int, batch: int, removals: float
) -> None:
    book, naive = OrderBook(), NaiveBook()
    book.apply_snapshot(BookSnapshot(0, 0, 0, (), ()))
    middle = 1_000_000
    for sequence in range(1, LEVELS_PER_EXAMPLE // batch + 1):
        middle += rng.choice((-1, 0, 1))
        changes: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        for side in Side:
            changes[side].update((ticks, 0) for ticks in naive.beyond(side, middle))
        for _ in range(batch):
            side = Side.BUY if rng.random() < 0.5 else Side.SELL
            known = naive.sides[side]
            if known and rng.random() < removals:
                best = naive.best(side) if rng.random() < 0.3 else next(iter(known))
                assert best is not None
                changes[side][best] = 0
            else:
                ticks = middle - side.sign * (1 + int(rng.random() ** 3 * reach))
                changes[side][ticks] = rng.randrange(1, 100)
        for side, levels in changes.items():
            for ticks, lots in levels.items():
                naive.set(side, ticks, lots)
        bids, asks = tuple(changes[Side.BUY].items()), tuple(changes[Side.SELL].items())
        assert book.apply_delta(BookDelta(0, 0, sequence - 1, sequence, bids, asks)) is BookChange.APPLIED
        assert_same(book, naive)
    for side, levels in naive.sides.items():
        assert all(book.lots_at(side, ticks) == lots for ticks, lots in levels.items())


prices = st.one_of(st.integers(1, 12), st.integers(1, 300))
sides = st.dictionaries(prices, st.integers(1, 5), max_size=12)


@given(bids=sides, asks=sides, own=st.dictionaries(prices, st.integers(1, 5), max_size=12))
def test_the_best_price_without_our_orders_is_that_of_a_naive_book(
    bids: dict[int, int], asks: dict[int, int], own: dict[int, int]
) -> None:
    book, naive = OrderBook(), NaiveBook()
    own = own | {ticks + 300: lots for ticks, lots in own.items()}
    above = {ticks + 300: lots for ticks, lots in asks.items()}
    book.apply_snapshot(BookSnapshot(0, 0, 1, tuple(bids.items()), tuple(above.items())))
    for side, levels in ((Side.BUY, bids), (Side.SELL, above)):
        for ticks, lots in levels.items():
            naive.set(side, ticks, lots)
    assert best_without(book, Side.BUY, own) == naive.best_without(Side.BUY, own)
    assert best_without(book, Side.SELL, own) == naive.best_without(Side.SELL, own)


class Exchange:
    """The truth: every state that the book ever had, and the messages that tell of it."""

    def __init__(self, changes: list[tuple[bool, int, int]]) -> None:
        naive = NaiveBook()
        self.history: list[tuple[dict[int, int], dict[int, int]]] = [({}, {})]
        self.deltas: list[BookDelta] = []
        for sequence, (is_bid, offset, lots) in enumerate(changes, start=1):
            side = Side.BUY if is_bid else Side.SELL
            ticks = 100 - side.sign * offset
            naive.set(side, ticks, lots)
            level = ((ticks, lots),)
            bids, asks = (level, ()) if is_bid else ((), level)
            self.deltas.append(BookDelta(sequence, sequence, sequence - 1, sequence, bids, asks))
            self.history.append((dict(naive.sides[Side.BUY]), dict(naive.sides[Side.SELL])))

    def snapshot(self, sequence: int) -> BookSnapshot:
        bids, asks = self.history[sequence]
        return BookSnapshot(sequence, sequence, sequence, tuple(bids.items()), tuple(asks.items()))


changes = st.lists(st.tuples(st.booleans(), st.integers(1, 90), st.integers(0, 3)), min_size=1, max_size=30)


@given(changes=changes, data=st.data())
def test_a_valid_book_is_the_exchanges_book_at_its_sequence_whatever_the_feed_loses_repeats_or_delays(
    changes: list[tuple[bool, int, int]], data: st.DataObject
) -> None:
    exchange = Exchange(changes)
    last = len(changes)
    book = OrderBook()
    messages = data.draw(
        st.lists(st.tuples(st.booleans(), st.integers(0, last)), max_size=60), label="(is snapshot, sequence)"
    )
    for is_snapshot, sequence in messages:
        if is_snapshot:
            book.apply_snapshot(exchange.snapshot(sequence))
        elif sequence:
            book.apply_delta(exchange.deltas[sequence - 1])
        assert_is_the_exchanges(book, exchange)
    book.apply_snapshot(exchange.snapshot(last))
    assert book.valid, "a snapshot of the present always heals the book"
    assert book.sequence == last
    assert_is_the_exchanges(book, exchange)


def assert_is_the_exchanges(book: OrderBook, exchange: Exchange) -> None:
    if not book.valid:
        return
    bids, asks = exchange.history[book.sequence]
    assert book.best_bid == max(bids, default=None)
    assert book.best_ask == min(asks, default=None)
    for ticks in range(1, 200):
        assert book.lots_at(Side.BUY, ticks) == bids.get(ticks, 0)
        assert book.lots_at(Side.SELL, ticks) == asks.get(ticks, 0)


@given(changes=changes, cut=st.integers(0, 30), keep_from=st.integers(0, 30))
def test_snapshot_and_deltas_join_in_either_order(
    changes: list[tuple[bool, int, int]], cut: int, keep_from: int
) -> None:
    exchange = Exchange(changes)
    cut = min(cut, len(changes))
    deltas_first, snapshot_first = OrderBook(), OrderBook()
    for kept in exchange.deltas[min(keep_from, cut) :]:
        assert deltas_first.apply_delta(kept) is BookChange.BUFFERED
    assert deltas_first.apply_snapshot(exchange.snapshot(cut)) is BookChange.APPLIED
    snapshot_first.apply_snapshot(exchange.snapshot(cut))
    for later in exchange.deltas[cut:]:
        assert snapshot_first.apply_delta(later) is BookChange.APPLIED
    for book in (deltas_first, snapshot_first):
        assert book.valid
        assert book.sequence == len(changes)
        assert_is_the_exchanges(book, exchange)
