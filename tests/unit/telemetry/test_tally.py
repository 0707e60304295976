from collections import Counter

from tests.support.counted import sample

from market_maker.telemetry.metrics import Metrics
from market_maker.telemetry.tally import Tally


def test_a_counter_follows_a_total_that_is_kept_elsewhere() -> None:
    metrics, totals = Metrics(), Counter[str]()
    tally = Tally(metrics, "mm_decode_errors_total", "topic", lambda: totals)
    seen = []
    for grown in (2, 0, 3):
        totals["md.mark.v1"] += grown
        tally.show()
        seen.append(sample(metrics, "mm_decode_errors_total", topic="md.mark.v1"))
    assert seen == [2, 2, 5]


def test_known_labels_show_as_zero_before_anything_happened() -> None:
    metrics = Metrics()
    Tally(metrics, "mm_decode_errors_total", "topic", dict, ("a", "b"))
    assert sample(metrics, "mm_decode_errors_total", topic="a") == 0
    assert sample(metrics, "mm_decode_errors_total", topic="b") == 0
    assert sample(metrics, "mm_decode_errors_total", topic="c") is None


def test_a_counter_without_labels_has_one_total() -> None:
    metrics = Metrics()
    Tally(metrics, "mm_log_lines_dropped_total", None, lambda: {"": 7}).show()
    assert sample(metrics, "mm_log_lines_dropped_total") == 7
