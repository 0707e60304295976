"""Changes that a slip of the finger would make dear need `confirm` in the same request."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import view_of
from market_maker.core.config import SymbolConfig
from market_maker.core.view import PnlView

BTC = "/v1/mm-configs/BTC-USDT"


def holding(position: str = "0", inventory: str = "0", total: str = "0") -> PnlView:
    flat = view_of(SymbolConfig("BTC-USDT")).pnl
    amounts = Decimal(position), Decimal(inventory), Decimal(total)
    return replace(flat, position=amounts[0], inventory_usdt=amounts[1], realized=amounts[2])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_size_usdt": "1000.01"}, "order_size_usdt"),
        ({"max_position_usdt": 100_001}, "max_position_usdt"),
        ({"max_loss_usdt": "5000.1"}, "max_loss_usdt"),
        ({"mark_divergence_bps": "2001"}, "mark_divergence_bps"),
        ({"base_spread_bps": "0.99"}, "base_spread_bps"),
    ],
)
async def test_a_leap_by_more_than_ten_needs_to_be_confirmed(
    api: Api, desk: FakeDesk, change: dict[str, Any], field: str
) -> None:
    before = desk.views["BTC-USDT"].config
    refused = await api.put(BTC, change)
    assert (refused.status, refused.code, refused.fields) == (409, "CONFIRMATION_NEEDED", {field})
    assert '"confirm": true' in refused.body["detail"]
    assert desk.views["BTC-USDT"].config == before
    assert (await api.put(BTC, {**change, "confirm": False})).status == 409
    assert (await api.put(BTC, {**change, "confirm": True})).status == 200
    assert getattr(desk.views["BTC-USDT"].config, field) == Decimal(change[field])


@pytest.mark.parametrize(
    "change",
    [{"order_size_usdt": 1000}, {"max_loss_usdt": "0.01"}, {"base_spread_bps": "1"}, {"num_levels": 20}],
)
async def test_what_is_within_ten_or_only_makes_it_safer_needs_no_word(
    api: Api, change: dict[str, object]
) -> None:
    assert (await api.put(BTC, change)).status == 200


async def test_every_leap_of_a_request_is_named(api: Api) -> None:
    answer = await api.put(BTC, {"base_spread_bps": "0.1", "max_loss_usdt": 10_000})
    assert answer.fields == {"base_spread_bps", "max_loss_usdt"}


@pytest.mark.parametrize(
    ("pnl", "change"),
    [
        (holding(position="-2", inventory="-400"), {"max_position_usdt": 399}),
        (holding(total="-80"), {"max_loss_usdt": "79.9"}),
    ],
)
async def test_a_limit_that_is_broken_already_needs_to_be_confirmed(
    api: Api, desk: FakeDesk, pnl: PnlView, change: dict[str, Any]
) -> None:
    desk.change("BTC-USDT", pnl=pnl)
    refused = await api.put(BTC, change)
    assert (refused.status, refused.code, refused.fields) == (409, "CONFIRMATION_NEEDED", set(change))
    assert "would halt the symbol at once" in refused.body["detail"]
    assert (await api.put(BTC, {"num_levels": 2})).status == 200
    assert (await api.put(BTC, {**change, "confirm": True})).status == 200


async def test_the_reason_of_a_change_is_in_the_audit_trail_and_no_part_of_the_configuration(
    api: Api, desk: FakeDesk
) -> None:
    answer = await api.put(BTC, {"num_levels": 2, "reason": "deeper for the night"})
    assert answer.status == 200
    assert "reason" not in answer.body
    assert [row.why for row in desk.trail] == ["deeper for the night"]
    assert (await api.put(BTC, {"num_levels": 2, "reason": " "})).fields == {"reason"}


async def test_deleting_a_symbol_with_a_position_needs_to_be_confirmed(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", pnl=holding(position="0.5"))
    refused = await api.delete(BTC)
    assert (refused.status, refused.code) == (409, "CONFIRMATION_NEEDED")
    assert "a position of 0.5" in refused.body["detail"]
    assert "BTC-USDT" in desk.views
    body = {"confirm": True, "reason": "moved to another desk"}
    assert (await api.call("DELETE", BTC, body=body)).status == 204
    assert [row.why for row in desk.trail] == ["moved to another desk"]


async def test_a_deletion_is_confirmed_in_its_query_too(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", pnl=holding(position="0.5"))
    assert (await api.delete(f"{BTC}?confirm=false")).status == 409
    assert (await api.delete(f"{BTC}?confirm=true")).status == 204


async def test_deleting_what_nobody_runs_looks_at_the_stored_position(api: Api, desk: FakeDesk) -> None:
    desk.ownerless["SOL-USDT"] = SymbolConfig("SOL-USDT")
    desk.positions["SOL-USDT"] = Decimal(-3)
    assert (await api.delete("/v1/mm-configs/SOL-USDT")).code == "CONFIRMATION_NEEDED"
    assert (await api.delete("/v1/mm-configs/SOL-USDT?confirm=true")).status == 204
