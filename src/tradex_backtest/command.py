"""`market-maker backtest`: 0 all was played, 1 a capture broke off, 2 wrong arguments."""

import json
import sys
import time
from collections.abc import Sequence

from market_maker.core.config import EngineLimits
from tradex_backtest.arguments import BacktestArguments, parse_arguments
from tradex_backtest.configs import read_configs
from tradex_backtest.errors import BacktestError
from tradex_backtest.field import JobResult
from tradex_backtest.latencies import OneWayLatencies
from tradex_backtest.parser import command, say
from tradex_backtest.progress import progress
from tradex_backtest.report.comparison import lines, table
from tradex_backtest.report.figures import Subject, plain
from tradex_backtest.report.page import write_page
from tradex_backtest.run_settings import RunSettings
from tradex_backtest.sweep import jobs_of, play_all
from tradex_backtest.tapes.opening import captures_of
from tradex_sandbox.capture import CaptureError
from tradex_sandbox.tape import Fees


@command("backtest", CaptureError)
def main(words: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    arguments = parse_arguments(words)
    began_s = time.perf_counter()
    configs = read_configs(arguments.configs, arguments.sweeps)
    captures = captures_of(arguments.captures, arguments.symbols, arguments.instruments)
    jobs = jobs_of(captures, configs, _settings(arguments), arguments.jobs)
    with progress(len(jobs)) as told:
        results = play_all(jobs, arguments.jobs, told)
    runs = _in_order([run for result in results for run in result.runs], [config.name for config in configs])
    problems = list(dict.fromkeys(result.problem for result in results if result.problem is not None))
    if runs:
        _tell(arguments, results, runs, problems, began_s)
    elif not problems:
        raise BacktestError("no configuration is meant for a market that was captured; check `symbol`")
    for problem in problems:
        say("backtest", problem, 1)
    return 1 if problems else 0


def _tell(
    arguments: BacktestArguments,
    results: Sequence[JobResult],
    runs: list[Subject],
    problems: Sequence[str],
    began_s: float,
) -> None:
    """The report, and what is printed."""
    if arguments.out is not None:
        write_page(arguments.out, _title(runs), runs, _notes(arguments, problems))
    if arguments.markdown:
        sys.stdout.write(table(runs))
    if arguments.json:
        wall_s = time.perf_counter() - began_s
        sys.stdout.write(json.dumps(_summary(results, runs, wall_s)) + "\n")
    if not (arguments.json or arguments.markdown):
        sys.stdout.write(lines(runs))
        if arguments.out is not None:
            sys.stdout.write(f"\nThe report: {arguments.out.resolve()}\n")


def _settings(arguments: BacktestArguments) -> RunSettings:
    return RunSettings(
        OneWayLatencies(arguments.feed_latency, arguments.order_latency, arguments.answer_latency),
        arguments.queue_model,
        Fees(maker_bps=arguments.maker_fee_bps),
        EngineLimits(response_timeout_ns=arguments.response_timeout_ns),
        arguments.learn_share,
        arguments.seed,
    )


def _in_order(runs: list[Subject], names: list[str]) -> list[Subject]:
    """By capture as they were named, and in each by configuration."""
    captures = list(dict.fromkeys(run.source for run in runs))
    return sorted(runs, key=lambda run: (captures.index(run.source), names.index(run.name)))


def _summary(results: Sequence[JobResult], runs: Sequence[Subject], wall_s: float) -> dict[str, object]:
    """The last line; `market_seconds` counts a capture once for each configuration that it was played to."""
    market_us = sum(result.market_us * len(result.runs) for result in results)
    return {
        "market_seconds": round(market_us / 1e6, 3),
        "wall_seconds": round(wall_s, 3),
        "runs": [run.summary() for run in runs],
    }


def _title(runs: Sequence[Subject]) -> str:
    return f"Backtest of {', '.join(dict.fromkeys(run.symbol for run in runs))}"


def _notes(arguments: BacktestArguments, problems: Sequence[str]) -> list[str]:
    queue, fee = arguments.queue_model.value, plain(arguments.maker_fee_bps)
    return [
        f"The service's engine in recorded markets; queue model {queue}, maker fee {fee} bps.",
        "Nobody in a recording reacts to our orders: small orders in a liquid market come closest to it.",
        *problems,
    ]
