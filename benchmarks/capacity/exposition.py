"""What a Prometheus page says, as far as the load tool asks, and percentiles from its histograms."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$")
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One scrape: the samples of the wanted metrics."""

    samples: Mapping[str, tuple[tuple[Labels, float], ...]]

    def total(self, name: str, **labels: str) -> float:
        """The sum over all label sets that contain `labels`; 0 when there is none."""
        return sum(value for found, value in self.samples.get(name, ()) if labels.items() <= found.items())

    def largest(self, name: str) -> float:
        """The largest value; a metric that cannot be measured (NaN) counts as infinite, none at all as 0."""
        values = [value for _, value in self.samples.get(name, ())]
        return max((math.inf if math.isnan(value) else value for value in values), default=0.0)

    def buckets(self, name: str, **wanted: str) -> dict[float, float]:
        """A histogram's cumulative counts by upper edge, over all its label sets that contain `wanted`."""
        edges: dict[float, float] = {}
        for labels, count in self.samples.get(f"{name}_bucket", ()):
            if wanted.items() <= labels.items():
                edge = float(labels["le"])
                edges[edge] = edges.get(edge, 0.0) + count
        return edges


def parse(text: str, wanted: Iterable[str]) -> Page:
    """Read a page; what does not begin with a wanted name is passed over unread."""
    prefixes = tuple(wanted)
    samples: dict[str, list[tuple[Labels, float]]] = {}
    for line in text.splitlines():
        if line.startswith(prefixes) and (found := _LINE.match(line)) is not None:
            labels = dict(_LABEL.findall(found["labels"] or ""))
            samples.setdefault(found["name"], []).append((labels, float(found["value"])))
    return Page({name: tuple(values) for name, values in samples.items()})


def quantile(share: float, before: Mapping[float, float], after: Mapping[float, float]) -> float | None:
    """The value that `share` of the observations between two scrapes did not exceed, None without any.

    Linear within a bucket; in the last, open one its lower edge, so that it can only be told too small.
    """
    counts = {edge: count - before.get(edge, 0.0) for edge, count in sorted(after.items())}
    total = max(counts.values(), default=0.0)
    if total <= 0:
        return None
    rank = share * total
    low_edge, low_count = 0.0, 0.0
    for edge, count in counts.items():
        if count >= rank and count > low_count:
            if edge == math.inf:
                return low_edge
            return low_edge + (edge - low_edge) * (rank - low_count) / (count - low_count)
        low_edge, low_count = edge, count
    return low_edge
