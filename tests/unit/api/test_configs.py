from dataclasses import replace
from decimal import Decimal

import pytest

from lab.api import Answer, Api
from lab.desk import FakeDesk
from market_maker.core.config import SymbolConfig
from market_maker.core.states import State

BTC = "/v1/mm-configs/BTC-USDT"


async def test_configurations_are_listed_by_symbol(api: Api) -> None:
    answer = await api.get("/v1/mm-configs")
    assert answer.status == 200
    assert [item["symbol"] for item in answer.body["items"]] == ["BTC-USDT", "ETH-USDT"]


async def test_a_configuration_shows_every_field_with_decimals_as_strings(api: Api) -> None:
    answer = await api.get(BTC)
    assert answer.body == {
        "symbol": "BTC-USDT",
        "enabled": False,
        "base_spread_bps": "10.0",
        "order_size_usdt": "100.0",
        "inventory_skew_factor": "0.5",
        "max_position_usdt": "10000.0",
        "max_loss_usdt": "500.0",
        "volatility_multiplier": True,
        "num_levels": 1,
        "level_spacing_bps": "5.0",
        "check_staleness": False,
        "staleness_threshold_ms": "1000.0",
        "quote_interval_ms": "100.0",
        "price_threshold_bps": "5.0",
        "position_headroom_pct": "5.0",
        "reference_min_notional_usdt": "0.0",
        "mark_divergence_bps": "200.0",
        "resume_on_clean_handover": False,
        "model": "linear_skew",
        "model_parameters": {},
        "fair_value": "mid",
        "size_skew_eta": "0.0",
        "maker_fee_bps": "0.0",
        "min_edge_bps": "0.0",
        "fill_pause_ms": "0.0",
        "fill_burst_quantity": "0.0",
        "fill_burst_usdt": "0.0",
        "fill_burst_window_ms": "1000.0",
        "fill_burst_pause_ms": "10000.0",
    }


async def test_going_on_after_a_clean_hand_over_is_opted_into_and_kept(api: Api, desk: FakeDesk) -> None:
    answer = await api.put(BTC, {"resume_on_clean_handover": True})
    assert answer.body["resume_on_clean_handover"] is True
    assert (await api.put(BTC, {"num_levels": 2})).body["resume_on_clean_handover"] is True
    assert desk.views["BTC-USDT"].config.resume_on_clean_handover
    refused = await api.put(BTC, {"resume_on_clean_handover": 1})
    assert (refused.status, refused.fields) == (422, {"resume_on_clean_handover"})


async def test_a_new_configuration_takes_defaults_for_what_is_left_out(api: Api, desk: FakeDesk) -> None:
    answer = await api.post("/v1/mm-configs", {"symbol": "SOL-USDT", "num_levels": 3})
    assert answer.status == 201
    assert answer.headers["location"] == "/v1/mm-configs/SOL-USDT"
    assert desk.views["SOL-USDT"].config == SymbolConfig("SOL-USDT", num_levels=3)
    assert answer.body == (await api.get("/v1/mm-configs/SOL-USDT")).body


async def test_an_enabled_new_configuration_does_not_start(api: Api, desk: FakeDesk) -> None:
    await api.post("/v1/mm-configs", {"symbol": "SOL-USDT", "enabled": True})
    assert desk.views["SOL-USDT"].state is State.PAUSED


async def test_a_duplicate_configuration_is_refused(api: Api) -> None:
    answer = await api.post("/v1/mm-configs", {"symbol": "BTC-USDT"})
    assert (answer.status, answer.code) == (409, "DUPLICATE_CONFIG")


async def test_a_symbol_that_metadata_does_not_know_is_refused(api: Api) -> None:
    answer = await api.post("/v1/mm-configs", {"symbol": "NOPE"})
    assert (answer.status, answer.code) == (422, "SYMBOL_NOT_LISTED")


async def test_metadata_that_does_not_answer_is_told_apart(api: Api, desk: FakeDesk) -> None:
    desk.metadata_up = False
    answer = await api.post("/v1/mm-configs", {"symbol": "SOL-USDT"})
    assert (answer.status, answer.code) == (503, "METADATA_UNAVAILABLE")
    assert "retry-after" in answer.headers


async def test_a_database_that_is_down_is_said_so(api: Api, desk: FakeDesk) -> None:
    desk.database_up = False
    for answer in (await api.get("/v1/mm-configs"), await api.put(BTC, {"enabled": True})):
        assert (answer.status, answer.code) == (503, "DATABASE_UNAVAILABLE")


