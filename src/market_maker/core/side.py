"""The side of an order."""

from enum import Enum


class Side(Enum):
    """Side of an order, seen from its owner."""

    BUY = "BUY"
    SELL = "SELL"

    __hash__ = object.__hash__  # an Enum's own is a call for each look-up in a dictionary by side

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL: the direction in which a fill moves the position."""
        return 1 if self is _BUY else -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is _BUY else Side.BUY


_BUY = Side.BUY
