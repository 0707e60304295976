from dataclasses import astuple
from typing import Any

import pytest
from benchmarks.capacity.model import Cost, Traffic, Wish, believed, cost, fit, plan, traffic

COST = Cost(
    cpu_per_instance=0.1,
    cpu_per_symbol=0.002,
    cpu_per_message=0.0001,
    mib_per_instance=120.0,
    mib_per_symbol=0.5,
)
TRAFFIC = Traffic(placements=0.5, rows=2.0, wal_bytes=500.0, bytes_per_delta=250.0)


def step(symbols: int, rate: float, instances: int = 1, **changed: Any) -> dict[str, Any]:
    consumed = symbols * rate
    made = {
        "symbols": symbols,
        "instances": instances,
        "consumed": consumed,
        "cpu": 0.1 * instances + 0.002 * symbols + 0.0001 * consumed,
        "rss_mib": 120.0 * instances + 0.5 * symbols,
        "placements": 0.5 * symbols,
        "rows": 2.0 * symbols,
        "wal_mb": 0.0005 * symbols,
        "sent": consumed,
        "sent_mb": consumed * 250 / 1e6,
        "elsewhere_cpu": 0.0,
        "verdict": "",
    }
    return {**made, **changed}


MATRIX = [step(symbols, rate, n) for symbols in (10, 50, 200) for rate in (5.0, 20.0) for n in (1, 2)]


def test_the_parts_of_the_cost_are_found_again_in_the_sum() -> None:
    found = cost(MATRIX)
    assert found.cpu_per_instance == pytest.approx(0.1)
    assert found.cpu_per_symbol == pytest.approx(0.002)
    assert found.cpu_per_message == pytest.approx(0.0001)
    assert found.mib_per_symbol == pytest.approx(0.5)
    assert astuple(traffic(MATRIX)) == pytest.approx(astuple(TRAFFIC))


def test_a_part_that_noise_makes_negative_costs_nothing() -> None:
    assert fit([(1.0, 0.0), (1.0, 1.0), (1.0, 2.0)], [3.0, 2.0, 1.0]) == [pytest.approx(2.0), 0.0]


def test_measurements_that_are_all_alike_tell_no_parts_apart() -> None:
    with pytest.raises(ValueError, match="too alike"):
        cost([step(50, 20.0)] * 5)
    with pytest.raises(ValueError, match="cannot tell"):
        cost([step(50, 20.0)])


def test_a_step_that_broke_is_never_believed_and_a_disturbed_one_only_for_want_of_others() -> None:
    broke, disturbed = step(10, 5.0, verdict="lag"), step(10, 5.0, elsewhere_cpu=0.9)
    assert believed([*MATRIX, broke, disturbed]) == MATRIX
    few = MATRIX[:5]
    assert believed([*few, broke, disturbed]) == [*few, disturbed]


def test_a_plan_carries_the_burst_with_a_tenth_of_its_instances_gone() -> None:
    wish = Wish(symbols=10_000, deltas_per_s=10.0, burst=3.0, core_share=0.6, lost_share=0.1)
    found = plan(COST, TRAFFIC, wish)
    assert found.symbols_per_instance == 100  # (0.6 - 0.1) / (0.002 + 0.0001 * 30)
    assert found.instances == 112
    assert found.instances * 0.9 * found.symbols_per_instance >= wish.symbols
    assert found.partitions == 448
    assert found.messages_per_s == 300_000
    assert found.kafka_mb_per_s == pytest.approx(75.0)
    assert found.orders_per_s == pytest.approx(10_000)
    assert found.rows_per_s == pytest.approx(20_000)
    assert found.wal_mb_per_s == pytest.approx(5.0)
    assert found.gib == pytest.approx((112 * 120 + 5_000) / 1024)
    assert plan(COST, TRAFFIC, wish, grown_mib=2.0).gib == pytest.approx((112 * 120 + 25_000) / 1024)


def test_an_instance_that_carries_nothing_is_no_plan() -> None:
    with pytest.raises(ValueError, match="one symbol"):
        plan(COST, TRAFFIC, Wish(core_share=0.1))
