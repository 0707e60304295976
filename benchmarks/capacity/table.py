"""The measurement for a person: a line a step, and where each cell broke.

CPU is in cores: of all instances, of what runs beside them for the measurement, and of what else the machine
did meanwhile.
"""

from collections.abc import Sequence
from itertools import groupby

from benchmarks.capacity.step import StepResult

_COLUMNS = (
    ("inst", 4),
    ("symb", 5),
    ("version", 8),
    ("rate", 6),
    ("msg/s", 8),
    ("place/s", 8),
    ("fill/s", 7),
    ("depth", 6),
    ("lag s", 6),
    ("loop ms", 8),
    ("t2w p50/p99 ms", 16),
    ("t2o p50/p99 ms", 16),
    ("ack p50/p99 ms", 16),
    ("cpu", 6),
    ("us/msg", 7),
    ("ms/symb", 8),
    ("MiB", 7),
    ("beside", 7),
    ("elsewhere", 9),
)


def headings() -> str:
    """The first line."""
    return " ".join(name.rjust(width) for name, width in _COLUMNS)


def row(result: StepResult) -> str:
    """One step."""
    cells = (
        f"{result.instances}",
        f"{result.symbols}",
        result.version,
        f"{result.rate:g}",
        f"{result.consumed:,.0f}",
        f"{result.placements:.0f}",
        f"{result.fills:.1f}",
        f"{result.mailbox_depth:.0f}",
        f"{result.lag_s:.1f}",
        f"{result.loop_lag_ms:.0f}",
        _pair(result.tick_to_wire_p50_ms, result.tick_to_wire_p99_ms),
        _pair(result.tick_to_order_p50_ms, result.tick_to_order_p99_ms),
        _pair(result.order_ack_p50_ms, result.order_ack_p99_ms),
        f"{result.cpu:.2f}",
        f"{result.cpu_us_per_message:.0f}",
        f"{result.cpu_ms_per_symbol:.1f}",
        f"{result.rss_mib:.0f}",
        f"{sum(result.beside_cpu.values()):.2f}",
        f"{result.elsewhere_cpu:.2f}",
    )
    line = " ".join(cell.rjust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
    return f"{line}  {result.verdict}"


def knees(results: Sequence[StepResult]) -> str:
    """Per cell the last rate that held, and what broke at the next."""
    lines = ["where it breaks:"]
    for (instances, symbols, version), steps in groupby(
        results, lambda step: (step.instances, step.symbols, step.version)
    ):
        cell = list(steps)
        held = [step for step in cell if not step.verdict]
        most = (
            f"{held[-1].rate:g} a second and symbol ({held[-1].consumed:,.0f} messages/s)"
            if held
            else "nothing"
        )
        broke = f"; at {cell[-1].rate:g}: {cell[-1].verdict}" if cell[-1].verdict else "; nothing broke"
        lines.append(f"  {instances} x {symbols} symbols, {version}: holds {most}{broke}")
    return "\n".join(lines)


def _pair(p50: float | None, p99: float | None) -> str:
    return "-" if p50 is None or p99 is None else f"{p50:.2f}/{p99:.1f}"
