"""The requote benchmark runs on a virtual clock: its figures are the same everywhere, and may be asserted."""

from benchmarks.bench_requote import rows


def test_in_a_market_faster_than_the_order_rate_both_sides_stay_and_cancels_are_less_than_half() -> None:
    measured = rows()
    assert [row.within for row in measured if row.budget is not None] == [True, True]
    assert measured == rows()
