import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.conversation import LIMITS, START_NS
from tests.support.recorded import PLENTY, RecordedEngine, conversation, recorded, restored

from market_maker.core.commands import Command, OrderStatus
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import BookSnapshot, Event, Tick
from market_maker.core.orders.order_tracker import Order
from market_maker.core.side import Side
from market_maker.replay import recorder as recorder_module
from market_maker.replay import recording as recording_module
from market_maker.replay import segments as segments_module
from market_maker.replay.beginning import Beginning, beginning_of
from market_maker.replay.record import RecordReader, dumps
from market_maker.replay.recorder import Recorder
from market_maker.replay.recording import Recording, Waiting
from market_maker.replay.replaying import replay


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer looks often, so that no test waits for it."""
    monkeypatch.setattr(recorder_module, "LOOK_EVERY_S", 0.001)


def new_order() -> Order:
    return Order("c0", Side.BUY, 0, 9_990, 10, Decimal("999.0"), Decimal("0.010"), START_NS)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    running = Recorder(tmp_path / "records", PLENTY)
    yield running
    running.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for the writer's thread."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the writer did not get there"
        time.sleep(0.002)


def ticks(first: int, count: int) -> list[Event]:
    return [Tick(START_NS + number) for number in range(first, first + count)]


def records(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.jsonl"))


def test_each_start_of_a_symbol_has_a_file_of_its_own(tmp_path: Path) -> None:
    recorded(tmp_path, conversation())
    assert len(recorded(tmp_path, conversation())) == 2
    for path in records(tmp_path):
        assert replay(path).events == len(conversation())


def test_a_closed_record_says_so(tmp_path: Path) -> None:
    (path,) = recorded(tmp_path, [])
    with RecordReader(path) as reader:
        assert len(list(reader.steps())) == 1
        assert reader.end == "closed"


def test_steps_reach_the_disk_while_the_engine_runs(recorder: Recorder, tmp_path: Path) -> None:
    engine = RecordedEngine(recorder)
    engine.hear(ticks(0, 100))
    until(lambda: bool(records(tmp_path / "records")))
    (path,) = records(tmp_path / "records")
    until(lambda: path.read_bytes().count(b"\n") == 102)
    assert replay(path).events == 100


def test_a_full_file_is_followed_by_one_that_replays_by_itself(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 8 * 20_000)
    engine = RecordedEngine(recorder)
    events = conversation()
    heard = 0
    while len(records(tmp_path)) < 3:
        engine.hear(events[heard : heard + 1] or ticks(10_000_000_000 + heard * 1000, 50))
        heard += 1
        until(lambda: not recorder._waiting)
    engine.worker.end_recording()
    recorder.close()
    first, second, third = records(tmp_path)
    for path in (first, second, third):
        assert replay(path).difference is None
    with RecordReader(first) as reader:
        list(reader.steps())
        assert reader.end == "continued"
    with RecordReader(second) as reader:
        assert (reader.head.segment, reader.head.begin) == (2, None)
    assert 20_000 <= first.stat().st_size < 40_000


def test_every_event_is_in_exactly_one_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 8 * 5_000)
    engine = RecordedEngine(recorder)
    for number in range(0, 1000, 20):
        engine.hear(ticks(number, 20))
        until(lambda: not recorder._waiting)
        if len(records(tmp_path)) == 4:
            break
    engine.worker.end_recording()
    recorder.close()
    times = []
    for path in records(tmp_path):
        with RecordReader(path) as reader:
            times += [step.event().at_ns for step in reader.steps() if step.name != "Start"]
    assert times == [START_NS + number for number in range(len(times))]
    assert len(times) > 100


def test_the_oldest_files_of_the_symbol_go_and_no_others(tmp_path: Path) -> None:
    strangers = [tmp_path / "BTC-USDT-notes.jsonl", tmp_path / "BTC-20261120T070000000000Z-000001.jsonl"]
    for path in strangers:
        path.write_bytes(b"x" * 100_000)
    recorder = Recorder(tmp_path, 8 * 2_000)
    engine = RecordedEngine(recorder)
    number = 0
    while not (tmp_path / f"BTC-USDT-{engine.recording.began:%Y%m%dT%H%M%S%f}Z-000020.jsonl").exists():
        engine.hear(ticks(number, 20))
        number += 20
        until(lambda: not recorder._waiting)
    recorder.close()
    ours = [path for path in records(tmp_path) if path not in strangers]
    assert sum(path.stat().st_size for path in ours) <= 8 * 2_000 + 5_000
    assert ours[0].name.endswith("-000020.jsonl") is False
    assert ours[-1].name.endswith("-000020.jsonl")
    assert all(path.exists() for path in strangers)
    assert all(replay(path).difference is None for path in ours)


def test_a_directory_that_cannot_be_made_never_reaches_the_engine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    recorder = Recorder(tmp_path / "file" / "records", PLENTY)
    engine = RecordedEngine(recorder)
    engine.hear(conversation())
    until(lambda: not engine.recording.on)
    engine.hear(ticks(10**12, 10))
    recorder.close()
    assert engine.engine.symbol.now_ns > START_NS


def test_a_disk_that_fails_and_comes_back_leaves_records_that_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments_module, "RETRY_S", 0.05)
    directory = tmp_path / "records"
    directory.write_text("in the way")
    recorder = Recorder(directory, PLENTY)
    engine = RecordedEngine(recorder)
    engine.hear(conversation()[:10])
    until(lambda: not engine.recording.on)
    directory.unlink()
    until(lambda: engine.recording.renew)
    engine.hear(conversation()[10:])
    engine.worker.end_recording()
    recorder.close()
    (path,) = records(directory)
    result = replay(path)
    assert (result.events, result.difference) == (len(conversation()) - 11, None)


def test_what_the_disk_cannot_take_in_time_is_lost_and_the_next_record_begins_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "WAITING_MAX", 30)
    recorder = Recorder(tmp_path, PLENTY)
    engine = RecordedEngine(recorder)
    engine.hear(ticks(0, 500))
    assert not engine.recording.on
    until(lambda: engine.recording.renew)
    engine.hear(ticks(500, 20))
    engine.worker.end_recording()
    recorder.close()
    first, second = records(tmp_path)
    assert replay(first).events < 500
    assert "events after it could not be written" in replay(first).notes[0]
    assert (replay(second).events, replay(second).difference) == (19, None)


def test_a_checkpoint_of_another_build_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "WAITING_MAX", 5)
    recorder = Recorder(tmp_path, PLENTY)
    engine = RecordedEngine(recorder)
    engine.hear(ticks(0, 50))
    until(lambda: engine.recording.renew)
    engine.hear(ticks(50, 1))
    recorder.close()
    path = records(tmp_path)[-1]
    with RecordReader(path) as reader:
        core = reader.head.core
    path.write_text(path.read_text().replace(core, "0" * 16))
    with pytest.raises(ValueError, match="which only that build can read; replay it there"):
        replay(path)


def test_a_step_leaves_references_and_encodes_nothing() -> None:
    waiting: Waiting = deque()
    engine = SymbolEngine(restored(), LIMITS)
    recording = Recording(engine, Beginning.of(restored(), LIMITS, ()), waiting)
    snapshot = BookSnapshot(START_NS, START_NS, 1, ((9_999, 1),), ((10_001, 1),))
    commands: list[Command] = []
    recording.step(snapshot, commands)
    ((_, event, said),) = waiting
    assert event is snapshot
    assert said is commands


def test_what_an_engine_starts_from_is_copied_before_it_works_on_it() -> None:
    start, order = restored(), new_order()
    beginning = Beginning.of(start, LIMITS, (order,))
    before = dumps(beginning.to_json())
    SymbolEngine(start, LIMITS).start((order,))
    start.inventory.apply(Side.BUY, Decimal(1), Decimal(1), Decimal(0))
    assert order.status is OrderStatus.UNKNOWN
    assert dumps(beginning.to_json()) == before
    assert dumps(beginning_of(json.loads(before)).to_json()) == before
    engine, _ = beginning.start()
    assert [one.client_order_id for one in engine.symbol.orders] == ["c0"]
