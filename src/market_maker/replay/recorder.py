"""The records of all engines of a process: one thread encodes and writes, beside the trading path.

When steps cannot be kept or written (the disk is full, gone or too slow), a record ends early; a new one
begins from a checkpoint as soon as that works again. Trading never notices.
"""

import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

import structlog

from market_maker.core.commands import Command
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import Event
from market_maker.replay.beginning import Beginning
from market_maker.replay.checkpoint import Checkpoint
from market_maker.replay.record import CLOSED, LOST, StepOutcome, start_line, step_line
from market_maker.replay.recording import Recording, Waiting
from market_maker.replay.segments import Segments

LOOK_EVERY_S: Final = 0.05
AT_ONCE_MAX: Final = 16
"""Steps encoded before the thread lets the event loop run: it holds the interpreter meanwhile."""
YIELD_S: Final = 0.000_2
CLOSE_TIMEOUT_S: Final = 0.5
"""An orderly end has ten seconds in all; a disk that hangs must not use them up."""

_log = structlog.get_logger()


class Recorder:
    """Writes the records of this process into a directory. `close` it in the end."""

    def __init__(self, directory: Path, bytes_max: int) -> None:
        """`bytes_max` bounds the files of one symbol, those of earlier processes included."""
        self._directory = directory
        self._bytes_max = bytes_max
        self._waiting: Waiting = deque()
        self._segments: dict[Recording, Segments] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def record(self, engine: SymbolEngine, beginning: Beginning) -> Recording:
        """A recording of an engine that is about to start from this."""
        return Recording(engine, beginning, self._waiting)

    def close(self, within_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write what waits, for so many seconds at most."""
        self._closing.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        while not self._closing.wait(LOOK_EVERY_S):
            self._write_waiting()
        self._write_waiting()
        for recording in tuple(self._segments):
            self._take(recording, None, ())

    def _write_waiting(self) -> None:
        waiting = self._waiting
        while waiting:
            for _ in range(min(AT_ONCE_MAX, len(waiting))):
                self._take(*waiting.popleft())
            time.sleep(YIELD_S)
        for recording, segments in self._segments.items():
            try:
                segments.flush()
                if not recording.on and segments.is_open:
                    segments.end(LOST)
            except OSError as error:
                self._give_up(recording, segments, error)
            if not recording.on and time.monotonic() >= segments.retry_s:
                recording.renew = True

    def _take(
        self, recording: Recording, what: Event | Beginning | Checkpoint | None, outcome: StepOutcome
    ) -> None:
        segments = self._segments.get(recording)
        if segments is None:
            segments = Segments(self._directory, recording, self._bytes_max)
            self._segments[recording] = segments
        try:
            self._write(segments, what, outcome)
        except OSError as error:
            self._give_up(recording, segments, error)
        if what is None:
            del self._segments[recording]

    def _write(
        self, segments: Segments, what: Event | Beginning | Checkpoint | None, outcome: StepOutcome
    ) -> None:
        match what:
            case None:
                segments.end(CLOSED)
            case Beginning():
                segments.begin(what)
                segments.write(start_line(_commands(outcome)))
            case Checkpoint():
                segments.begin(what)
            case _:
                if segments.is_open:
                    segments.write(step_line(what, outcome))

    def _give_up(self, recording: Recording, segments: Segments, error: OSError) -> None:
        recording.on = False
        segments.abandon()
        _log.warning("recording_interrupted", symbol=recording.symbol, reason=str(error))


def _commands(outcome: StepOutcome) -> list[Command]:
    return [] if isinstance(outcome, str) else list(outcome)
