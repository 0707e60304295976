from collections.abc import Mapping

import pytest

from tradex_contracts import avro_schema
from tradex_sandbox import topics
from tradex_sandbox.schema_compatibility import unreadable


def record(*fields: Mapping[str, object]) -> dict[str, object]:
    return {"type": "record", "name": "Thing", "fields": list(fields)}


SYMBOL = {"name": "symbol", "type": "string"}


@pytest.mark.parametrize("topic", topics.WITH_SCHEMA)
def test_every_contract_reads_what_it_wrote_itself(topic: str) -> None:
    assert unreadable(avro_schema(topic), avro_schema(topic)) == []


def test_a_new_field_needs_a_default() -> None:
    added = {"name": "venue", "type": "string"}
    assert unreadable(record(SYMBOL, added), record(SYMBOL)) == ["$.venue: a new field needs a default"]
    assert unreadable(record(SYMBOL, {**added, "default": ""}), record(SYMBOL)) == []


def test_a_field_may_go() -> None:
    assert unreadable(record(SYMBOL), record(SYMBOL, {"name": "gone", "type": "int"})) == []


def test_a_field_may_be_renamed_only_with_an_alias() -> None:
    renamed = {"name": "instrument", "type": "string"}
    assert unreadable(record(renamed), record(SYMBOL)) == ["$.instrument: a new field needs a default"]
    assert unreadable(record({**renamed, "aliases": ["symbol"]}), record(SYMBOL)) == []


@pytest.mark.parametrize(
    ("reader", "writer", "reads"),
    [
        ("long", "int", True),
        ("int", "long", False),
        ("double", "long", True),
        ("string", "long", False),
        ("bytes", "string", True),
        (["null", "string"], "string", True),
        ("string", ["null", "string"], False),
        (["null", "long"], ["null", "int"], True),
        (["null", "int"], ["null", "string"], False),
        ({"type": "array", "items": "long"}, {"type": "array", "items": "int"}, True),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "string"}, False),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "string"}, False),
        ({"type": "long", "logicalType": "timestamp-micros"}, "long", True),
    ],
)
def test_a_type_may_widen_but_not_change(reader: object, writer: object, reads: bool) -> None:
    changed = unreadable(record({"name": "value", "type": reader}), record({"name": "value", "type": writer}))
    assert (changed == []) is reads


def test_an_enum_may_grow_but_lose_a_symbol_only_with_a_default() -> None:
    small = {"type": "enum", "name": "Side", "symbols": ["BUY"]}
    large = {"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}
    assert unreadable(large, small) == []
    assert unreadable(small, large) == ["$: the enum lost SELL and has no default"]
    assert unreadable({**small, "default": "BUY"}, large) == []


def test_a_type_named_once_is_followed_wherever_it_is_used() -> None:
    def book(quantity: str) -> dict[str, object]:
        level = record({"name": "quantity", "type": quantity})
        return {
            "type": "record",
            "name": "Book",
            "fields": [
                {"name": "bids", "type": {"type": "array", "items": level}},
                {"name": "asks", "type": {"type": "array", "items": "Thing"}},
            ],
        }

    problems = unreadable(book("int"), book("string"))
    assert [problem.split(":")[0] for problem in problems] == ["$.bids[].quantity", "$.asks[].quantity"]


def test_a_recursive_type_comes_to_an_end() -> None:
    tree = record({"name": "children", "type": {"type": "array", "items": "Thing"}})
    assert unreadable(tree, tree) == []
