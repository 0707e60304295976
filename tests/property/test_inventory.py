"""What must hold of every history of fills, exactly and not nearly."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.support.folding import fold

from market_maker.core.ledger.inventory import COST_STEP, Inventory
from market_maker.core.side import Side


@dataclass(frozen=True)
class Fill:
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    mid: Decimal | None = None


def decimals(lowest: str, highest: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(lowest, highest, places=places, allow_nan=False)


prices = st.one_of(decimals("0.01", "100000", 2), decimals("0.00000001", "0.001", 8))
quantities = st.one_of(decimals("0.00001", "10", 5), decimals("1", "1000000", 0))
fees = decimals("-10", "10", 6)
histories = st.lists(st.builds(Fill, st.sampled_from(Side), prices, quantities, fees), max_size=25)


def exact(value: Decimal) -> Fraction:
    return Fraction(value)


@given(histories)
def test_the_position_is_the_sum_of_the_signed_quantities(history: list[Fill]) -> None:
    assert exact(fold(history).position) == sum(one.side.sign * exact(one.quantity) for one in history)


@given(histories, prices)
def test_realized_plus_unrealized_is_cash_plus_inventory_minus_fees(
    history: list[Fill], price: Decimal
) -> None:
    inventory = Inventory.from_row(fold(history))
    cash = sum((-one.side.sign * exact(one.price) * exact(one.quantity) for one in history), Fraction(0))
    paid = sum((exact(one.fee) for one in history), Fraction(0))
    total = exact(inventory.realized) + exact(inventory.unrealized(price))
    assert total == cash + exact(inventory.position) * exact(price) - paid
    assert exact(inventory.value(price)) == exact(inventory.position) * exact(price)


@given(histories)
def test_fees_volume_and_count_are_plain_sums(history: list[Fill]) -> None:
    row = fold(history)
    assert exact(row.fees) == sum(exact(one.fee) for one in history)
    assert exact(row.volume) == sum(exact(one.price) * exact(one.quantity) for one in history)
    assert row.fill_count == len(history)


@given(histories)
def test_a_flat_position_has_no_open_cost_and_an_open_one_has_a_cost_of_its_own_sign(
    history: list[Fill],
) -> None:
    inventory = Inventory()
    for one in history:
        inventory.apply(one.side, one.price, one.quantity, one.fee)
        row = inventory.to_row()
        if row.position == 0:
            assert row.open_cost == 0
            assert inventory.average_entry is None
        else:
            assert row.open_cost * row.position >= 0


@given(histories)
def test_the_average_entry_lies_between_the_prices_paid_for_what_is_open(history: list[Fill]) -> None:
    inventory = Inventory()
    opened: list[Decimal] = []
    for one in history:
        before = inventory.position
        inventory.apply(one.side, one.price, one.quantity, one.fee)
        if before * inventory.position <= 0:
            opened = []
        if abs(inventory.position) > abs(before) or not opened:
            opened.append(one.price)
        entry = inventory.average_entry
        if entry is not None:
            rounding = len(history) * COST_STEP / abs(inventory.position) + COST_STEP
            assert min(opened) - rounding <= entry <= max(opened) + rounding


@given(histories, st.integers(0, 25))
def test_a_history_can_be_cut_anywhere_and_continued_from_its_row(history: list[Fill], cut: int) -> None:
    inventory = Inventory.from_row(fold(history[:cut]))
    for one in history[cut:]:
        inventory.apply(one.side, one.price, one.quantity, one.fee)
    assert inventory.to_row() == fold(history)
