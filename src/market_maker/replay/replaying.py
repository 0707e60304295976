"""Feeds a record to an engine of this build and compares what it says with what was said."""

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from market_maker.core.engine.engine import SymbolEngine
from market_maker.replay.checkpoint import CheckpointError, core_build, engine_of
from market_maker.replay.codec import described
from market_maker.replay.record import (
    LOST,
    START,
    Head,
    RecordedStep,
    RecordError,
    RecordReader,
    StepOutcome,
    dumps,
    said_of,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first step to which the engine said something else."""

    step: RecordedStep
    number: int
    """The step's number among the events, from 1; 0 is the start."""
    recorded: str
    replayed: str
    """The first command that differs, for people."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    events: int
    """Events that gave the same commands."""
    difference: Difference | None
    notes: tuple[str, ...]
    """What limits the result."""


def replay(path: Path) -> Replayed:
    """Replay a record up to its first difference. Raises RecordError when it cannot be replayed."""
    with RecordReader(path) as record:
        head, events = record.head, 0
        steps = record.steps()
        engine = _restored(head)
        if engine is None:
            first = next(steps, None)
            if first is None:
                return Replayed(0, None, _notes(record))
            engine, difference = _started(head, first)
            if difference is not None:
                return Replayed(0, difference, _notes(record))
        for step in steps:
            difference = _compared(step, events + 1, _handled(engine, step))
            if difference is not None:
                return Replayed(events, difference, _notes(record))
            events += 1
        return Replayed(events, None, _notes(record))


def _restored(head: Head) -> SymbolEngine | None:
    """The engine of a checkpoint; None for a record that begins with a start."""
    if head.begin is not None:
        return None
    if head.core != core_build():
        raise RecordError(
            f"begins with a checkpoint of version {head.service} (core {head.core}), which only that build "
            "can read; replay it there, or replay the first segment here"
        )
    try:
        return engine_of(head.checkpoint)
    except CheckpointError as error:
        raise RecordError(f"line 1: {error}") from None


def _started(head: Head, first: RecordedStep) -> tuple[SymbolEngine, Difference | None]:
    if head.begin is None or first.name != START:
        raise RecordError(f"line {first.line}: must say what came of the start")
    try:
        engine, said = head.begin.start()
    except (ValueError, ArithmeticError) as error:
        raise RecordError(f"line 1: no engine can start from this: {error}") from None
    return engine, _compared(first, 0, said)


def _handled(engine: SymbolEngine, step: RecordedStep) -> StepOutcome:
    event = step.event()
    try:
        return engine.handle(event)
    except Exception as error:  # noqa: BLE001 -- a step that raised must raise the same again
        return raised(error)


def raised(error: BaseException) -> str:
    """An exception as a record keeps it."""
    return f"{type(error).__name__}: {error}"


def _compared(step: RecordedStep, number: int, outcome: StepOutcome) -> Difference | None:
    said = said_of(outcome)
    if dumps(said) == dumps(step.said):
        return None
    recorded, replayed = _first_difference(step.said, said)
    return Difference(step, number, recorded, replayed)


def _first_difference(recorded: list[Any] | str, replayed: list[Any] | str) -> tuple[str, str]:
    if isinstance(recorded, str) or isinstance(replayed, str):
        return _shown(recorded), _shown(replayed)
    for was, now in zip_longest(recorded, replayed):
        if dumps(was) != dumps(now):
            return _shown_command(was), _shown_command(now)
    return dumps(recorded), dumps(replayed)


def _shown(said: list[Any] | str) -> str:
    return f"raised {said}" if isinstance(said, str) else f"{len(said)} commands"


def _shown_command(line: Any) -> str:
    match line:
        case None:
            return "nothing"
        case [str(), list() | tuple()]:
            return described(line)
        case _:
            return repr(line)


def _notes(record: RecordReader) -> tuple[str, ...]:
    notes = []
    if record.head.core != core_build():
        notes.append(
            f"recorded by version {record.head.service} with another core ({record.head.core}): a difference "
            "may be a change that was meant"
        )
    if record.truncated:
        notes.append("the last line is incomplete and was left out: the process died while writing it")
    if record.end == LOST:
        notes.append("the record ends early: events after it could not be written")
    return tuple(notes)
