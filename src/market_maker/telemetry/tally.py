"""A counter that follows totals which other parts keep: on other threads, or where metrics have no place."""

from collections.abc import Callable, Iterable, Mapping

from market_maker.telemetry.metrics import Metrics

Totals = Mapping[str, int]
"""Totals since the start, by the value of the counter's label."""


class Tally:
    """Brings one counter with one label up to date, or with none: `label` is then None.

    `known` are label values that show as 0 from the start: a rate is blind to a series' first value.
    """

    def __init__(
        self,
        metrics: Metrics,
        name: str,
        label: str | None,
        totals: Callable[[], Totals],
        known: Iterable[str] = (),
    ) -> None:
        self._metrics = metrics
        self._name = name
        self._label = label
        self._totals = totals
        self._shown: dict[str, int] = {}
        for value in known:
            self._add(value, 0)

    def show(self) -> None:
        """Add what the totals have grown by since the last time."""
        for value, total in dict(self._totals()).items():
            self._add(value, total)

    def _add(self, value: str, total: int) -> None:
        labels = {} if self._label is None else {self._label: value}
        self._metrics.counter(self._name, **labels).inc(total - self._shown.get(value, 0))
        self._shown[value] = total
