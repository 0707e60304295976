"""The table and the machine are the same thing."""

import ast
import inspect
from pathlib import Path

from market_maker.ownership import events, machine, states
from market_maker.ownership.holding import Holding
from market_maker.ownership.states import NEXT, Move, Stage


def test_every_stage_is_reached_and_left_and_every_move_leads_somewhere() -> None:
    assert {stage for stage, _ in NEXT} == set(Stage) == set(NEXT.values())
    assert {move for _, move in NEXT} == set(Move)


def test_every_move_of_the_table_is_made_somewhere() -> None:
    made = {
        node.attr
        for path in Path(states.__file__).parent.glob("*.py")
        if path.name != "states.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Move"
    }
    assert made == {move.name for move in Move}


def test_every_event_has_its_handler() -> None:
    abstract = {events.OwnershipEvent, events.OfSymbol}
    kinds = {kind for _, kind in inspect.getmembers(events, inspect.isclass)}
    assert {kind for kind in kinds if issubclass(kind, events.OwnershipEvent)} - abstract == set(
        machine.HANDLERS
    )


def test_a_symbol_may_be_enabled_in_one_stage_only() -> None:
    free = [stage for stage in states.ACTING if Holding("X", stage, leaving=states.Hold.LOST).hold() is None]
    assert free == [Stage.HELD]
