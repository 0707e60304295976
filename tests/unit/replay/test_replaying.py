import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.support.conversation import LIMITS, START_NS
from tests.support.recorded import PLENTY, RecordedEngine, conversation, edited, recorded

from market_maker.core.config import EngineLimits
from market_maker.core.events import Event, Execution, Fault, Tick
from market_maker.core.side import Side
from market_maker.core.states import KillReason
from market_maker.replay.record import RecordError, RecordReader
from market_maker.replay.recorder import Recorder
from market_maker.replay.replaying import replay

SHADOW = EngineLimits(shadow_mode=True)
ZERO = Decimal(0)
NOT_A_FILL = Execution(
    START_NS, "t", Side.BUY, Decimal(1000), ZERO, ZERO, "x", None, is_maker=True, sequence=1, executed_at_us=1
)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    (path,) = recorded(tmp_path, conversation())
    return path


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


def line_of(path: Path, kind: str, said: str = "") -> int:
    """The first line with an event of this type that was answered with this command."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.startswith(f'["{kind}"') and said in line:
            return number
    raise AssertionError(f"no {kind} with {said!r}")


def changed(path: Path, number: int, change: Callable[[Any], None]) -> None:
    def on_text(text: str) -> str:
        line = json.loads(text)
        change(line)
        return json.dumps(line, separators=(",", ":")) + "\n"

    edited(path, number, on_text)


def test_a_changed_command_is_the_first_difference(record: Path) -> None:
    number = line_of(record, "Control", '"PlaceOrder"')

    def dearer(line: Any) -> None:
        line[2][0][1][0][4] += 1

    changed(record, number, dearer)
    result = replay(record)
    assert result.difference is not None
    assert (result.difference.step.line, result.difference.number) == (number, result.events + 1)
    assert "9996" in result.difference.recorded
    assert "9995" in result.difference.replayed


def test_a_changed_event_shows_as_what_it_leads_to(record: Path) -> None:
    number = line_of(record, "Execution", '"RecordFill"')
    changed(record, number, lambda line: line[1].__setitem__(3, "999.4"))
    difference = replay(record).difference
    assert difference is not None
    assert difference.step.line == number
    assert "'999.5'" in difference.recorded
    assert "'999.4'" in difference.replayed


def test_trailing_zeros_count_as_a_difference(record: Path) -> None:
    number = line_of(record, "Execution", '"RecordFill"')
    changed(record, number, lambda line: line[2][0][1].__setitem__(3, line[2][0][1][3] + "0"))
    assert replay(record).difference is not None


def test_a_missing_and_a_surplus_command_are_differences(record: Path) -> None:
    number = line_of(record, "Control", '"PlaceOrder"')
    text = record.read_text()
    changed(record, number, lambda line: line[2].pop())
    difference = replay(record).difference
    assert difference is not None
    assert (difference.recorded, difference.replayed[:6]) == ("nothing", "Reply(")
    record.write_text(text)
    changed(record, number, lambda line: line[2].append(["CancelAll", []]))
    difference = replay(record).difference
    assert difference is not None
    assert (difference.recorded, difference.replayed) == ("CancelAll()", "nothing")


def test_a_changed_start_differs_before_any_event(record: Path) -> None:
    changed(record, 2, lambda line: line[2].clear())
    result = replay(record)
    assert result.difference is not None
    assert (result.events, result.difference.number, result.difference.step.line) == (0, 0, 2)


def test_other_limits_in_the_head_give_other_commands(record: Path) -> None:
    changed(record, 1, lambda line: line["begin"][1].__setitem__(1, 1))
    difference = replay(record).difference
    assert difference is not None
    assert "PlaceOrder" in difference.recorded


def test_a_truncated_last_line_is_left_out_with_a_note(record: Path) -> None:
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(lines[:-2]) + lines[-2][:20])
    result = replay(record)
    assert (result.events, result.difference) == (len(conversation()) - 1, None)
    assert "the last line is incomplete" in result.notes[0]


def test_a_record_cut_after_a_whole_line_needs_no_note(record: Path) -> None:
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(lines[:5]))
    assert (replay(record).events, replay(record).notes) == (3, ())


def test_a_record_that_holds_nothing_but_its_head_is_no_difference(record: Path) -> None:
    record.write_text(record.read_text().splitlines(keepends=True)[0])
    assert (replay(record).events, replay(record).difference) == (0, None)


def test_another_core_is_told(record: Path) -> None:
    changed(record, 1, lambda line: line.update(core="0123456789abcdef", service="9.9.9"))
    result = replay(record)
    assert result.difference is None
    assert "version 9.9.9 with another core (0123456789abcdef)" in result.notes[0]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The record of an engine that raised at its second event and then went on."""
    recorder = Recorder(tmp_path, PLENTY)
    engine = RecordedEngine(recorder)
    engine.hear([Tick(START_NS)])
    with pytest.raises(ValueError, match="quantity must be a positive number"):
        engine.hear([NOT_A_FILL])
    engine.hear([Fault(START_NS, KillReason.WORKER_FAILURE, "it raised"), Tick(START_NS + 1)])
    recorder.close()
    (path,) = tmp_path.iterdir()
    return path


