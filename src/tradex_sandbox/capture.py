"""Reads a recorded market: one gzip line after the other, each a receive time and a message as received.

Nothing here knows a grid: prices and quantities stay the strings that they were (`capture_grid`
turns them into ticks and lots). Whatever is wrong with a file is a CaptureError that names the file,
the line, the field and the fix.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

RawLevels = list[list[str]]
"""[price, quantity] pairs as received."""

READ_BYTES = 1 << 17
"""So much of a capture is unpacked at once."""
STREAM_NAMES_KEPT = 10_000
STAMP_DIGITS = 19
"""As many as nanoseconds have until the year 2286."""
YEAR_2000_NS = 946_684_800_000_000_000
YEAR_2100_NS = 4_102_444_800_000_000_000
DAY_NS = 86_400_000_000_000
SHOWN_CHARACTERS = 60
"""So much of a wrong value is shown."""


class CaptureError(Exception):
    """The capture cannot be read or played any further."""

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        # As they are: an exception is pickled as its arguments, and backtests raise this in other processes.
        super().__init__(path, line, problem)
        where = f"{path}" if line is None else f"{path}, line {line}"
        self._said = f"{where}: {problem}"

    def __str__(self) -> str:
        return self._said


class MessageKind(Enum):
    """What a line holds."""

    SNAPSHOT = "snapshot"
    DEPTH = "depth"
    TRADE = "trade"
    TICKER = "bookTicker"


class CaptureLine(NamedTuple):
    """One line. `symbol` is empty for a snapshot that does not tell it (COIN-M's does).

    A NamedTuple, like all that is made anew for every line: it is made in a third of a dataclass's time.
    """

    at_ns: int
    """Receive time, nanoseconds since 1970 UTC."""
    line: int
    kind: MessageKind
    symbol: str
    data: dict[str, Any]


class FieldError(ValueError):
    """A field of a message is missing or wrong; the reader of the line adds where it stands."""


def integer(data: dict[str, Any], field: str) -> int:
    """A whole number; FieldError."""
    value = data.get(field)
    if type(value) is not int:
        raise FieldError(f"field {field!r} must be a whole number, got {value!r:.{SHOWN_CHARACTERS}}")
    return value


def boolean(data: dict[str, Any], field: str) -> bool:
    """True or false; FieldError."""
    value = data.get(field)
    if type(value) is not bool:
        raise FieldError(f"field {field!r} must be true or false, got {value!r:.{SHOWN_CHARACTERS}}")
    return value


def text(data: dict[str, Any], field: str) -> str:
    """A string that is not empty; FieldError."""
    value = data.get(field)
    if type(value) is not str or not value:
        raise FieldError(f"field {field!r} must be a string, got {value!r:.{SHOWN_CHARACTERS}}")
    return value


def exchange_time(message: CaptureLine) -> int:
    """When the matching engine did what a message tells: `T`, else `E` (spot depth has no `T`).

    The receive time when it has neither. Times of one capture compare with each other, and with nothing
    else. FieldError.
    """
    data = message.data
    if "T" in data:
        return integer(data, "T")
    return integer(data, "E") if "E" in data else message.at_ns


def levels(data: dict[str, Any], field: str) -> RawLevels:
    """A list of [price, quantity] strings; FieldError. The pairs are checked where they are read."""
    value = data.get(field)
    if type(value) is not list:
        raise FieldError(
            f"field {field!r} must be a list of [price, quantity], got {value!r:.{SHOWN_CHARACTERS}}"
        )
    return value


def read_capture(path: Path) -> Iterator[CaptureLine]:
    """The messages of a capture that matter to a market, in file order, read as they are asked for.

    CaptureError ends the iteration where the file cannot be read any further; everything before it has been
    given.
    """
    before_ns = None
    for first, lines in blocks_of_lines(path):
        for number, raw in enumerate(lines, first):
            line = capture_line(path, number, raw, before_ns)
            if line is not None:
                before_ns = line.at_ns
                yield line


def blocks_of_lines(
    path: Path, opened: Callable[[BinaryIO], None] | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """The lines of a capture as they were received, in blocks with the number of the first. CaptureError.

    `opened` is given the file as it is on disk, whose position tells how much has been read.
    """
    number, begun = 1, b""
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as unpacked:
            if opened is not None:
                opened(file)
            # In pieces: GzipFile's own iteration is several calls of Python a line. `read1` gives all that
            # could be unpacked before it raises.
            while piece := unpacked.read1(READ_BYTES):
                *lines, begun = (begun + piece).split(b"\n")
                yield number, lines
                number += len(lines)
            if begun:
                yield number, [begun]
    except EOFError:
        raise CaptureError(
            path, number, "the gzip file is cut off here; fetch the whole file again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise CaptureError(path, number, f"not a sound gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise CaptureError(path, None, f"cannot be read: {error.strerror}; check the path") from None


def time_problem(at_ns: int, before_ns: int | None) -> str | None:
    """Why this is no receive time, or none after `before_ns`: a clock that follows it would run for years."""
    if not YEAR_2000_NS <= at_ns < YEAR_2100_NS:
        return (
            f"the receive time {at_ns} is not nanoseconds since 1970 of a year from 2000 to 2099; "
            "correct it or fetch the file again"
        )
    if before_ns is not None and abs(at_ns - before_ns) > DAY_NS:
        return (
            f"the receive time {at_ns} is more than a day from that of the line before ({before_ns}); "
            "correct it, or play what comes before and after as captures of their own"
        )
    return None


def capture_line(path: Path, number: int, raw: bytes, before_ns: int | None) -> CaptureLine | None:
    """What a line holds; None for streams that are not depth, trade or bookTicker. CaptureError.

    `before_ns`: the receive time of the line before.
    """
    stamp, _, body = raw.partition(b" ")
    if not stamp.isdigit() or len(stamp) > STAMP_DIGITS:
        if not raw.strip():
            return None
        raise CaptureError(
            path, number, f"must start with the receive time in ns and a space, got {raw[:40]!r}"
        )
    at_ns = int(stamp)
    problem = time_problem(at_ns, before_ns)
    if problem is not None:
        raise CaptureError(path, number, problem)
    try:
        content = orjson.loads(body)
    except ValueError:
        raise CaptureError(
            path, number, f"the message is not valid JSON: {body[:40]!r}...; record or fetch the line again"
        ) from None
    try:
        return _classified(at_ns, number, content)
    except FieldError as error:
        raise CaptureError(path, number, f"{error}; the format is that of the exchange's streams") from None


def _classified(at_ns: int, number: int, content: Any) -> CaptureLine | None:
    if type(content) is not dict:
        raise FieldError(f"the message must be a JSON object, got {content!r:.40}")
    if "lastUpdateId" in content:
        symbol = text(content, "symbol") if "symbol" in content else ""
        return CaptureLine(at_ns, number, MessageKind.SNAPSHOT, symbol, content)
    data = content.get("data")
    if type(data) is not dict:
        raise FieldError("the message needs 'stream' and 'data', or 'lastUpdateId' (a snapshot)")
    kind = _kind(text(content, "stream"))
    return None if kind is None else CaptureLine(at_ns, number, kind, text(data, "s"), data)


@lru_cache(STREAM_NAMES_KEPT)
def _kind(stream: str) -> MessageKind | None:
    _, _, name = stream.partition("@")
    if name == "depth" or name.startswith("depth@"):
        return MessageKind.DEPTH
    if name == "trade":
        return MessageKind.TRADE
    return MessageKind.TICKER if name == "bookTicker" else None
