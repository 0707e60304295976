"""One side of the crowd's book against a plain dict."""

from hypothesis import given
from hypothesis import strategies as st

from tradex_sandbox.order_book import BookSide
from tradex_sandbox.orders import Side

LOTS = st.integers(0, 1)
NEAR = st.lists(st.tuples(st.integers(995, 1005), LOTS), max_size=80)
FAR = st.lists(st.tuples(st.integers(1, 10_000), LOTS), max_size=80)
CHANGES = NEAR | FAR
"""Near prices exercise the walk from tick to tick, far ones the scan past a hole."""


@given(st.sampled_from(Side), CHANGES)
def test_best_price_and_levels_are_those_of_a_dict(side: Side, changes: list[tuple[int, int]]) -> None:
    book, plain = BookSide(side), dict[int, int]()
    for after in (dict(changes[start : start + 5]) for start in range(0, len(changes), 5)):
        others = {ticks: lots for ticks, lots in after.items() if plain.get(ticks, 0) != lots}
        assert book.apply(after) == (others, [plain.get(ticks, 0) for ticks in after])
        plain = {ticks: lots for ticks, lots in (plain | after).items() if lots}
        best = max if side is Side.BUY else min
        assert book.best == best(plain, default=None)
        assert book.levels() == plain


@given(st.sampled_from(Side), CHANGES, st.integers(1, 10), st.integers(1, 10))
def test_a_finer_grid_tells_the_same_levels(
    side: Side, changes: list[tuple[int, int]], tick_factor: int, lot_factor: int
) -> None:
    book = BookSide(side)
    book.replace(dict(changes).items())
    before, best = book.levels(), book.best
    book.scale(tick_factor, lot_factor)
    assert book.levels() == {ticks * tick_factor: lots * lot_factor for ticks, lots in before.items()}
    assert book.best == (None if best is None else best * tick_factor)
