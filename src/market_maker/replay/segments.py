"""The files of one recording, one after the other, and how many of a symbol are kept."""

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from market_maker import __version__
from market_maker.replay.beginning import Beginning
from market_maker.replay.checkpoint import Checkpoint
from market_maker.replay.record import CONTINUED, end_line, head_line
from market_maker.replay.recording import Recording

SEGMENTS_PER_SYMBOL: Final = 8
"""A symbol's bytes are divided into this many files, so that the oldest eighth goes at a time."""
RETRY_S: Final = 10.0
"""How long after a failure the disk is tried again."""


class Segments:
    """Writes one recording. Every method may raise OSError; after `abandon` nothing is open."""

    def __init__(self, directory: Path, recording: Recording, bytes_max: int) -> None:
        self._directory = directory
        self._recording = recording
        self._bytes_max = bytes_max
        self._segment_bytes = bytes_max // SEGMENTS_PER_SYMBOL
        self._number = 0
        self._file: BinaryIO | None = None
        self._size = 0
        self._renewing = False
        self.retry_s = 0.0
        """Not before this monotonic time a new file is tried after a failure."""

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write to."""
        return self._file is not None

    def begin(self, start: Beginning | Checkpoint) -> None:
        """Begin the next file."""
        self.end(CONTINUED)
        self._number += 1
        self._directory.mkdir(parents=True, exist_ok=True)
        self._make_room()
        symbol = self._recording.symbol
        name = f"{symbol}-{self._recording.began:%Y%m%dT%H%M%S%f}Z-{self._number:06d}.jsonl"
        self._file = (self._directory / name).open("xb")
        self._size = 0
        self._renewing = False
        self.write(head_line(symbol, self._number, __version__, start))

    def write(self, line: str) -> None:
        """Add a line; a file that has grown large asks for its successor."""
        if self._file is None:
            return
        self._file.write(line.encode("ascii") + b"\n")
        self._size += len(line) + 1
        if self._size >= self._segment_bytes and not self._renewing:
            self._renewing = self._recording.renew = True

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        if self._file is not None:
            self._file.flush()

    def end(self, how: str) -> None:
        """End the file that is open, if any."""
        if self._file is not None:
            self.write(end_line(how))
            file, self._file = self._file, None
            file.close()

    def abandon(self) -> None:
        """Give the file up as it is, and try no other for a while."""
        self.retry_s = time.monotonic() + RETRY_S
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                file.close()

    def _make_room(self) -> None:
        """Delete the symbol's oldest files until there is room for one more within its bytes."""
        name = re.compile(re.escape(self._recording.symbol) + r"-\d{8}T\d{12}Z-\d{6}\.jsonl")
        kept = sorted(path for path in self._directory.iterdir() if name.fullmatch(path.name))
        sizes = [path.stat().st_size for path in kept]
        while kept and sum(sizes) > self._bytes_max - self._segment_bytes:
            kept.pop(0).unlink()
            sizes.pop(0)
