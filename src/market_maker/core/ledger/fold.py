"""What the stored fills of a symbol make, one after the other: what a start needs and a checkpoint keeps.

A checkpoint is a fold written down. Whatever is added to the fold must follow from the fills alone, or a
fold that goes on from a checkpoint would differ from one of the whole history. Written down it has a version:
a start that finds another one folds everything.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol, Self

from market_maker.core.commands import PositionRow
from market_maker.core.instrument import EXACT
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.order_tracker import RECENT_ORDERS_MAX
from market_maker.core.side import Side

VERSION: Final = 2
"""Count it up when the fold gains, loses or changes anything."""

_AMOUNTS: Final = (
    "position",
    "open_cost",
    "realized_pnl",
    "fees",
    "volume",
    "spread_capture",
    "inventory_pnl",
    "worth",
)
_ZERO: Final = Decimal(0)


class UnreadableFoldError(ValueError):
    """A fold that another version wrote, or none at all."""


class StoredFill(Protocol):
    """What the fold needs of a fill: price and fee in quote currency, quantity in base currency."""

    @property
    def id(self) -> int:
        """Its place in the order of the fold; rises."""

    @property
    def order_id(self) -> str:
        """The exchange's id of our order."""

    @property
    def side(self) -> Side:
        """Our side."""

    @property
    def price(self) -> Decimal:
        """Quote currency."""

    @property
    def quantity(self) -> Decimal:
        """Base currency, positive."""

    @property
    def fee(self) -> Decimal:
        """Quote currency; negative is a rebate."""

    @property
    def mid(self) -> Decimal | None:
        """The price that valued the position when the fill was counted; None: there was none."""


class Fold:
    """The fills of one symbol up to `last_id`."""

    __slots__ = ("filled", "inventory", "last_id")

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.filled: dict[str, Decimal] = {}
        """What each of the latest orders has filled, by the exchange's id; the latest is the last."""
        self.last_id = 0

    def apply(self, fill: StoredFill) -> None:
        """Count the next fill. ValueError when it cannot be one."""
        if fill.id <= self.last_id:
            raise ValueError(f"fill {fill.id} comes after fill {self.last_id}")
        self.inventory.apply(fill.side, fill.price, fill.quantity, fill.fee, fill.mid)
        filled = self.filled
        filled[fill.order_id] = EXACT.add(filled.pop(fill.order_id, _ZERO), fill.quantity)
        if len(filled) > RECENT_ORDERS_MAX:
            del filled[next(iter(filled))]
        self.last_id = fill.id

    @property
    def position(self) -> PositionRow:
        """The position that the fills make."""
        return self.inventory.to_row()

    def to_json(self) -> dict[str, Any]:
        """Everything but `last_id`, as JSON can carry it: amounts are decimal text."""
        row = self.position
        amounts = {name: str(getattr(row, name)) for name in _AMOUNTS}
        filled = [[order_id, str(quantity)] for order_id, quantity in self.filled.items()]
        return {"version": VERSION, "fill_count": row.fill_count, **amounts, "filled": filled}

    @classmethod
    def from_json(cls, last_id: int, written: Mapping[str, Any]) -> Self:
        """The fold as it was written. Raises UnreadableFoldError."""
        if written.get("version") != VERSION:
            raise UnreadableFoldError(f"version {written.get('version')!r}, this one reads {VERSION}")
        fold = cls()
        try:
            amounts = {name: Decimal(written[name]) for name in _AMOUNTS}
            row = PositionRow(fill_count=int(written["fill_count"]), **amounts)
            fold.filled = {order_id: Decimal(quantity) for order_id, quantity in written["filled"]}
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise UnreadableFoldError(f"{type(error).__name__}: {error}") from error
        fold.inventory = Inventory.from_row(row)
        fold.last_id = last_id
        return fold

    def difference(self, other: "Fold") -> str:
        """What differs from another fold of the same fills, for an operator; empty when nothing does."""
        ours, theirs = self.position, other.position
        differing = [
            f"{name} {getattr(ours, name):f} is not {getattr(theirs, name):f}"
            for name in _AMOUNTS
            if getattr(ours, name) != getattr(theirs, name)
        ]
        if ours.fill_count != theirs.fill_count:
            differing.insert(0, f"{ours.fill_count} fills are not {theirs.fill_count}")
        if list(self.filled.items()) != list(other.filled.items()):
            differing.append("what the latest orders filled differs")
        if self.last_id != other.last_id:
            differing.append(f"last fill {self.last_id} is not {other.last_id}")
        return ", ".join(differing)
