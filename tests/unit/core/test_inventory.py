"""Average cost in numbers worked out by hand."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from tests.support.folding import fold

from market_maker.core.commands import PositionRow
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side

ZERO = Decimal(0)
BUY, SELL = Side.BUY, Side.SELL


@dataclass(frozen=True)
class Fill:
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    mid: Decimal | None = None


def fill(side: Side, quantity: str, price: str, fee: str = "0") -> Fill:
    return Fill(side, Decimal(price), Decimal(quantity), Decimal(fee))


def after(*fills: Fill) -> Inventory:
    inventory = Inventory()
    for one in fills:
        inventory.apply(one.side, one.price, one.quantity, one.fee)
    return inventory


def test_a_new_inventory_is_flat() -> None:
    inventory = Inventory()
    assert inventory.position == 0
    assert inventory.average_entry is None
    assert inventory.realized == 0
    assert inventory.unrealized(Decimal(100)) == 0
    assert inventory.value(Decimal(100)) == 0


def test_buying_more_averages_the_entry_and_realizes_nothing() -> None:
    inventory = after(fill(BUY, "1", "100"), fill(BUY, "3", "104"))
    assert inventory.position == 4
    assert inventory.average_entry == 103
    assert inventory.realized == 0
    assert inventory.unrealized(Decimal(110)) == 28
    assert inventory.value(Decimal(110)) == 440


def test_selling_short_is_the_mirror_image() -> None:
    inventory = after(fill(SELL, "1", "100"), fill(SELL, "3", "104"))
    assert inventory.position == -4
    assert inventory.average_entry == 103
    assert inventory.unrealized(Decimal(110)) == -28
    assert inventory.value(Decimal(110)) == -440


def test_reducing_realizes_against_the_average_entry_and_leaves_it() -> None:
    inventory = after(fill(BUY, "1", "100"), fill(BUY, "3", "104"), fill(SELL, "2", "110"))
    assert inventory.position == 2
    assert inventory.average_entry == 103
    assert inventory.realized == 14


def test_reducing_a_short_realizes_what_it_costs_to_buy_back() -> None:
    inventory = after(fill(SELL, "4", "103"), fill(BUY, "1", "110"))
    assert inventory.position == -3
    assert inventory.average_entry == 103
    assert inventory.realized == -7


def test_closing_leaves_nothing_open() -> None:
    inventory = after(fill(BUY, "0.3", "100"), fill(SELL, "0.3", "90"))
    assert inventory.position == 0
    assert inventory.average_entry is None
    assert inventory.to_row().open_cost == 0
    assert inventory.realized == -3


def test_a_fill_through_zero_closes_at_the_old_entry_and_opens_at_the_fill_price() -> None:
    long_to_short = after(fill(BUY, "2", "100"), fill(SELL, "5", "110"))
    assert long_to_short.position == -3
    assert long_to_short.average_entry == 110
    assert long_to_short.realized == 20
    short_to_long = after(fill(SELL, "2", "100"), fill(BUY, "5", "110"))
    assert short_to_long.position == 3
    assert short_to_long.average_entry == 110
    assert short_to_long.realized == -20


def test_fees_are_taken_from_realized_and_a_rebate_adds() -> None:
    inventory = after(fill(BUY, "1", "100", "0.25"), fill(SELL, "1", "101", "-0.05"))
    assert inventory.realized == Decimal("0.8")
    assert inventory.to_row().fees == Decimal("0.2")


def test_an_entry_that_does_not_divide_is_rounded_only_for_showing() -> None:
    inventory = after(fill(BUY, "1", "1"), fill(BUY, "2", "2"), fill(SELL, "1", "3"))
    # Cost 5 for 3: a third of it leaves, rounded half even to 18 places.
    removed = Decimal("1.666666666666666667")
    assert inventory.to_row().open_cost == 5 - removed
    assert inventory.realized == 3 - removed
    assert inventory.average_entry == Decimal("1.666666666666666666")  # half of 3.333333333333333333, even
    closed = after(fill(BUY, "1", "1"), fill(BUY, "2", "2"), fill(SELL, "1", "3"), fill(SELL, "2", "3"))
    assert closed.realized == 4


def test_volume_and_count_cover_every_fill() -> None:
    row = after(fill(BUY, "2", "100"), fill(SELL, "5", "110"), fill(BUY, "1", "90")).to_row()
    assert (row.fill_count, row.volume) == (3, Decimal(840))


def test_amounts_wider_than_ordinary_precision_lose_no_digit() -> None:
    quantity, price = "123456789012345.123456789", "98765.432109876"
    row = after(fill(BUY, quantity, price)).to_row()
    assert Fraction(row.volume) == Fraction(row.open_cost) == Fraction(quantity) * Fraction(price)


def test_an_inventory_goes_through_its_row_unchanged() -> None:
    inventory = after(fill(BUY, "1", "1"), fill(BUY, "2", "2", "0.1"), fill(SELL, "1", "3"))
    row = inventory.to_row()
    restored = Inventory.from_row(row)
    assert restored.to_row() == row
    for one in (inventory, restored):
        one.apply(SELL, Decimal(4), Decimal(7), ZERO)
    assert restored.to_row() == inventory.to_row()


def test_the_fold_of_a_history_is_the_inventory_after_it() -> None:
    history = [fill(BUY, "2", "100", "0.1"), fill(SELL, "5", "110"), fill(BUY, "1", "90", "-0.2")]
    assert fold(history) == after(*history).to_row()
    assert fold([]) == PositionRow(ZERO, ZERO, ZERO, ZERO, 0, ZERO)


@pytest.mark.parametrize(
    ("price", "quantity", "fee", "field"),
    [
        ("0", "1", "0", "price"),
        ("-1", "1", "0", "price"),
        ("NaN", "1", "0", "price"),
        ("1", "0", "0", "quantity"),
        ("1", "-1", "0", "quantity"),
        ("1", "Infinity", "0", "quantity"),
        ("1", "1", "NaN", "fee"),
    ],
)
def test_what_cannot_be_a_fill_is_refused_by_field_and_changes_nothing(
    price: str, quantity: str, fee: str, field: str
) -> None:
    inventory = after(fill(BUY, "1", "100"))
    before = inventory.to_row()
    with pytest.raises(ValueError, match=f"fill: {field} must be"):
        inventory.apply(BUY, Decimal(price), Decimal(quantity), Decimal(fee))
    assert inventory.to_row() == before
