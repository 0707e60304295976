"""What the kernel says of a process: CPU time, resident memory, file descriptors, threads. Linux."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _THREADS, _RSS_PAGES = 11, 12, 17, 21
"""Fields of /proc/PID/stat, counted from the one after the program's name."""
_IDLE: Final = (3, 4)
"""Idle and waiting for a disk, in the first line of /proc/stat."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """One look."""

    cpu_s: float
    """User and system time since the start."""
    rss_mib: float
    threads: int
    descriptors: int


def look(pid: int) -> ProcessFigures:
    """Look at a process. FileNotFoundError when it is gone."""
    process = Path(f"/proc/{pid}")
    descriptors = len(list((process / "fd").iterdir()))
    return parse_stat((process / "stat").read_text(), descriptors)


def cpu_of_family(pid: int) -> float:
    """CPU seconds of a process and its living children; PostgreSQL works in those."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return sum(look_cpu(member) for member in (pid, *children))


def cpu_of_machine() -> float:
    """CPU seconds that all cores together have worked since the machine started."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    busy = (int(field) for place, field in enumerate(fields[:8]) if place not in _IDLE)
    return sum(busy) / _TICKS_PER_S


def look_cpu(pid: int) -> float:
    """CPU seconds of a process; 0 when it has just ended."""
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text(), 0).cpu_s
    except FileNotFoundError:
        return 0.0


def parse_stat(text: str, descriptors: int) -> ProcessFigures:
    """Read /proc/PID/stat; the program's name in it may hold anything, blanks and brackets too."""
    fields = text[text.rindex(")") + 2 :].split()
    return ProcessFigures(
        cpu_s=(int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS_PER_S,
        rss_mib=int(fields[_RSS_PAGES]) * _PAGE_BYTES / MIB,
        threads=int(fields[_THREADS]),
        descriptors=descriptors,
    )
