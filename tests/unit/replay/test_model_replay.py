"""A recording made with another model than the default gives the same commands."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.conversation import CONFIG, LIMITS
from tests.support.recorded import Overheard, edited, recorded, restored

from market_maker.core import events as ev
from market_maker.core.config import FairValue, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.side import Side
from market_maker.replay.checkpoint import Checkpoint, engine_of
from market_maker.replay.record import RecordError, dumps, said_of
from market_maker.replay.replaying import replay

GLFT = replace(
    CONFIG, model="glft", model_parameters=(("gamma", Decimal("0.01")), ("window_s", Decimal(200)))
)
ALL = replace(
    GLFT,
    fair_value=FairValue.SIZE_WEIGHTED_MID,
    size_skew_eta=Decimal("0.3"),
    min_edge_bps=Decimal("0.5"),
    fill_pause_ms=Decimal(300),
    fill_burst_usdt=Decimal(1000),
)


def conversation(config: SymbolConfig) -> Sequence[ev.Event]:
    """Long enough for the calibration to speak: takers every 10 ms that reach one to five ticks."""
    desk = Overheard(config=config)
    desk.open_orders()
    desk.mid(10_000, half=2)
    desk.enable()
    for number in range(8_000):
        desk.after(10)
        side = (Side.BUY, Side.SELL)[number % 2]
        reach = 2 + (number % 3 == 0) + (number % 7 == 0) + (number % 23 == 0)
        at_us = desk.now_ns // 1000
        price = Decimal(10_000 + side.sign * reach).scaleb(-1)
        desk.when(ev.PublicTrade(desk.now_ns, desk.now_ns, price, f"o{number}", None, side, at_us))
        if number % 50 == 0:
            desk.mid(10_000 + number % 3, half=2)
    desk.fill(desk.names[-1], 30, "t1")
    desk.evaluate()
    return desk.events


@pytest.mark.parametrize("config", [GLFT, ALL])
def test_it_replays_bit_for_bit(tmp_path: Path, config: SymbolConfig) -> None:
    events = conversation(config)
    (path,) = recorded(tmp_path, events, config=config)
    result = replay(path)
    assert (result.events, result.difference) == (len(events), None)
    assert json.loads(path.read_text().splitlines()[0])["begin"]


def test_an_engine_restored_from_a_checkpoint_goes_on_with_what_the_model_learned() -> None:
    events = conversation(GLFT)
    engine = SymbolEngine(restored(GLFT), LIMITS)
    engine.start()
    for event in events[: len(events) - 500]:
        engine.handle(event)
    again = engine_of(json.loads(dumps(Checkpoint.of(engine).to_json())))
    for event in events[len(events) - 500 :]:
        assert dumps(said_of(again.handle(event))) == dumps(said_of(engine.handle(event)))
    assert again.view() == engine.view()
    assert engine.view().model.quotes_by == "glft"


def test_a_record_with_a_model_that_is_not_installed_says_so(tmp_path: Path) -> None:
    (path,) = recorded(tmp_path, conversation(GLFT)[:5], config=GLFT)
    edited(path, 1, lambda line: line.replace('"glft"', '"of another package"'))
    with pytest.raises(
        RecordError, match="there is no model 'of another package' here: give one of linear_skew"
    ):
        replay(path)
