"""Limits over all symbols: what is known, what is not, and what that breaks."""

from decimal import Decimal

from market_maker.core.risk.house_limits import Held, House, HouseLimits, broken, measure


def held(symbol: str, inventory: int | None, loss: int | None = 0) -> Held:
    """A symbol that may hold 1000 and lose 50."""
    return Held(
        symbol,
        None if inventory is None else Decimal(inventory),
        None if loss is None else Decimal(loss),
        Decimal(1000),
        Decimal(50),
    )


def house(*symbols: Held, gross: int | None = None, net: int | None = None, loss: int | None = None) -> House:
    limits = [None if one is None else Decimal(one) for one in (gross, net, loss)]
    return measure(HouseLimits(*limits), symbols)


def test_gross_adds_what_net_sets_off() -> None:
    both = house(held("A", 700), held("B", -600), gross=1000, net=1000)
    gross, net = both.uses
    assert (gross.known_usdt, net.known_usdt) == (Decimal(1300), Decimal(100))
    assert broken(both, unknown_counts=False) == (
        "gross inventory 1300 USDT over all symbols",
        "1000 USDT",
    )


def test_an_inventory_that_nobody_can_tell_counts_with_all_that_its_symbol_may_hold() -> None:
    half = house(held("A", 700), held("B", None), gross=1500, net=1500)
    assert [use.worst_usdt for use in half.uses] == [1700, 1700]
    assert broken(half, unknown_counts=False) is None
    assert broken(half, unknown_counts=True) == (
        "gross inventory up to 1700 USDT over all symbols, not known of B",
        "1500 USDT",
    )


def test_a_profit_of_one_symbol_pays_for_the_loss_of_another_and_the_unknown_for_nothing() -> None:
    assert broken(house(held("A", 0, 90), held("B", 0, -20), loss=75), unknown_counts=True) is None
    assert broken(house(held("A", 0, 90), loss=75), unknown_counts=False) is not None
    assert broken(house(held("A", 0, 30), held("B", 0, None), loss=75), unknown_counts=True) is not None


def test_exactly_the_limit_is_allowed() -> None:
    assert broken(house(held("A", 1000), gross=1000), unknown_counts=True) is None


def test_without_limits_there_is_nothing_to_break() -> None:
    assert not HouseLimits().any
    assert house(held("A", None, None)).uses == []
