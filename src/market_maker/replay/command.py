"""`market-maker replay FILE`: 0 when every event gives the same commands, 1 at a difference, 2 otherwise."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from market_maker.replay.codec import described
from market_maker.replay.record import START, RecordError
from market_maker.replay.replaying import Difference, replay

USAGE = """usage: market-maker replay FILE

Feeds a record (see MM_RECORD_DIR) to the engine and compares the commands with those in the record.
Prints "N events, identical" or the first difference.
"""


def main(words: Sequence[str], out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Replay one file and tell on `out` and `err` (standard output and error); returns the exit code."""
    out, err = out or sys.stdout, err or sys.stderr
    if len(words) == 1 and words[0] in ("-h", "--help"):
        out.write(USAGE)
        return 0
    if len(words) != 1:
        err.write(f"market-maker replay: give one FILE\n{USAGE}")
        return 2
    path = Path(words[0])
    try:
        result = replay(path)
    except RecordError as error:
        err.write(f"market-maker replay: {path}: {error}\n")
        return 2
    for note in result.notes:
        out.write(f"note: {note}\n")
    if result.difference is None:
        out.write(f"{result.events} events, identical\n")
        return 0
    out.write(_told(result.difference))
    return 1


def _told(difference: Difference) -> str:
    step = difference.step
    event = "the start" if step.name == START else f"event {difference.number}"
    lines = [f"{event} (line {step.line}) gives other commands than recorded"]
    if step.name != START:
        lines.append(f"  event     {described([step.name, step.fields])}")
    lines += [f"  recorded  {difference.recorded}", f"  replayed  {difference.replayed}", ""]
    return "\n".join(lines)
