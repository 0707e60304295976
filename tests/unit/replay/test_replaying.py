import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from tests.support.playbook import LIMITS
from tests.support.recorded import conversation, edited, recorded

from market_maker.core.config import EngineLimits
from market_maker.core.events import Event
from market_maker.replay.record import RecordReader
from market_maker.replay.replaying import replay

SHADOW = EngineLimits(shadow_mode=True)


def test_the_conversation_holds_every_type_of_event() -> None:
    assert {type(event) for event in conversation()} == set(get_args(Event))


@pytest.mark.parametrize("limits", [LIMITS, SHADOW])
def test_a_recorded_conversation_replays_bit_for_bit(tmp_path: Path, limits: EngineLimits) -> None:
    events = conversation(limits)
    (path,) = recorded(tmp_path, events, limits)
    result = replay(path)
    assert (result.events, result.difference, result.notes) == (len(events), None, ())


def test_a_record_keeps_what_was_heard_and_every_kind_of_thing_that_was_said(tmp_path: Path) -> None:
    kinds = set()
    for limits in (LIMITS, SHADOW):
        events = conversation(limits)
        (path,) = recorded(tmp_path / str(limits.shadow_mode), events, limits)
        with RecordReader(path) as record:
            _, *steps = record.steps()
        assert [repr(step.event()) for step in steps] == [repr(event) for event in events]
        kinds |= {command[0] for step in steps for command in step.said}
    assert kinds >= {
        "PlaceOrder",
        "CancelOrder",
        "CancelAll",
        "QueryOrder",
        "QueryOpenOrders",
        "PublishQuote",
    }
    assert kinds >= {"RecordOrder", "RecordFill", "RecordState", "RecordRisk", "Reply", "Notice"}
