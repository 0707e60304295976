"""From measured steps to a fleet: what a symbol and a message cost, and what many of them need. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

Step = Mapping[str, Any]
"""One step as the load tool writes it."""

ELSEWHERE_MAX: Final = 0.3
"""Cores that something else may have used during a step that is undisturbed."""
QUIET_MIN: Final = 6


@dataclass(frozen=True, slots=True)
class Cost:
    """The service's CPU and memory, fitted by least squares over all steps that held."""

    cpu_per_instance: float
    """Cores of an instance without symbols."""
    cpu_per_symbol: float
    """Cores: evaluating ten times a second, its orders, its gauges."""
    cpu_per_message: float
    """Core seconds."""
    mib_per_instance: float
    mib_per_symbol: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one symbol causes around the service, at the default configuration."""

    placements: float
    """Per second."""
    rows: float
    """Inserted or updated in PostgreSQL, per second."""
    wal_bytes: float
    """Of PostgreSQL's log, per second."""
    bytes_per_delta: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What is planned for."""

    symbols: int = 10_000
    deltas_per_s: float = 10.0
    """Per symbol; a depth stream of 100 ms has ten."""
    burst: float = 3.0
    """How many times as much must still be carried."""
    core_share: float = 0.6
    """Of one core, in a burst: Python's part of an instance cannot use more than one."""
    lost_share: float = 0.1
    """Of the instances that may be gone while the rest carries all."""
    partitions_per_instance: int = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes."""

    symbols_per_instance: int
    instances: int
    partitions: int
    """Of each topic."""
    cores: float
    """In a burst."""
    gib: float
    messages_per_s: float
    """In a burst, into the service."""
    kafka_mb_per_s: float
    orders_per_s: float
    """Placements and as many cancels."""
    rows_per_s: float
    wal_mb_per_s: float


def believed(steps: Sequence[Step]) -> list[Step]:
    """Steps that held while little else ran; all that held when those are too few for a fit."""
    held = [step for step in steps if not step["verdict"]]
    quiet = undisturbed(held)
    return quiet if len(quiet) >= QUIET_MIN else held


def undisturbed(steps: Sequence[Step]) -> list[Step]:
    """Steps while which little else ran on the machine."""
    return [step for step in steps if step["elsewhere_cpu"] <= ELSEWHERE_MAX]


def cost(steps: Sequence[Step]) -> Cost:
    """What the steps say. ValueError when they are too few or too alike to tell the parts apart."""
    cpu = fit(
        [(step["instances"], step["symbols"], step["consumed"]) for step in steps],
        [step["cpu"] for step in steps],
    )
    memory = fit(
        [(step["instances"], step["symbols"]) for step in steps], [step["rss_mib"] for step in steps]
    )
    return Cost(*cpu, *memory)


def traffic(steps: Sequence[Step]) -> Traffic:
    """Means over all symbols and seconds of the steps."""
    symbols = sum(step["symbols"] for step in steps)
    return Traffic(
        placements=sum(step["placements"] for step in steps) / symbols,
        rows=sum(step["rows"] for step in steps) / symbols,
        wal_bytes=sum(step["wal_mb"] for step in steps) * 1e6 / symbols,
        # The fastest step, where snapshots weigh least.
        bytes_per_delta=min(step["sent_mb"] * 1e6 / step["sent"] for step in steps),
    )


def plan(costs: Cost, per_symbol: Traffic, wish: Wish, grown_mib: float = 0.0) -> Plan:
    """The fleet for a wish. ValueError when one instance cannot carry a single symbol.

    `grown_mib`: what a symbol's memory has grown by once it has traded for long.
    """
    burst_per_s = wish.deltas_per_s * wish.burst
    symbol = costs.cpu_per_symbol + costs.cpu_per_message * burst_per_s
    room = int((wish.core_share - costs.cpu_per_instance) / symbol)
    if room < 1:
        raise ValueError("an instance cannot carry one symbol within its share of a core")
    working = ceil(wish.symbols / room)
    instances = ceil(working / (1 - wish.lost_share))
    return Plan(
        symbols_per_instance=room,
        instances=instances,
        partitions=instances * wish.partitions_per_instance,
        cores=instances * costs.cpu_per_instance + wish.symbols * symbol,
        gib=(instances * costs.mib_per_instance + wish.symbols * (costs.mib_per_symbol + grown_mib)) / 1024,
        messages_per_s=wish.symbols * burst_per_s,
        kafka_mb_per_s=wish.symbols * burst_per_s * per_symbol.bytes_per_delta / 1e6,
        orders_per_s=2 * wish.symbols * per_symbol.placements,
        rows_per_s=wish.symbols * per_symbol.rows,
        wal_mb_per_s=wish.symbols * per_symbol.wal_bytes / 1e6,
    )


def fit(factors: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """Least squares without a constant: the coefficients with which the factors come closest to the values.

    A negative one, which noise may give, is taken as zero and the others are fitted again. ValueError
    when the factors do not determine them.
    """
    count = len(factors[0]) if factors else 0
    if len(factors) < count or not count:
        raise ValueError(f"{len(factors)} measurements cannot tell {count} parts apart")
    kept = list(range(count))
    while True:
        rows = [[factor[column] for column in kept] for factor in factors]
        found = _solve(
            [[sum(row[i] * row[j] for row in rows) for j in range(len(kept))] for i in range(len(kept))],
            [sum(row[i] * value for row, value in zip(rows, values, strict=True)) for i in range(len(kept))],
        )
        worst = min(range(len(kept)), key=found.__getitem__)
        if found[worst] >= 0 or len(kept) == 1:
            break
        del kept[worst]
    coefficients = [0.0] * count
    for column, coefficient in zip(kept, found, strict=True):
        coefficients[column] = max(0.0, coefficient)
    return coefficients


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss with pivoting, for two or three unknowns."""
    size = len(right)
    rows = [[*matrix[index], right[index]] for index in range(size)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda index: abs(rows[index][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        if abs(rows[column][column]) < 1e-9 * max(1.0, abs(matrix[column][column])):
            raise ValueError("the measurements are too alike to tell their parts apart")
        for index in range(size):
            if index != column:
                share = rows[index][column] / rows[column][column]
                rows[index] = [a - share * b for a, b in zip(rows[index], rows[column], strict=True)]
    return [rows[index][size] / rows[index][index] for index in range(size)]
