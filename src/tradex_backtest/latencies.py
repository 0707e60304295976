"""How long things take on their way, drawn from distributions, the same draws for the same seed.

A distribution is its quantiles, from the 0th to the 100th in even steps; a draw lies on the line between two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Distribution:
    """Nanoseconds at evenly spaced quantiles; one value is a constant."""

    quantiles_ns: tuple[int, ...]

    @classmethod
    def of(cls, samples: Sequence[int], steps: int = 100) -> "Distribution":
        """The distribution of what was measured; at least one sample."""
        ordered = sorted(samples)
        last = len(ordered) - 1
        return cls(tuple(ordered[last * step // steps] for step in range(steps + 1)))

    def draws(self, seed: str) -> Callable[[], int]:
        """An endless source of durations."""
        quantiles = self.quantiles_ns
        if len(quantiles) == 1:
            constant = quantiles[0]
            return lambda: constant
        last, uniform = len(quantiles) - 1, Random(seed).random  # noqa: S311 -- draws, not secrets

        def draw() -> int:
            place = uniform() * last
            below = int(place)
            low = quantiles[below]
            return low + int((quantiles[below + 1] - low) * (place - below))

        return draw


@dataclass(frozen=True, slots=True)
class OneWayLatencies:
    """One way each: market data to the engine, requests to the exchange, answers and engine events back."""

    feed: Distribution
    order: Distribution
    answer: Distribution
