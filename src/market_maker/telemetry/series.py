"""What counts: one time series or one histogram each, which keeps its lines of Prometheus' text format.

A line is made again only when its value is another: to make all of them anew at each scrape, as libraries do,
holds up whoever quotes meanwhile. Changed on one thread, read on any.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

LabelPairs = Sequence[tuple[str, str]]

_POINT_OF_A_MILLION: Final = 7
"""Where the point stands in the first number that Go writes with an exponent."""


class _Single:
    """One value."""

    __slots__ = ("_head", "_shown", "_text", "_value")

    def __init__(self, name: str, labels: LabelPairs) -> None:
        self._head = head(name, labels)
        self._value = 0.0
        self._shown: float | None = None
        self._text = b""

    def text(self) -> bytes:
        """Its line."""
        value = self._value
        if value is not self._shown:  # another object, for an equal one may be written otherwise (0.0, -0.0)
            self._text = f"{self._head}{number(value)}\n".encode()
            self._shown = value
        return self._text


class Counter(_Single):
    """Only grows."""

    __slots__ = ()

    def inc(self, amount: float = 1.0) -> None:
        """Add what was counted."""
        if amount < 0:
            raise ValueError(f"a counter only grows, got {amount}")
        self._value += amount


class Gauge(_Single):
    """Goes up and down."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """What it is now."""
        self._value = float(value)


class Histogram:
    """How many observations were at most as large as each edge, and their sum."""

    __slots__ = ("_counts", "_edges", "_heads", "_shown", "_sum", "_text")

    def __init__(self, name: str, labels: LabelPairs, edges: Sequence[float]) -> None:
        """`edges` rise and end before infinity."""
        self._edges = edges
        self._counts = [0] * (len(edges) + 1)
        self._sum = 0.0
        bounds = [*map(number, edges), "+Inf"]
        self._heads = [head(f"{name}_bucket", [*labels, ("le", bound)]) for bound in bounds]
        self._heads += head(f"{name}_count", labels), head(f"{name}_sum", labels)
        self._shown: float | None = None
        self._text = b""

    def observe(self, amount: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._edges, amount)] += 1
        self._sum += amount  # last: who reads a new sum reads its count too

    def text(self) -> bytes:
        """Its lines; each observation makes a new object of the sum, even one of nothing."""
        total = self._sum
        if total is not self._shown:
            values, seen = [], 0
            for count in self._counts:
                seen += count
                values.append(float(seen))
            values += float(seen), total
            lines = [f"{line}{number(value)}\n" for line, value in zip(self._heads, values, strict=True)]
            self._text = "".join(lines).encode()
            self._shown = total
        return self._text


def head(name: str, labels: LabelPairs) -> str:
    """A line up to its value."""
    pairs = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(labels))
    return f"{name}{{{pairs}}} " if pairs else f"{name} "


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number(value: float) -> str:
    """A value as Go writes it, with an exponent from a million on: edges are labels, and labels are text."""
    text = repr(float(value))
    if text in _WORDS:
        return _WORDS[text]
    point = text.find(".")
    if value > 0 and point >= _POINT_OF_A_MILLION:
        digits = f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.")
        return f"{digits}e+{point - 1:02d}"
    return text


_WORDS: Final = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}
