"""Which change of a configuration a second person has to approve."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from market_maker.core.config import SymbolConfig
from market_maker.core.loosening import RULES, Riskier, loosened, raised_limits

BEFORE = SymbolConfig("BTC-USDT", enabled=True, num_levels=3)


def test_every_field_of_a_configuration_says_which_way_risks_more() -> None:
    assert list(RULES) == [field.name for field in fields(SymbolConfig)]
    assert all(rule.why for rule in RULES.values())


def moved(name: str, up: bool) -> SymbolConfig:
    was: Any = getattr(BEFORE, name)
    lower = was - 1 if isinstance(was, int) else was / 2
    changed: dict[str, Any] = {name: was + 1 if up else lower}
    return replace(BEFORE, **changed)


NUMBERS = [name for name in RULES if isinstance(getattr(BEFORE, name), Decimal | int) and name != "symbol"]
FLAGS = [name for name in RULES if isinstance(getattr(BEFORE, name), bool)]


@pytest.mark.parametrize("name", [name for name in NUMBERS if name not in FLAGS])
def test_a_number_waits_the_way_that_risks_more_and_never_the_other_way(name: str) -> None:
    riskier = RULES[name].riskier
    raised, lowered = loosened(BEFORE, moved(name, up=True)), loosened(BEFORE, moved(name, up=False))
    assert raised == ((name,) if riskier in (Riskier.UP, Riskier.ANY) else ())
    if getattr(BEFORE, name):  # 0 is the least, or off
        assert lowered == ((name,) if riskier in (Riskier.DOWN, Riskier.ANY) else ())


@pytest.mark.parametrize("name", [name for name in RULES if RULES[name].riskier is Riskier.UP_OR_OFF])
def test_a_limit_that_0_takes_away_waits_when_it_is_raised_or_taken_away(name: str) -> None:
    values: list[dict[str, Any]] = [{name: Decimal(value)} for value in (0, 10, 20)]
    off, low, high = (replace(BEFORE, **value) for value in values)
    assert [loosened(low, high), loosened(low, off), loosened(high, off)] == [(name,)] * 3
    assert [loosened(off, low), loosened(off, high), loosened(high, low)] == [()] * 3


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_waits_one_way_only(name: str) -> None:
    values: list[dict[str, Any]] = [{name: True}, {name: False}]
    on, off = (replace(BEFORE, **value) for value in values)
    assert loosened(off, on) == ((name,) if RULES[name].riskier is Riskier.ON else ())
    assert loosened(on, off) == ((name,) if RULES[name].riskier is Riskier.OFF else ())


def test_a_change_that_tightens_one_thing_and_loosens_another_waits() -> None:
    after = replace(BEFORE, max_loss_usdt=Decimal(1), base_spread_bps=Decimal(1))
    assert loosened(BEFORE, after) == ("base_spread_bps",)


def test_what_pauses_a_symbol_waits_for_nobody() -> None:
    assert loosened(BEFORE, replace(BEFORE, enabled=False)) == ()


def test_limits_are_what_has_an_owner() -> None:
    after = replace(BEFORE, max_loss_usdt=Decimal(10**6), order_size_usdt=Decimal(10**6))
    assert raised_limits(BEFORE, after) == ("max_loss_usdt",)
    assert raised_limits(after, BEFORE) == ()
