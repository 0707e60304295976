"""One side of a book: a plain dictionary from ticks to lots, and how its best price is found.

The next best after a removal is found by walking tick by tick, which in a dense book ends after a step
or two. After as many steps as the side has levels (a step costs about what looking at one level does)
the whole side is scanned instead: in a sparse book this costs at most twice the better way.
Changes themselves are applied in `order_book.OrderBook.apply_delta`.

Bids and asks stand written out: one loop for both would compare through a variable, at twice the cost.
"""

from collections.abc import Iterator, Mapping

from market_maker.core.events import BookSnapshot

BELOW_ANY_PRICE = 0
ABOVE_ANY_PRICE = 1 << 63


def highest_from(bids: Mapping[int, int], ticks: int) -> int | None:
    """The best bid, when none is above `ticks`."""
    for at in range(ticks, ticks - 1 - len(bids), -1):
        if at in bids:
            return at
    return max(bids, default=None)


def lowest_from(asks: Mapping[int, int], ticks: int) -> int | None:
    """The best ask, when none is below `ticks`."""
    for at in range(ticks, ticks + 1 + len(asks)):
        if at in asks:
            return at
    return min(asks, default=None)


def highest_beyond(bids: Mapping[int, int], best: int, own: Mapping[int, int], units_min: int) -> int | None:
    """The highest price at which more than our `own` lots stand, worth at least `units_min` (ticks * lots).

    `best` is the highest price of all.
    """
    for ticks in range(best, best - 1 - len(bids), -1):
        others = bids.get(ticks, 0) - own.get(ticks, 0)
        if others > 0 and others * ticks >= units_min:
            return ticks
    return max(_counting(bids, own, units_min), default=None)


def lowest_beyond(asks: Mapping[int, int], best: int, own: Mapping[int, int], units_min: int) -> int | None:
    """The lowest such price; `best` is the lowest price of all."""
    for ticks in range(best, best + 1 + len(asks)):
        others = asks.get(ticks, 0) - own.get(ticks, 0)
        if others > 0 and others * ticks >= units_min:
            return ticks
    return min(_counting(asks, own, units_min), default=None)


def _counting(levels: Mapping[int, int], own: Mapping[int, int], units_min: int) -> Iterator[int]:
    for ticks, lots in levels.items():
        others = lots - own.get(ticks, 0)
        if others > 0 and others * ticks >= units_min:
            yield ticks


def snapshot_problem(snapshot: BookSnapshot) -> str:
    """What makes a snapshot unusable; empty when nothing does."""
    for name, levels in (("bid", snapshot.bids), ("ask", snapshot.asks)):
        if len(dict(levels)) != len(levels):
            return f"snapshot repeats a {name} price"
        for ticks, lots in levels:
            if lots <= 0 or ticks <= 0:
                return f"snapshot has {lots} lots at {name} {ticks}"
    return ""
