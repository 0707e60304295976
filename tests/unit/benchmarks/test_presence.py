from benchmarks.capacity.presence import Presence

S = 1_000_000


def test_the_longest_time_without_an_order_is_told_once_and_counts_while_it_lasts() -> None:
    presence = Presence()
    presence.came("A", 0)
    presence.emptied("A", 1 * S)
    presence.came("A", 3 * S)
    presence.emptied("A", 4 * S)
    assert presence.longest_s(5 * S) == {"A": 2.0}
    assert presence.longest_s(8 * S) == {"A": 3.0}
    presence.came("A", 9 * S)
    assert presence.longest_s(20 * S) == {"A": 1.0}
    assert presence.longest_s(30 * S) == {"A": 0.0}
