"""The progress bar: on standard error, where that is a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tradex_backtest.sweep import Told


@contextmanager
def progress(jobs: int) -> Iterator[Told]:
    """Show how much of all jobs' captures has been read."""
    shares = [0.0] * jobs
    columns = (TextColumn("{task.percentage:>3.0f} %"), BarColumn(bar_width=None), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task("", total=float(jobs))

        def told(number: int, share: float) -> None:
            shares[number] = share
            bar.update(task, completed=sum(shares))

        yield told