def test_a_head_of_another_build_that_cannot_be_read_says_whose_it_is(record: Path) -> None:
    def other(line: Any) -> None:
        line.update(core="0123456789abcdef")
        line["begin"][0].pop()

    changed(record, 1, other)
    with pytest.raises(RecordError, match=r"is not an array of \d+ values \(recorded by version"):
        replay(record)


def test_a_step_that_raised_raises_the_same_again(broken: Path) -> None:
    result = replay(broken)
    assert (result.events, result.difference) == (4, None)


def test_a_step_that_raised_something_else_is_a_difference(broken: Path) -> None:
    edited(broken, 4, lambda text: text.replace("ValueError", "KeyError"))
    difference = replay(broken).difference
    assert difference is not None
    assert (difference.number, difference.recorded[:15]) == (2, "raised KeyError")
    assert difference.replayed.startswith("raised ValueError: fill: quantity")


def test_a_step_that_no_longer_raises_is_a_difference(broken: Path) -> None:
    changed(broken, 4, lambda line: line[1].__setitem__(4, "1"))
    difference = replay(broken).difference
    assert difference is not None
    assert difference.recorded.startswith("raised ValueError")
    assert difference.replayed.endswith(" commands")


@pytest.mark.parametrize(
    ("line", "change", "told"),
    [
        (1, lambda _: "not JSON\n", "line 1: is not JSON"),
        (1, lambda _: '{"record":1}\n', "line 1: is not the head of a record"),
        (1, lambda text: text.replace('"record":1', '"record":2'), "format 2, this version reads format 1"),
        (1, lambda text: text.replace('"PAUSED"', '"ASLEEP"'), "'ASLEEP' is not a State"),
        (1, lambda text: text.replace('"0.001"', '"-0.001"'), "lot_size must be a positive number"),
        (1, lambda text: text.replace('"10.0"', '"-10.0"'), "no engine can start from this"),
        (2, lambda text: text.replace("Start", "Tick"), "line 2: must say what came of the start"),
        (4, lambda _: "{\n", "line 4: is not JSON"),
        (4, lambda _: "[]\n", "line 4: is no step of a record"),
        (4, lambda _: '["Tock",[1],[]]\n', "line 4: 'Tock' is no type of event"),
        (4, lambda _: '["Tick",[1,2],[]]\n', "line 4: [1, 2] is not an array of 1 values"),
        (4, lambda _: '["Tick",[true],[]]\n', "line 4: Tick: True is not of type int"),
        (4, lambda _: '{"end":"closed"}\n', "line 5: is no step of a record"),
    ],
)
def test_what_is_no_record_is_named_by_its_line(
    record: Path, line: int, change: Callable[[str], str], told: str
) -> None:
    edited(record, line, change)
    with pytest.raises(RecordError) as caught:
        replay(record)
    assert told in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(RecordError, match="cannot be read"):
            replay(path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(RecordError, match="cannot be read"):
        replay(tmp_path / "binary")
    (tmp_path / "empty").touch()
    with pytest.raises(RecordError, match="is not the head"):
        replay(tmp_path / "empty")
