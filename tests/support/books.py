"""Reading a book as the reference mid does."""

from collections.abc import Mapping

from market_maker.core.book.levels import highest_beyond, lowest_beyond
from market_maker.core.book.order_book import OrderBook
from market_maker.core.side import Side


def best_without(book: OrderBook, side: Side, own: Mapping[int, int], units_min: int = 0) -> int | None:
    """The best price with others' lots, where `own` lots per price are ours."""
    best = book.best_bid if side is Side.BUY else book.best_ask
    find = highest_beyond if side is Side.BUY else lowest_beyond
    return None if best is None else find(book.levels(side), best, own, units_min)
