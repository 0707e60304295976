"""The part of docs/capacity.md about tick to wire, two versions in turns, from docs/measured/wire.json."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from benchmarks.capacity.model import ELSEWHERE_MAX

Document = Mapping[str, Any]

NOT_MEASURED: Final = "Not measured yet.\n"
_HEADINGS: Final = (
    "| symbols | rate | version | tick to wire p50 / p99 | tick to order p50 / p99 | order answer p50 / p99 "
    "| loop ms | cpu | used by others | |\n|---:|---:|---|---:|---:|---:|---:|---:|---:|---|\n"
)
_BREAKS: Final = "| version | symbols | holds, changes a second and symbol | breaks |\n|---|---:|---:|---|\n"
_BUSY: Final = (
    "**The machine was busy with other work** (`used by others`, in cores): only what differs between\n"
    "the two versions means something.\n\n"
)
_PICTURE: Final = "\n![From the message to the answer of its order, by stages](tick-to-wire.svg)\n"


def wire(measured: Document | None) -> str:
    """The table of the last comparison, and where each version breaks."""
    if measured is None:
        return NOT_MEASURED
    steps = [step for cell in measured["cells"] for step in cell["steps"]]
    steps.sort(key=lambda step: (step["symbols"], step["rate"]))
    on = "{at}, {machine[cores]} cores, Python {machine[python]}. Milliseconds.\n\n".format(**measured)
    if max(step["elsewhere_cpu"] for step in steps) > ELSEWHERE_MAX:
        on += _BUSY
    return on + _HEADINGS + "".join(map(_row, steps)) + "\n" + _breaks(steps) + _PICTURE


def _row(step: Mapping[str, Any]) -> str:
    cells = (
        step["symbols"],
        f"{step['rate']:g}",
        step["version"],
        _pair(step, "tick_to_wire"),
        _pair(step, "tick_to_order"),
        _pair(step, "order_ack"),
        f"{step['loop_lag_ms']:.0f}",
        f"{step['cpu']:.2f}",
        f"{step['elsewhere_cpu']:.2f}",
        step["verdict"] or "held",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def _breaks(steps: Sequence[Mapping[str, Any]]) -> str:
    """Per version and number of symbols, the highest rate that it held."""
    lines = [_BREAKS]
    for (version, symbols), found in groupby(sorted(steps, key=_cell), _cell):
        seen = list(found)
        held = max((step["rate"] for step in seen if not step["verdict"]), default=0.0)
        broken = (f"{step['verdict']} at {step['rate']:g}" for step in seen if step["verdict"])
        lines.append(f"| {version} | {symbols} | {held:g} | {next(broken, 'nothing: the steps ended')} |\n")
    return "".join(lines)


def _cell(step: Mapping[str, Any]) -> tuple[str, int]:
    return step["version"], step["symbols"]


def _pair(step: Mapping[str, Any], name: str) -> str:
    p50, p99 = step[f"{name}_p50_ms"], step[f"{name}_p99_ms"]
    return "-" if p50 is None else f"{p50:.2f} / {p99:.1f}"
