"""The three parts of a result are the ledger's total, whatever happens and in whatever order."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from market_maker.core.ledger.inventory import Inventory
from market_maker.core.results import NOTHING, Parts
from market_maker.core.side import Side


@dataclass(frozen=True)
class Fill:
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal


@dataclass(frozen=True)
class Price:
    """The ledger values by this price from here on; None: by none."""

    mid: Decimal | None


class Rebase:
    """A reset moves the baseline to now."""


class Restart:
    """A process reads back what is stored; it knows no price."""


def decimals(lowest: str, highest: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(lowest, highest, places=places, allow_nan=False)


prices = st.one_of(decimals("0.01", "100000", 2), decimals("0.00000001", "0.001", 8))
fills = st.builds(
    Fill, st.sampled_from(Side), prices, decimals("0.00001", "1000", 5), decimals("-10", "10", 6)
)
steps = st.lists(
    st.one_of(
        fills, fills, st.builds(Price, st.one_of(prices, st.none())), st.builds(Rebase), st.builds(Restart)
    ),
    max_size=40,
)


@given(steps)
def test_the_parts_are_the_total_at_every_step(
    history: list[Fill | Price | Rebase | Restart],
) -> None:
    inventory, mid = Inventory(), None
    baseline, parts_baseline = Decimal(0), NOTHING
    for step in history:
        match step:
            case Fill():
                inventory.apply(step.side, step.price, step.quantity, step.fee, mid)
            case Price():
                mid = step.mid
            case Rebase():
                baseline, parts_baseline = total(inventory, mid), inventory.parts(mid)
            case Restart():
                inventory, mid = Inventory.from_row(inventory.to_row()), None
        assert inventory.parts(mid).total == total(inventory, mid)
        since = inventory.parts(mid).since(parts_baseline)
        assert since.total == total(inventory, mid) - baseline


@given(steps)
def test_each_part_is_the_sum_of_its_own_steps(history: list[Fill | Price | Rebase | Restart]) -> None:
    """Tick by tick, in fractions, as the definition says; while no price is known, by cost."""
    inventory, mid = Inventory(), None
    spread = drift = fees = Fraction(0)
    worth = Fraction(0)
    for step in history:
        if isinstance(step, Fill):
            signed = step.side.sign * Fraction(step.quantity)
            inventory.apply(step.side, step.price, step.quantity, step.fee, mid)
            after = valued(inventory, mid)
            fees += Fraction(step.fee)
            if mid is not None:
                spread += signed * (Fraction(mid) - Fraction(step.price))
            else:
                drift += after - worth - signed * Fraction(step.price)
            worth = after
        elif isinstance(step, Price):
            mid = step.mid
            drift, worth = drift + valued(inventory, mid) - worth, valued(inventory, mid)
        parts = inventory.parts(mid)
        assert (Fraction(parts.spread), Fraction(parts.inventory), Fraction(parts.fees)) == (
            spread,
            drift,
            fees,
        )


@given(steps)
def test_parts_since_themselves_are_nothing(history: list[Fill | Price | Rebase | Restart]) -> None:
    inventory = Inventory()
    for step in history:
        if isinstance(step, Fill):
            inventory.apply(step.side, step.price, step.quantity, step.fee, step.price)
    parts = inventory.parts(None)
    assert parts.since(parts) == Parts()


def total(inventory: Inventory, mid: Decimal | None) -> Decimal:
    return inventory.realized + (inventory.unrealized(mid) if mid is not None else 0)


def valued(inventory: Inventory, mid: Decimal | None) -> Fraction:
    row = inventory.to_row()
    return Fraction(row.open_cost) if mid is None else Fraction(row.position) * Fraction(mid)
