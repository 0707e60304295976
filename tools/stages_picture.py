"""Draws where a tick's time goes: `python -m tools.stages_picture FILE > docs/tick-to-wire.svg`.

FILE is what `python -m benchmarks capacity --json FILE` wrote; the run of the fewest symbols is drawn, of its
versions the newest. An SVG of plain rectangles: no library here draws charts without a browser.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
)
TIMER: Final = "timer"
"""The other beginning: what the quote interval held back."""
STEPS: Final = {
    "decode": "message read to decoded",
    "hand_over": "to the event loop",
    "wait": "to the step's begin",
    TIMER: "or interval over to the step's begin",
    "decide": "to the step's end: orders decided",
    "send": "to the first byte on the socket",
    "exchange": "to its answer, parsed",
    "answer": "to the answer in the engine",
}
OWN: Final = "exchange_own"
WIDTH, LABEL, PANEL, GAP, ROW, TOP = 940, 240, 300, 40, 26, 84
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.h{font-weight:600;font-size:14px}.s{fill:#59636e}"
    ".b{fill:#2f6fdb}.e{fill:#9aa4b0}.o{fill:#59636e}line{stroke:#d1d9e0}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.b{fill:#6ea8ff}.e{fill:#57606a}"
    ".o{fill:#9198a1}line{stroke:#3d444d}}"
)

Stages = Mapping[str, tuple[float, float]]
"""p50 and p99 of each part, microseconds."""


def picture(stages: Stages, title: str, note: str) -> str:
    """The SVG. Left: medians one after the other; right: each part's 99th percentile."""
    shown = [name for name in STEPS if name in stages]
    medians, highs = ({name: stages[name][share] for name in shown} for share in (0, 1))
    height = TOP + ROW * len(shown) + 34
    return "\n".join(
        (
            _SVG.format(width=WIDTH, height=height, title=escape(title)),
            f"<style>{_STYLE}</style>",
            _text(0, 18, title, "h"),
            _text(0, 38, note, "s"),
            *_labels(shown),
            *_panel(LABEL, "median, one after the other", medians, follows=True),
            *_panel(LABEL + PANEL + GAP, "99th percentile, each by itself", highs, follows=False),
            *_own(stages, shown),
            _text(
                0, height - 8, "Grey: the exchange's; its dark part is what it says that it took itself.", "s"
            ),
            "</svg>",
            "",
        )
    )


def _labels(shown: list[str]) -> Iterator[str]:
    for number, name in enumerate(shown):
        yield _text(0, _y(number) + 13, STEPS[name])


def _panel(left: float, title: str, values: dict[str, float], *, follows: bool) -> Iterator[str]:
    whole = _way(values) if follows else max(values.values())
    yield _text(left, TOP - 14, f"{title}: {_told(whole)}" if follows else title, "s")
    yield f'<line x1="{left}" y1="{TOP - 4}" x2="{left}" y2="{_y(len(values))}"/>'
    begin = 0.0
    for number, (name, value) in enumerate(values.items()):
        after = begin if follows and name != TIMER else 0.0
        x, width = left + after * _scale(whole), value * _scale(whole)
        yield _bar(x, number, width, "e" if name == "exchange" else "b")
        yield _text(x + width + 5, _y(number) + 13, _told(value))
        begin += 0.0 if name == TIMER else value


def _own(stages: Stages, shown: list[str]) -> Iterator[str]:
    """What of the exchange's bar at the left is the exchange's own time."""
    if OWN in stages and "exchange" in shown:
        number = shown.index("exchange")
        medians = {name: stages[name][0] for name in shown}
        before = sum(took for name, took in list(medians.items())[:number] if name != TIMER)
        scale = _scale(_way(medians))
        yield _bar(LABEL + before * scale, number, stages[OWN][0] * scale, "o")


def _way(medians: Mapping[str, float]) -> float:
    """All of it, or the timer's bar where that is longer."""
    return max(medians.get(TIMER, 0.0), sum(took for name, took in medians.items() if name != TIMER))


def _scale(whole: float) -> float:
    return (PANEL - 60) / whole


def _y(number: int) -> float:
    return TOP + ROW * number


def _bar(x: float, number: int, width: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{_y(number)}" width="{max(width, 1):.1f}" height="{ROW - 8}"/>'
    )


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(words)}</text>'


def _told(us: float) -> str:
    return f"{us / 1e3:.2f} ms" if us >= 1e3 else f"{us:.0f} us"


def drawn_step(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """The step that is drawn: of the fewest symbols, the last version that knows its stages."""
    steps = [step for cell in measured["cells"] for step in cell["steps"] if step["stages_us"]]
    fewest = min(step["symbols"] for step in steps)
    last: Mapping[str, Any] = [step for step in steps if step["symbols"] == fewest][-1]
    return last


def draw(measured: Mapping[str, Any]) -> str:
    """The picture of a run."""
    step = drawn_step(measured)
    note = (
        f"{step['symbols']} symbols, {step['rate']:g} changes a second each, Apache Kafka, a bare exchange, "
        f"{measured['machine']['cores']} cores for everything; {measured['at'][:10]}; "
        f"{step['elsewhere_cpu']:.2f} cores used by others"
    )
    return picture(step["stages_us"], "From the message to the answer of the order that it caused", note)


if __name__ == "__main__":
    sys.stdout.write(draw(json.loads(Path(sys.argv[1]).read_text())))
