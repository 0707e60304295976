"""Rows as lines of JSON in compressed files, on the disk before they leave the table."""

import gzip
import json
import os
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Self


class ExportError(Exception):
    """Rows could not be written down."""


class Export:
    """One file a table, made with the first row: `mm_orders-20261121T190000Z.jsonl.gz`."""

    def __init__(self, directory: Path, at: datetime) -> None:
        """Raises ExportError when the directory is not there and cannot be made."""
        self._directory = directory
        self._name = f"{at:%Y%m%dT%H%M%SZ}.jsonl.gz"
        self._files: dict[str, BinaryIO] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"--export {directory}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def write(self, table: str, rows: Iterable[Any]) -> None:
        """Return once the rows are on the disk. Raises ExportError."""
        lines = "".join(f"{json.dumps(_fields(row), default=_text)}\n" for row in rows)
        try:
            file = self._file(table)
            file.write(gzip.compress(lines.encode()))  # such parts in a row are one file to gzip
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise ExportError(f"--export {self.path(table)}: {error.strerror or error}") from error

    def path(self, table: str) -> Path:
        """Where the table's rows go."""
        return self._directory / f"{table}-{self._name}"

    def _file(self, table: str) -> BinaryIO:
        file = self._files.get(table)
        if file is None:
            file = self._files[table] = self.path(table).open("xb")
            directory = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(directory)  # the file's name is durable, too
            finally:
                os.close(directory)
        return file


def _fields(row: Any) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _text(value: object) -> str:
    """Decimals and ids as PostgreSQL writes them, times with their zone."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
