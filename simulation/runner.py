"""Runs a seed from its beginning to the calm at its end."""

import traceback
from dataclasses import dataclass

from simulation.actions import ACTIONS
from simulation.clock import MS, SECOND_NS, START_NS
from simulation.coverage import Coverage
from simulation.decisions import Decision
from simulation.final import check_at_rest, check_replays, check_revival
from simulation.plan import FAULTY_MS, plan_of, script_of
from simulation.violation import Violation
from simulation.world import World

CALM_NS_MAX = 12 * SECOND_NS
"""Within this time after the last fault everything must have come to rest."""
REVIVAL_NS = 4 * SECOND_NS
REPLAY_EVERY = 8
"""Every so many seeds the lives of all engines are played again."""
STEPS_MAX = 200_000
ENDLESS_MS = 10**9


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    seed: int
    decisions: tuple[Decision, ...]
    violation: Violation | None
    coverage: Coverage
    steps: int
    virtual_ns: int
    at_ms: int
    """When it ended, counted as decisions count."""


def run_seed(seed: int) -> Result:
    """The run of a seed with its own script."""
    return run(seed, script_of(seed))


def run(seed: int, decisions: tuple[Decision, ...], until_ms: int = ENDLESS_MS) -> Result:
    """The run of a seed with these decisions, cut off at `until_ms`: a pure function of the three."""
    world = World(plan_of(seed), records_lives=seed % REPLAY_EVERY == 0)
    violation = None
    try:
        _play(world, decisions, START_NS + until_ms * MS)
    except Violation as found:
        violation = found
    except Exception as error:  # noqa: BLE001 -- whatever an engine raises is a finding, with its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        violation = Violation(0, f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})")
    if world.process is not None:
        world.process.count_refusals()
        world.process.loop.end()
    elapsed_ns = world.clock.now_ns - START_NS
    return Result(seed, decisions, violation, world.coverage, world.steps, elapsed_ns, elapsed_ns // MS)


def _play(world: World, decisions: tuple[Decision, ...], until_ns: int) -> None:
    world.begin(decisions, ACTIONS)
    faulty_until_ns = START_NS + FAULTY_MS * MS
    _until(world, min(until_ns, faulty_until_ns))
    if until_ns > faulty_until_ns:
        _come_to_rest(world)
        activations = world.activations()
        world.desk.works = True
        _until(world, world.clock.now_ns + REVIVAL_NS)
        check_revival(world, activations)
    if world.records_lives:
        check_replays(world)


def _come_to_rest(world: World) -> None:
    while world.process is None or world.process.is_stopping:
        world.step()
    world.calm()
    deadline_ns = world.clock.now_ns + CALM_NS_MAX
    while not world.is_at_rest():
        if world.clock.now_ns > deadline_ns:
            raise Violation(
                6, f"not at rest {CALM_NS_MAX // SECOND_NS} s after the last fault: {_unrest(world)}"
            )
        world.step()
    check_at_rest(world)


def _until(world: World, until_ns: int) -> None:
    while (next_ns := world.clock.next_ns()) is not None and next_ns <= until_ns:
        world.step()
        if world.steps > STEPS_MAX:
            raise Violation(0, f"more than {STEPS_MAX} steps: something is done without end")


def _unrest(world: World) -> str:
    process = world.process
    if process is None:
        return "no process"
    unclear = [symbol for symbol, engine in process.engines.items() if not engine.is_clear]
    left = {symbol: list(truth.possible) for symbol, truth in world.truth.of.items() if truth.possible}
    parts = (
        f"not clear {unclear}",
        f"in the market {left}",
        f"{len(process.journal)} records not durable",
        f"stream read to its end: {process.consumer.is_at_end()}",
        f"{world.network.under_way} placements under way",
    )
    return ", ".join(parts)
