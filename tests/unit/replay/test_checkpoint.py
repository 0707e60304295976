import base64
import json
import os
import pickle
import zlib
from typing import Any

import pytest
from tests.support.conversation import LIMITS
from tests.support.recorded import conversation, restored

from market_maker.core.engine.engine import SymbolEngine
from market_maker.replay.checkpoint import Checkpoint, CheckpointError, engine_of
from market_maker.replay.record import dumps, said_of


def packed(state: bytes) -> dict[str, Any]:
    """A checkpoint of any pickled bytes."""
    return {"state": base64.b64encode(zlib.compress(state)).decode(), "orders": [], "trade_keys": []}


def as_read(checkpoint: Checkpoint) -> Any:
    """What a reader of the record gets."""
    return json.loads(dumps(checkpoint.to_json()))


@pytest.mark.parametrize("cut", range(0, 33, 3))
def test_an_engine_restored_at_any_step_says_what_the_first_says(cut: int) -> None:
    events = conversation()
    engine = SymbolEngine(restored(), LIMITS)
    engine.start()
    for event in events[:cut]:
        engine.handle(event)
    again = engine_of(as_read(Checkpoint.of(engine)))
    assert again is not engine
    for event in events[cut:]:
        assert dumps(said_of(again.handle(event))) == dumps(said_of(engine.handle(event)))
    assert again.view() == engine.view()
    assert again.symbol.trade_keys == engine.symbol.trade_keys


def test_later_steps_do_not_change_a_checkpoint() -> None:
    events = conversation()
    engine = SymbolEngine(restored(), LIMITS)
    engine.start()
    for event in events[:8]:
        engine.handle(event)
    checkpoint = Checkpoint.of(engine)
    before = as_read(checkpoint)
    for event in events[8:]:
        engine.handle(event)
    assert as_read(checkpoint) == before
    assert as_read(Checkpoint.of(engine)) != before


def test_orders_known_by_two_names_stay_one_order() -> None:
    engine = SymbolEngine(restored(), LIMITS)
    engine.start()
    for event in conversation()[:8]:
        engine.handle(event)
    tracked = engine_of(as_read(Checkpoint.of(engine))).symbol.orders
    (order, *_) = [one for one in tracked if one.order_id is not None]
    assert tracked.find(None, order.order_id) is tracked.get(order.client_order_id)


class Call:
    """Pickles into a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.parts = (function, arguments)

    def __reduce__(self) -> Any:
        return self.parts


@pytest.mark.parametrize(
    "harmful",
    [
        pickle.dumps(Call(os.system, "false")),
        pickle.dumps(Call(eval, "1")),
        pickle.dumps(Call(print, "hello")),
        b"\x80\x05\x8c\x21market_maker.core.symbol.os\x8c\x06system\x93.",
        b"\x80\x05\x8c\x1cmarket_maker.core.instrument\x8c\x14re.enum.sys.settrace\x93.",
        b"\x80\x05\x8c\x1cmarket_maker.core.instrument\x8c\x02re\x93.",
        b"\x80\x05\x8c\x1cmarket_maker.core.instrument\x8c\x07Decimal\x93.",
        b"\x80\x05\x8c\x19market_maker.core.no_such\x8c\x04Name\x93.",
    ],
)
def test_a_checkpoint_brings_nothing_to_life_but_the_core_s_own_classes(harmful: bytes) -> None:
    with pytest.raises(CheckpointError):
        engine_of(packed(harmful))


@pytest.mark.parametrize(
    "head",
    [
        None,
        {},
        {"state": "!", "orders": [], "trade_keys": []},
        packed(b""),
        packed(pickle.dumps(1)),
        packed(b"\x80\x05garbage"),
        {**packed(pickle.dumps(1)), "orders": [["too", "few"]]},
        {**packed(pickle.dumps(1)), "trade_keys": [["one"]]},
    ],
)
def test_what_is_no_checkpoint_is_an_error(head: Any) -> None:
    with pytest.raises(CheckpointError):
        engine_of(head)
