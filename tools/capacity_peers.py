"""The part of docs/capacity.md about NautilusTrader, from docs/measured/peers.json."""

from collections.abc import Mapping
from typing import Any, Final

Document = Mapping[str, Any]

NOT_MEASURED: Final = "Not measured yet.\n"
WHAT: Final = {
    "book": "a change applied, best bid and ask read (objects made beforehand)",
    "quiet": "a change's bytes to: nothing to do",
    "decided": "a change's bytes to decided orders",
    "orders": "an order to its answer, over HTTP",
}
_HEADINGS: Final = (
    "| | on | ours p50 / p99 us | theirs p50 / p99 us | theirs / ours, p50 | p99 |\n"
    "|---|---|---:|---:|---:|---:|\n"
)
_ON: Final = (
    "{peer}, {at}, {machine[cores]} cores, Python {machine[python]}; load of the machine {load:.1f}.\n\n"
)


def peers(measured: Document | None) -> str:
    """The table of the last comparison."""
    if measured is None:
        return NOT_MEASURED
    lines = [_ON.format(**measured), _HEADINGS]
    for each in measured["compared"]:
        ours, theirs = each["ours"], each["theirs"]
        cells = [f"{_us(side['p50_ns'])} / {_us(side['p99_ns'])}" for side in (ours, theirs)]
        ratios = [f"{theirs[figure] / ours[figure]:.2f}" for figure in ("p50_ns", "p99_ns")]
        lines.append(f"| {WHAT[each['what']]} | {each['on']} | {' | '.join((*cells, *ratios))} |\n")
    return "".join(lines)


def _us(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e3:,.1f}"
