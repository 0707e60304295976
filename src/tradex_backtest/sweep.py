"""Runs a backtest's jobs, one process a core, and puts the runs together in the order of their naming."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.queues import SimpleQueue
from threading import Thread

from tradex_backtest.configs import NamedConfig
from tradex_backtest.field import Job, JobResult, play
from tradex_backtest.run_settings import RunSettings
from tradex_backtest.tapes.opening import Capture

Told = Callable[[int, float], None]
"""Hears the number of a job and how much of its capture has been read (0 to 1)."""
Word = tuple[int, float] | None

_words: list[SimpleQueue[Word]] = []
"""In a worker process: where its progress goes."""


def jobs_of(
    captures: Sequence[Capture], configs: Sequence[NamedConfig], settings: RunSettings, cores: int
) -> list[Job]:
    """Each capture with its share of the configurations: as many jobs as there are cores, or a few more.

    A capture is decoded once per job, so no more of them than it takes to keep every core at work.
    """
    parts = min(len(configs), max(1, -(-cores // len(captures))))
    return [
        Job(capture, tuple(configs[part::parts]), settings) for capture in captures for part in range(parts)
    ]


def play_all(jobs: Sequence[Job], cores: int, told: Told) -> list[JobResult]:
    """The results in the order of the jobs. What a job raises is raised."""
    if len(jobs) == 1 or cores == 1:
        return [play(job, _for_job(number, told)) for number, job in enumerate(jobs)]
    context = multiprocessing.get_context("spawn")
    words: SimpleQueue[Word] = context.SimpleQueue()
    listener = Thread(target=_listen, args=(words, told), name="progress", daemon=True)
    listener.start()
    try:
        with ProcessPoolExecutor(min(cores, len(jobs)), context, _start, (words,)) as pool:
            futures: list[Future[JobResult]] = [
                pool.submit(_work, number, job) for number, job in enumerate(jobs)
            ]
            return [future.result() for future in futures]
    finally:
        words.put(None)
        listener.join()


def cores_at_hand() -> int:
    """How many processes may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _for_job(number: int, told: Told) -> Callable[[float], None]:
    return lambda share: told(number, share)


def _listen(words: "SimpleQueue[Word]", told: Told) -> None:
    for number, share in _until_none(words):
        told(number, share)


def _until_none(words: "SimpleQueue[Word]") -> Iterator[tuple[int, float]]:
    while (word := words.get()) is not None:
        yield word


def _start(words: "SimpleQueue[Word]") -> None:
    _words.append(words)


def _work(number: int, job: Job) -> JobResult:
    return play(job, _for_job(number, lambda which, share: _words[0].put((which, share))))
