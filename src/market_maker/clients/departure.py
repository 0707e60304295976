"""The last step of an order on its way out: where it can still be held back."""

from typing import Protocol


class Gate(Protocol):
    """Decides over one order, at the moment at which it would leave."""

    def is_open(self) -> bool:
        """Whether it would be let pass now; changes nothing."""

    def lets_pass(self) -> bool:
        """Whether it passes. Asked once; the order leaves at once if so."""
