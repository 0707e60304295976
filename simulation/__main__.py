"""`python -m simulation`: many seeds, or one again; exit code 0 when everything held."""

import argparse
import os
import secrets
import sys
import time
from pathlib import Path

from simulation.campaign import Campaign
from simulation.decisions import parse_script
from simulation.plan import script_of
from simulation.report import print_failure, print_summary
from simulation.runner import run
from simulation.shrink import Shrinker

PROVES_COVERAGE_FROM = 200
"""With so many seeds everything in HAPPENS_SOMETIMES must have happened."""


def main() -> int:
    """Run what the command line asks for."""
    arguments = _parse()
    if arguments.seed is not None:
        return _again(arguments.seed, arguments.script)
    base = secrets.randbelow(2**32) if arguments.base_seed is None else arguments.base_seed
    print(
        f"seeds {base} to {base + arguments.seeds - 1} (again: --base-seed {base} --seeds {arguments.seeds})"
    )
    began_s = time.perf_counter()
    campaign = Campaign(range(base, base + arguments.seeds), arguments.jobs)
    for failed in campaign.run():
        print_failure(Shrinker(failed).shrink())
    never = campaign.coverage.never() if arguments.seeds >= PROVES_COVERAGE_FROM else []
    print_summary(campaign, time.perf_counter() - began_s, never)
    return 1 if campaign.failures or never else 0


def _again(seed: int, script: Path | None) -> int:
    """One run, with its own script or with one from a file."""
    decisions = script_of(seed) if script is None else parse_script(script.read_text())
    result = run(seed, decisions)
    if result.violation is None:
        print(f"seed {seed}: everything held over {result.steps} steps")
        return 0
    print_failure(Shrinker(result).shrink())
    return 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many runs (default 200)")
    parser.add_argument("--base-seed", type=int, help="the first seed; a new one each time when left out")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)"
    )
    parser.add_argument("--seed", type=int, help="run this one seed and shrink it if it fails")
    parser.add_argument(
        "--script", type=Path, help="with --seed: the decisions, one per line, instead of its own"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
