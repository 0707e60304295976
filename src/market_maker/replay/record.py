"""A record: one file with a head and then one line per event. What may live here: its format.

    {"record": 1, "symbol": ..., "segment": ..., "service": ..., "core": ..., "begin" or "checkpoint": ...}
    ["Start", [], [commands]]                   only after "begin"
    [event type, [fields], [[command type, [fields]], ...]]
    [event type, [fields], "the exception that the engine raised instead"]
    {"end": "closed" | "continued" | "lost"}    missing when the process died

A line counts once its line end is written.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from market_maker.core.commands import Command
from market_maker.core.events import Event
from market_maker.replay.beginning import Beginning, beginning_of
from market_maker.replay.checkpoint import Checkpoint, core_build
from market_maker.replay.codec import CodecError, command_line, event_line, event_of

FORMAT: Final = 1
START: Final = "Start"
CLOSED, CONTINUED, LOST = "closed", "continued", "lost"

StepOutcome = Sequence[Command] | str
"""The commands of a step, or the exception that ended it, as text."""

dumps = json.JSONEncoder(separators=(",", ":")).encode
"""JSON in one fixed spelling: equal values make equal lines."""


class RecordError(ValueError):
    """The file is no record, or cannot be replayed here; the message says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line."""

    symbol: str
    segment: int
    service: str
    """Version of the service that wrote it."""
    core: str
    """Digest of the core that made the commands."""
    begin: Beginning | None
    checkpoint: object
    """As JSON, None with `begin`."""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One event and what the engine said to it, still as JSON."""

    line: int
    name: str
    fields: list[Any]
    said: list[Any] | str

    def event(self) -> Event:
        """The event. Raises RecordError."""
        try:
            return event_of(self.name, self.fields)
        except CodecError as error:
            raise RecordError(f"line {self.line}: {error}") from None


def head_line(symbol: str, segment: int, service: str, start: Beginning | Checkpoint) -> str:
    """The first line of a record."""
    key = "begin" if isinstance(start, Beginning) else "checkpoint"
    head = {"record": FORMAT, "symbol": symbol, "segment": segment, "service": service, "core": core_build()}
    return dumps({**head, key: start.to_json()})


def start_line(said: Sequence[Command]) -> str:
    """What the engine said to its start."""
    return dumps([START, [], said_of(said)])


def step_line(event: Event, outcome: StepOutcome) -> str:
    """One event and what came of it."""
    return dumps([*event_line(event), said_of(outcome)])


def end_line(how: str) -> str:
    """How the record ends."""
    return dumps({"end": how})


def said_of(outcome: StepOutcome) -> list[Any] | str:
    """Commands, or the exception in their place, as JSON."""
    return outcome if isinstance(outcome, str) else [command_line(command) for command in outcome]


class RecordReader:
    """Reads one record, line by line. Use as a context manager; `head` is read on entering."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.end: str | None = None
        """How the record ends, once its steps are read; None when it just breaks off."""
        self.truncated = False
        """Whether the last line is incomplete; it was left out then."""

    def __enter__(self) -> "RecordReader":
        """Open the file and read its head. Raises RecordError."""
        try:
            self._file: TextIO = self._path.open(encoding="ascii", newline="\n")
        except OSError as error:
            raise RecordError(f"cannot be read: {error.strerror}") from None
        try:
            self._lines = self._read()
            self.head = _head(next(self._lines, (1, None))[1])
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def steps(self) -> Iterator[RecordedStep]:
        """Every step in order. Raises RecordError at the first line that cannot be read."""
        for number, line in self._lines:
            match line:
                case {"end": str(how)}:
                    self.end = how
                case [str(name), list(fields), list() | str() as said] if self.end is None:
                    yield RecordedStep(number, name, fields, said)
                case _:
                    raise RecordError(f"line {number}: is no step of a record")

    def _read(self) -> Iterator[tuple[int, Any]]:
        try:
            for number, line in enumerate(self._file, start=1):
                if not line.endswith("\n"):
                    self.truncated = True
                    return
                yield number, _parsed(number, line)
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"cannot be read: {error}") from None


def _parsed(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise RecordError(f"line {number}: is not JSON") from None


def _head(line: Any) -> Head:
    match line:
        case {
            "record": int(form),
            "symbol": str(symbol),
            "segment": int(segment),
            "service": str(service),
            "core": str(core),
        }:
            pass
        case _:
            raise RecordError("line 1: is not the head of a record")
    if form != FORMAT:
        raise RecordError(f"line 1: has format {form}, this version reads format {FORMAT}")
    if "checkpoint" in line:
        return Head(symbol, segment, service, core, None, line["checkpoint"])
    try:
        return Head(symbol, segment, service, core, beginning_of(line.get("begin")), None)
    except CodecError as error:
        hint = "" if core == core_build() else f" (recorded by version {service} with another core)"
        raise RecordError(f"line 1: {error}{hint}") from None
