"""The share of the ACTIVE time with quotes on both sides, and the counters."""

from market_maker.core.engine.stats import WARM_UP_NS, Stats

S = 1_000_000_000


def test_the_first_second_of_each_active_period_does_not_count() -> None:
    stats = Stats()
    stats.activity(0, active=True, two_sided=False)
    stats.activity(S // 2, active=True, two_sided=True)
    assert (stats.active_ns, stats.two_sided_ns) == (0, 0)
    stats.activity(3 * S, active=True, two_sided=True)
    assert (stats.active_ns, stats.two_sided_ns) == (3 * S - WARM_UP_NS, 3 * S - WARM_UP_NS)


def test_time_counts_by_how_things_stood_during_it() -> None:
    stats = Stats()
    stats.activity(0, active=True, two_sided=False)
    stats.activity(2 * S, active=True, two_sided=True)
    stats.activity(5 * S, active=True, two_sided=False)
    stats.activity(6 * S, active=True, two_sided=False)
    assert (stats.active_ns, stats.two_sided_ns) == (5 * S, 3 * S)


def test_time_outside_active_does_not_count_and_a_new_period_warms_up_again() -> None:
    stats = Stats()
    stats.activity(0, active=True, two_sided=True)
    stats.activity(3 * S, active=False, two_sided=False)
    stats.activity(10 * S, active=True, two_sided=True)
    stats.activity(11 * S, active=True, two_sided=True)
    assert (stats.active_ns, stats.two_sided_ns) == (2 * S, 2 * S)
    stats.activity(12 * S, active=True, two_sided=True)
    assert (stats.active_ns, stats.two_sided_ns) == (3 * S, 3 * S)


def test_never_active_means_no_time_at_all() -> None:
    stats = Stats()
    for at_ns in range(0, 10 * S, S):
        stats.activity(at_ns, active=False, two_sided=True)
    assert (stats.active_ns, stats.two_sided_ns) == (0, 0)


def test_suppressed_levels_are_counted_by_reason() -> None:
    stats = Stats()
    for reason in ("rate_limit", "book_stale", "rate_limit"):
        stats.suppress(reason)
    assert stats.suppressed == {"rate_limit": 2, "book_stale": 1}
