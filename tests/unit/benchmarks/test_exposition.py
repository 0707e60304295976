import math

import pytest
from benchmarks.capacity.exposition import parse, quantile
from benchmarks.process_figures import MIB, parse_stat

PAGE = """\
# HELP mm_kafka_lag_seconds Consumer lag
mm_kafka_lag_seconds{topic="a"} 0.5
mm_kafka_lag_seconds{topic="b"} 2.0
mm_fills_total{symbol="A",side="buy"} 3.0
mm_fills_total{symbol="B",side="buy"} 4.0
mm_fills_total{symbol="A",side="sell"} 5.0
mm_latency_seconds_bucket{le="0.001"} 10.0
mm_latency_seconds_bucket{le="0.002"} 30.0
mm_latency_seconds_bucket{le="+Inf"} 40.0
mm_loop_seconds 1.5e-03
mm_unwanted 9
"""
WANTED = ("mm_kafka_lag_seconds", "mm_fills_total", "mm_latency_seconds", "mm_loop_seconds")


def test_samples_are_summed_over_the_labels_that_were_not_asked_for() -> None:
    page = parse(PAGE, WANTED)
    assert page.total("mm_fills_total") == 12
    assert page.total("mm_fills_total", symbol="A") == 8
    assert page.total("mm_fills_total", symbol="A", side="buy") == 3
    assert page.total("mm_loop_seconds") == 0.0015
    assert page.largest("mm_kafka_lag_seconds") == 2.0
    assert page.total("mm_unwanted") == 0


def test_what_cannot_be_measured_is_worse_than_any_figure() -> None:
    page = parse('mm_kafka_lag_seconds{topic="a"} NaN\nmm_kafka_lag_seconds{topic="b"} 1.0', WANTED)
    assert page.largest("mm_kafka_lag_seconds") == math.inf


def test_percentiles_are_those_of_the_observations_between_two_scrapes() -> None:
    before = {0.001: 10.0, 0.002: 10.0, 0.004: 10.0, math.inf: 10.0}
    after = {0.001: 10.0, 0.002: 30.0, 0.004: 30.0, math.inf: 30.0}
    assert quantile(0.5, before, after) == pytest.approx(0.0015)
    assert quantile(1.0, before, after) == pytest.approx(0.002)


def test_an_open_last_bucket_is_told_by_its_lower_edge_and_nothing_by_none() -> None:
    after = parse(PAGE, WANTED).buckets("mm_latency_seconds")
    assert quantile(0.99, {}, after) == 0.002
    assert quantile(0.5, after, after) is None


def test_a_process_name_with_blanks_and_brackets_hides_no_figure() -> None:
    stat = "12 (a (b) c) S 1 1 1 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 7 0 100 1000 2560 18446744 0"
    figures = parse_stat(stat, 9)
    assert figures.cpu_s == 3.0
    assert (figures.threads, figures.descriptors) == (7, 9)
    assert figures.rss_mib == 2560 * 4096 / MIB


def test_buckets_of_one_label_are_apart_from_those_of_others() -> None:
    page = parse(
        'mm_latency_seconds_bucket{stage="send",le="0.001"} 1.0\n'
        'mm_latency_seconds_bucket{stage="wait",le="0.001"} 2.0\n',
        WANTED,
    )
    assert page.buckets("mm_latency_seconds") == {0.001: 3.0}
    assert page.buckets("mm_latency_seconds", stage="wait") == {0.001: 2.0}
