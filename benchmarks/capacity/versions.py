"""Two versions of the service in one run: what is checked out here, and an older commit beside it."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the service."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    """What makes a Python process import it."""


NOW: Final = Version("now")


@contextmanager
def checked_out(commit: str) -> Iterator[Version]:
    """A commit's sources in a folder of their own, for as long as they are needed.

    It runs with today's libraries; only what is under its `src` is older.
    """
    name = _git("rev-parse", "--short", commit)
    with tempfile.TemporaryDirectory(prefix="mm-version-") as folder:
        tree = Path(folder) / name
        _git("worktree", "add", "--detach", str(tree), commit)
        try:
            yield Version(name, {"PYTHONPATH": str(tree / "src")})
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=ROOT, text=True).strip()  # noqa: S607 -- git itself
