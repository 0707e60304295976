"""The progress bar: on standard error, where that is a terminal and rich is installed (extra `backtest`)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tradex_backtest.sweep import Told


@contextmanager
def progress(jobs: int) -> Iterator[Told]:
    """Show how much of all jobs' captures has been read."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    try:
        from rich.console import Console  # noqa: PLC0415 -- an extra: a backtest runs without it
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    except ImportError:
        yield _unseen
        return
    shares = [0.0] * jobs
    columns = (TextColumn("{task.percentage:>3.0f} %"), BarColumn(bar_width=None), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=float(jobs))

        def told(number: int, share: float) -> None:
            shares[number] = share
            bar.update(task, completed=sum(shares))

        yield told


def _unseen(_number: int, _share: float) -> None:
    """Nobody looks."""
