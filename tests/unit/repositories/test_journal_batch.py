from dataclasses import replace

import fastavro
import pytest

from lab.journal_records import Fills, entry, order, risk, state
from market_maker.core.commands import RecordRisk, RecordState
from market_maker.repositories.journal_batch import risk_payload, state_payload
from market_maker.repositories.text import to_json
from market_maker.repositories.wall_time import microseconds, wall_time
from tradex_contracts import avro_schema


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("mm.state.changed.v1", state_payload("BTC-USDT", state())),
        ("mm.risk.triggered.v1", risk_payload("BTC-USDT", risk())),
    ],
)
def test_a_payload_is_the_data_record_of_its_contract(topic: str, payload: dict[str, object]) -> None:
    data = next(field for field in avro_schema(topic)["fields"] if field["name"] == "data")["type"]
    assert fastavro.validate(payload, data, strict=True)


def test_amounts_in_a_payload_are_plain_decimal_text() -> None:
    payload = risk_payload("BTC-USDT", risk())
    assert (payload["position"], payload["pnl"]) == ("10", "-0.0000001")


def test_an_entry_has_one_event_id_for_each_record_that_becomes_an_event() -> None:
    made = entry(order(), state(), Fills().next(), risk(), state())
    assert sum(isinstance(record, RecordState | RecordRisk) for record in made.records) == 3
    assert len(set(made.event_ids)) == 3
    assert all(event_id.version == 7 for event_id in made.event_ids)


def test_the_event_ids_of_an_entry_stay_the_same_and_differ_from_any_other_entry() -> None:
    made = entry(state())
    assert made.event_ids == made.event_ids
    assert made.event_ids != entry(state()).event_ids
    assert made.event_ids != replace(made).event_ids


def test_a_time_in_microseconds_is_kept_exactly() -> None:
    assert wall_time(1_763_640_000_123_457).isoformat() == "2025-11-20T12:00:00.123457+00:00"
    assert wall_time(253_402_300_799_999_999).isoformat() == "9999-12-31T23:59:59.999999+00:00"
    for made in (0, 1_763_640_000_123_457, 253_402_300_799_999_999):
        assert microseconds(wall_time(made)) == made


@pytest.mark.parametrize("value", [{"pnl": 1.5}, {"levels": [0.1]}])
def test_a_float_is_refused_where_amounts_are_text(value: object) -> None:
    with pytest.raises(TypeError, match="amounts are text"):
        to_json(value)
