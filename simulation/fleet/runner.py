"""Runs a fleet's seed from its beginning to the calm at its end."""

import traceback
from typing import Final

from simulation.clock import MS, START_NS
from simulation.decisions import Decision
from simulation.fleet.script import FAULTY_MS, fleet_plan_of, fleet_script_of
from simulation.fleet.world import FleetRun
from simulation.runner import ENDLESS_MS, Result
from simulation.violation import Violation

CALM_NS_MAX: Final = 30_000 * MS
"""Within this time after the last fault every symbol must have its one owner."""
REVIVAL_NS_MAX: Final = 20_000 * MS


def run_fleet_seed(seed: int) -> Result:
    """The run of a seed with its own script."""
    return run_fleet(seed, fleet_script_of(seed))


def run_fleet(seed: int, decisions: tuple[Decision, ...], until_ms: int = ENDLESS_MS) -> Result:
    """The run of a seed with these decisions, cut off at `until_ms`: a pure function of the three."""
    run = FleetRun(fleet_plan_of(seed))
    steps, violation = [0], None
    try:
        _play(run, decisions, START_NS + until_ms * MS, steps)
    except Violation as found:
        violation = found
    except Exception as error:  # noqa: BLE001 -- whatever is raised is a finding, with its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        violation = Violation(0, f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})")
    for instance in run.alive():
        instance.loop.end()
    elapsed_ns = run.clock.now_ns - START_NS
    return Result(seed, decisions, violation, run.coverage, steps[0], elapsed_ns, elapsed_ns // MS)


def _play(run: FleetRun, decisions: tuple[Decision, ...], until_ns: int, steps: list[int]) -> None:
    run.begin(decisions)
    faulty_until_ns = START_NS + FAULTY_MS * MS
    _until(run, min(until_ns, faulty_until_ns), steps)
    if until_ns <= faulty_until_ns:
        return
    run.calm()
    calm_until_ns = run.clock.now_ns + CALM_NS_MAX
    while unrest := run.is_at_rest():
        if run.clock.now_ns > calm_until_ns:
            raise Violation(20, f"{CALM_NS_MAX // 1_000_000_000} s after the last fault: {unrest}")
        _until(run, run.clock.now_ns + 100 * MS, steps)
    revival_until_ns = run.clock.now_ns + REVIVAL_NS_MAX
    while dead := [symbol for symbol in run.plan.symbols if not run.quotes(symbol)]:
        if run.clock.now_ns > revival_until_ns:
            raise Violation(20, f"cannot be enabled again: {dead}")
        _until(run, run.clock.now_ns + 100 * MS, steps)


def _until(run: FleetRun, until_ns: int, steps: list[int]) -> None:
    while (next_ns := run.clock.next_ns()) is not None and next_ns <= until_ns:
        run.clock.advance()
        steps[0] += 1
