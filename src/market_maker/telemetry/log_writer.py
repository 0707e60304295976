"""Writes log lines from its own thread, so that a slow or full disk never holds a symbol up."""

import queue
import threading
from typing import Final, TextIO

LINES_WAITING_MAX: Final = 10_000
LINES_AT_ONCE_MAX: Final = 500
CLOSE_TIMEOUT_S: Final = 2.0


class LogWriter:
    """A bounded queue in front of a stream. Lines that do not fit or cannot be written are counted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(LINES_WAITING_MAX)
        self._dropped = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost so far."""
        return self._dropped

    def write(self, line: str) -> None:
        """Hand over one line without its end. Never waits, never raises."""
        if self._closed:
            self._dropped += 1
            return
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what is waiting, for at most two seconds, and stop."""
        if self._closed:
            return
        self._closed = True
        try:
            self._lines.put(None, timeout=CLOSE_TIMEOUT_S)
        except queue.Full:
            return
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            lines = [line]
            is_last = self._take_waiting(lines)
            try:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # disk full, closed pipe, closed stream
                self._dropped += len(lines)
            if is_last:
                return

    def _take_waiting(self, lines: list[str]) -> bool:
        """Append lines that wait already; True when the end was among them."""
        while len(lines) < LINES_AT_ONCE_MAX:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return False
            if line is None:
                return True
            lines.append(line)
        return False