async def test_an_update_keeps_what_is_left_out(api: Api, desk: FakeDesk) -> None:
    before = replace(desk.views["BTC-USDT"].config, num_levels=4)
    desk.change("BTC-USDT", config=before)
    answer = await api.put(BTC, {"base_spread_bps": "25"})
    assert answer.status == 200
    assert desk.views["BTC-USDT"].config == replace(before, base_spread_bps=Decimal(25))


async def test_what_was_read_can_be_written_back(api: Api, desk: FakeDesk) -> None:
    before = desk.views["BTC-USDT"].config
    read = (await api.get(BTC)).body
    assert (await api.put(BTC, read)).body == read
    assert desk.views["BTC-USDT"].config == before


async def test_an_update_cannot_move_to_another_symbol(api: Api) -> None:
    answer = await api.put(BTC, {"symbol": "ETH-USDT"})
    assert (answer.status, answer.fields) == (422, {"symbol"})


async def test_disabling_an_active_symbol_pauses_it(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", state=State.ACTIVE)
    await api.put(BTC, {"enabled": False})
    assert desk.views["BTC-USDT"].state is State.PAUSED


async def test_limits_that_no_order_could_meet_are_refused(api: Api, desk: FakeDesk) -> None:
    answer = await api.put(BTC, {"max_position_usdt": "99"})
    assert (answer.status, answer.fields) == (422, {"max_position_usdt"})
    assert "order_size_usdt (100.0)" in answer.body["detail"]
    assert desk.views["BTC-USDT"].config.max_position_usdt == 10_000


async def test_a_configuration_is_deleted(api: Api, desk: FakeDesk) -> None:
    answer = await api.delete(BTC)
    assert (answer.status, answer.text) == (204, "")
    assert "BTC-USDT" not in desk.views


async def test_an_active_symbol_is_not_deleted(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", state=State.ACTIVE)
    answer = await api.delete(BTC)
    assert (answer.status, answer.code) == (409, "SYMBOL_ACTIVE")
    assert "BTC-USDT" in desk.views


async def test_an_unknown_symbol_is_404_on_every_route(api: Api) -> None:
    unknown = "/v1/mm-configs/XRP-USDT"
    calls = [("GET", unknown), ("DELETE", unknown)]
    calls += [("GET", f"{unknown}/{part}") for part in ("status", "quotes", "orders", "fills", "events")]
    calls += [("POST", f"{unknown}/{verb}") for verb in ("enable", "pause", "resume")]
    for method, path in calls:
        answer = await api.call(method, path)
        assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL"), path
        assert "XRP-USDT" in answer.body["detail"]
    assert (await api.put(unknown, {})).code == "UNKNOWN_SYMBOL"


def answered(answer: Answer) -> tuple[int, dict[str, object]]:
    """All of it but the request's own id."""
    return answer.status, {name: value for name, value in answer.body.items() if name != "request_id"}


@pytest.mark.parametrize(
    "body",
    [
        {"symbol": "SOL-USDT", "num_levels": 3},
        {"symbol": "BTC-USDT"},
        {"symbol": "NOPE"},
        {"symbol": "SOL-USDT", "order_size_usdt": "500", "max_position_usdt": "100"},
        {"symbol": "SOL-USDT", "model": "glft", "model_parameters": {"nothing": "1"}},
        {"symbol": "SOL-USDT", "num_levels": 2.5, "fair_value": "guess"},
    ],
)
async def test_a_dry_run_of_a_new_configuration_answers_as_the_real_one_and_configures_nothing(
    api: Api, desk: FakeDesk, body: dict[str, object]
) -> None:
    dry = await api.post("/v1/mm-configs", {**body, "dry_run": True})
    assert (desk.changed_by, desk.trail) == ([], [])
    assert answered(dry) == answered(await api.post("/v1/mm-configs", body))


@pytest.mark.parametrize(
    "body",
    [
        {"num_levels": 3},
        {"num_levels": 3, "replaces": 7},
        {"max_loss_usdt": "99999"},
        {"max_loss_usdt": "99999", "confirm": True},
        {"max_position_usdt": "1"},
        {"enabled": "yes"},
    ],
)
async def test_a_dry_run_of_a_change_answers_as_the_real_one_and_changes_nothing(
    api: Api, desk: FakeDesk, body: dict[str, object]
) -> None:
    dry = await api.put(BTC, {**body, "dry_run": True})
    assert (desk.changed_by, desk.trail) == ([], [])
    assert answered(dry) == answered(await api.put(BTC, body))
