"""`python -m simulation`: many seeds, or one again; exit code 0 when everything held."""

import argparse
import os
import secrets
import sys
import time
from pathlib import Path

from simulation.campaign import Campaign
from simulation.coverage import HAPPENS_IN_FLEETS, HAPPENS_SOMETIMES
from simulation.decisions import parse_script
from simulation.fleet.runner import run_fleet, run_fleet_seed
from simulation.fleet.script import fleet_script_of
from simulation.plan import script_of
from simulation.report import print_failure, print_summary
from simulation.runner import run
from simulation.shrink import Play, Shrinker

PROVES_COVERAGE_FROM = 200
"""With so many seeds everything in HAPPENS_SOMETIMES must have happened."""


def main() -> int:
    """Run what the command line asks for."""
    arguments = _parse()
    if arguments.seed is not None:
        return _again(arguments.seed, arguments.script, is_fleet=arguments.fleet)
    base = secrets.randbelow(2**32) if arguments.base_seed is None else arguments.base_seed
    seeds = range(base, base + arguments.seeds)
    print(f"seeds {base} to {seeds[-1]} (again: --base-seed {base} --seeds {arguments.seeds})")
    failed = 0
    if not arguments.fleet:
        failed = _campaign(Campaign(seeds, arguments.jobs), HAPPENS_SOMETIMES, run, "")
    print("fleets of several instances:")
    fleets = Campaign(seeds, arguments.jobs, run_fleet_seed)
    return failed | _campaign(fleets, HAPPENS_IN_FLEETS, run_fleet, "--fleet ")


def _campaign(campaign: Campaign, expected: tuple[str, ...], play: Play, flag: str) -> int:
    """Many seeds; the exit code."""
    began_s = time.perf_counter()
    for failed in campaign.run():
        print_failure(Shrinker(failed, play).shrink(), flag)
    never = campaign.coverage.never(expected) if campaign.runs >= PROVES_COVERAGE_FROM else []
    print_summary(campaign, time.perf_counter() - began_s, never)
    return 1 if campaign.failures or never else 0


def _again(seed: int, script: Path | None, *, is_fleet: bool) -> int:
    """One run, with its own script or with one from a file."""
    script_of_seed, play = (fleet_script_of, run_fleet) if is_fleet else (script_of, run)
    decisions = script_of_seed(seed) if script is None else parse_script(script.read_text())
    result = play(seed, decisions)
    if result.violation is None:
        print(f"seed {seed}: everything held over {result.steps} steps")
        return 0
    print_failure(Shrinker(result, play).shrink(), "--fleet " if is_fleet else "")
    return 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many runs (default 200)")
    parser.add_argument("--base-seed", type=int, help="the first seed; a new one each time when left out")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)"
    )
    parser.add_argument("--seed", type=int, help="run this one seed and shrink it if it fails")
    parser.add_argument("--fleet", action="store_true", help="of fleets of instances only")
    parser.add_argument(
        "--script", type=Path, help="with --seed: the decisions, one per line, instead of its own"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
