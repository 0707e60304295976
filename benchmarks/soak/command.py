"""The command line of the soak."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.soak.real import run_real
from benchmarks.soak.samples import Sample, Verdict, judge
from benchmarks.soak.virtual import HOUR_S, run_virtual
from market_maker.setting_types import duration

REAL_WARM_UP_SHARE = 1 / 2
NS = 1e9


def main(arguments: Sequence[str]) -> None:
    """`python -m benchmarks soak`; exit code 1 when something is not flat."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description="Does anything grow?")
    add = parser.add_argument
    add("--hours", type=int, default=24, help="virtual hours (default 24)")
    add("--symbols", type=int, default=2, help="symbols that quote (default 2)")
    add(
        "--warm-up", type=int, metavar="HOURS", help="virtual hours that count for nothing (default: a sixth)"
    )
    add("--real", metavar="DURATION", help="run the real stack instead for so long, such as 15m")
    add("--json", type=Path, metavar="FILE", help="write samples and verdicts to this file too")
    found = parser.parse_args(arguments)
    if found.real is None:
        samples = run_virtual(found.hours, found.symbols)
        warm_up_s = (found.hours / 6 if found.warm_up is None else found.warm_up) * HOUR_S
    else:
        seconds = duration("10s", "24h")(found.real) / NS
        samples = run_real(seconds, found.symbols)
        warm_up_s = seconds * REAL_WARM_UP_SHARE
    verdicts = judge(samples, warm_up_s)
    for verdict in verdicts:
        print(_line(verdict))
    if found.json is not None:
        found.json.write_text(
            json.dumps(_document(found.symbols, samples, verdicts, warm_up_s), indent=1) + "\n"
        )
    sys.exit(0 if all(verdict.flat for verdict in verdicts) else 1)


def _line(verdict: Verdict) -> str:
    judged = "flat" if verdict.flat else "GROWS"
    values = f"{verdict.at_warm_up:12,.1f} -> {verdict.at_end:12,.1f}"
    return f"{verdict.name:22} {values}  {verdict.told():>8}  {judged}"


def _document(
    symbols: int, samples: Sequence[Sample], verdicts: Sequence[Verdict], warm_up_s: float
) -> dict[str, object]:
    return {
        "symbols": symbols,
        "warm_up_s": warm_up_s,
        "samples": [asdict(sample) for sample in samples],
        "verdicts": [{**asdict(verdict), "told": verdict.told()} for verdict in verdicts],
    }
