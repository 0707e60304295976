"""What a run looks for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation(Exception):  # noqa: N818 -- what the run has found, not a failure of the simulation
    """An invariant does not hold."""

    number: int
    """As in the list of `checks`; 0: the engine itself raised."""
    text: str

    def __str__(self) -> str:
        return f"invariant {self.number}: {self.text}"
