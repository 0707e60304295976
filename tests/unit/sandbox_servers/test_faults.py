from random import Random

import pytest
from pydantic import ValidationError

from tradex_sandbox.faults import Fault, FaultTable, Operation


def fault(**fields: object) -> Fault:
    return Fault.model_validate({"operation": "place", "kind": "error", **fields})


def table(*faults: Fault, seed: int = 1) -> FaultTable:
    found = FaultTable(Random(seed))  # noqa: S311 - chance of a test
    for item in faults:
        found.add(item)
    return found


def test_a_fault_meets_its_operation_and_its_symbol_only() -> None:
    faults = table(fault(symbol="BTCUSDT"))
    assert len(faults.take(Operation.PLACE, "BTCUSDT")) == 1
    assert not faults.take(Operation.PLACE, "ETHUSDT")
    assert not faults.take(Operation.PLACE, None)
    assert not faults.take(Operation.CANCEL, "BTCUSDT")


def test_any_order_means_the_order_services_operations_and_no_other() -> None:
    faults = table(fault(operation="any_order"))
    asked = set(Operation) - {Operation.ANY_ORDER}
    met = {operation for operation in asked if faults.take(operation, None)}
    assert met == {
        Operation.PLACE,
        Operation.CANCEL,
        Operation.CANCEL_ALL,
        Operation.QUERY,
        Operation.LIST,
    }


def test_a_fault_is_skipped_first_and_then_met_so_many_times() -> None:
    faults = table(fault(skip=2, count=3))
    assert [len(faults.take(Operation.PLACE, None)) for _ in range(7)] == [0, 0, 1, 1, 1, 0, 0]
    assert faults.describe()[0]["taken"] == 3


def test_chance_is_reproducible_from_its_seed_and_about_right() -> None:
    def met(seed: int) -> list[int]:
        faults = table(fault(probability=0.3), seed=seed)
        return [len(faults.take(Operation.PLACE, None)) for _ in range(1000)]

    assert met(1) == met(1)
    assert met(1) != met(2)
    assert 250 < sum(met(1)) < 350


def test_several_faults_meet_one_request_in_the_order_they_were_told() -> None:
    faults = table(fault(kind="delay", delay_ms=5), fault())
    assert [item.kind.value for item in faults.take(Operation.PLACE, None)] == ["delay", "error"]


def test_a_removed_fault_is_met_no_more() -> None:
    faults = FaultTable(Random(1))  # noqa: S311 - chance of a test
    number = faults.add(fault())
    assert faults.remove(number)
    assert not faults.remove(number)
    assert not faults.take(Operation.PLACE, None)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "explode"}, "kind"),
        ({"kind": "delay"}, "delay_ms"),
        ({"kind": "refuse", "phase": "after"}, "phase"),
        ({"kind": "duplicate", "phase": "before"}, "phase"),
        ({"kind": "refuse", "status": 503}, "status"),
        ({"kind": "error", "status": 409}, "status"),
        ({"operation": "metadata", "kind": "drop"}, "kind"),
        ({"count": 0}, "count"),
        ({"probability": 1.5}, "probability"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_name(fields: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        fault(**fields)
