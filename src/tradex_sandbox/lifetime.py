"""How a process of the sandbox says that it is ready, and how it notices that it should end."""

import json
import os
import sys
from pathlib import Path
from typing import Any


def announce(ready: dict[str, Any], ready_file: Path | None) -> None:
    """Write `ready` as one line of JSON: to standard output, or to a file that is complete once it exists."""
    line = json.dumps(ready) + "\n"
    if ready_file is None:
        sys.stdout.write(line)
        sys.stdout.flush()
        return
    partial = ready_file.with_name(f"{ready_file.name}.partial")
    partial.write_text(line, "utf-8")
    partial.rename(ready_file)


class Parent:
    """The process that started this one."""

    def __init__(self) -> None:
        self._pid = os.getppid()

    @property
    def is_gone(self) -> bool:
        """Whether it has ended; this process then belongs to another."""
        return os.getppid() != self._pid
