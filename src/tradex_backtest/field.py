"""Several configurations over one reading of a capture: each step is decoded once and played to every run."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tradex_backtest.configs import NamedConfig
from tradex_backtest.report.figures import Subject
from tradex_backtest.result import subject_of
from tradex_backtest.run import Run
from tradex_backtest.run_settings import RunSettings
from tradex_backtest.tapes.market import RecordedStream
from tradex_backtest.tapes.opening import Capture, open_capture
from tradex_sandbox.capture import CaptureError

PROGRESS_EVERY_US = 1_000_000
GARBAGE_THRESHOLD = 100_000
"""Runs make no reference cycles to speak of; looking for them all the time would cost a fifth."""


@dataclass(frozen=True, slots=True)
class Job:
    """One capture and the configurations that are played over it in one process."""

    capture: Capture
    configs: tuple[NamedConfig, ...]
    settings: RunSettings


@dataclass(frozen=True, slots=True)
class JobResult:
    """The runs of a job in the order of its configurations, and why the capture ended early, if it did."""

    runs: tuple[Subject, ...]
    market_us: int
    problem: str | None


def play(job: Job, told: Callable[[float], None]) -> JobResult:
    """Play a capture to its end, or to where it breaks; `told` hears how much has been read (0 to 1)."""
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 100)
    try:
        stream = RecordedStream(open_capture(job.capture))
    except CaptureError as error:
        return JobResult((), 0, str(error))
    symbol = stream.instrument.symbol
    played = [config for config in job.configs if config.symbol in (None, symbol)]
    learn_us = _learn_us(job)
    runs = [Run(stream, config.for_symbol(symbol), job.settings, learn_us) for config in played]
    _play(stream, runs, told)
    results = tuple(
        subject_of(config.name, job.capture.name, run) for config, run in zip(played, runs, strict=True)
    )
    problem = None if stream.error is None else str(stream.error)
    return JobResult(results, stream.now_us - stream.began_us, problem)


def _learn_us(job: Job) -> int:
    """How long the engines only watch: a share of the capture, which is read once for its length."""
    if not job.settings.learn_share:
        return 0
    stream = RecordedStream(open_capture(job.capture))
    while stream.due_us is not None:
        stream.take()
    return int((stream.now_us - stream.began_us) * job.settings.learn_share)


def _play(stream: RecordedStream, runs: Sequence[Run], told: Callable[[float], None]) -> None:
    next_word_us = stream.began_us
    while (due_us := stream.due_us) is not None:
        for run in runs:
            run.advance(due_us * 1000)
        step = stream.take()
        if step is not None:
            for run in runs:
                run.play(step)
        if due_us >= next_word_us:
            next_word_us = due_us + PROGRESS_EVERY_US
            told(stream.feed.read_share())
    for run in runs:
        run.finish(stream.now_us * 1000)
