"""Rows of a CSV file, plain or gzip, each with its place; whatever is wrong names the line."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from tradex_backtest.tapes.updates import Place
from tradex_sandbox.capture import CaptureError

GZIP_MAGIC = b"\x1f\x8b"


class RowFile:
    """One CSV file that is read once, row by row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: BinaryIO | None = None
        self._bytes = max(1, path.stat().st_size)

    def read_share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        if self._raw is None:
            return 0.0
        return 1.0 if self._raw.closed else self._raw.tell() / self._bytes

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Place, list[str]]]:
        """Each row's values of these columns. CaptureError where the file cannot be read any further."""
        number = 0
        try:
            with self.path.open("rb") as raw:
                self._raw = raw
                is_gzip = raw.peek(2)[:2] == GZIP_MAGIC
                packed = gzip.GzipFile(fileobj=raw) if is_gzip else raw
                reader = csv.reader(line.decode() for line in packed)
                places = _places(self.path, next(reader, []), columns)
                number = 1
                needed = max(places) + 1
                for row in reader:
                    number += 1
                    if len(row) < needed:
                        problem = f"has {len(row)} columns where {needed} are needed; fetch the file again"
                        raise CaptureError(self.path, number, problem)
                    yield Place(self.path, number), [row[place] for place in places]
        except EOFError:
            raise CaptureError(
                self.path, number + 1, "the gzip file is cut off here; fetch the whole file again"
            ) from None
        except (gzip.BadGzipFile, zlib.error, UnicodeDecodeError, csv.Error) as error:
            raise CaptureError(self.path, number + 1, f"cannot be read ({error}); fetch it again") from None
        except OSError as error:
            raise CaptureError(self.path, None, f"cannot be read: {error.strerror}; check the path") from None


def first_line(path: Path) -> bytes:
    """The first line of a file, plain or gzip; empty when there is none."""
    try:
        with path.open("rb") as raw:
            packed = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == GZIP_MAGIC else raw
            return packed.readline(4096)
    except (OSError, EOFError, zlib.error):
        return b""


def _places(path: Path, header: list[str], columns: Sequence[str]) -> list[int]:
    missing = [column for column in columns if column not in header]
    if missing:
        raise CaptureError(path, 1, f"the header lacks {', '.join(missing)}")
    return [header.index(column) for column in columns]
