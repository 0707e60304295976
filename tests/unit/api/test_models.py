"""Quoting models at the configuration's door."""

from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lab.api import Api
from lab.desk import FakeDesk

BTC = "/v1/mm-configs/BTC-USDT"


async def test_a_model_is_chosen_with_its_parameters_and_shown_with_all_of_them(
    api: Api, desk: FakeDesk
) -> None:
    answer = await api.put(BTC, {"model": "glft", "model_parameters": {"gamma": "0.05", "delta": 2}})
    assert (answer.status, answer.body["model"]) == (200, "glft"), answer.text
    assert answer.body["model_parameters"] == {
        "gamma": "0.05",
        "xi": "0",
        "delta": "2",
        "window_s": "600",
        "sigma_ticks": "0",
        "k_per_tick": "0",
        "a_per_s": "0",
    }
    stored = desk.views["BTC-USDT"].config
    assert stored.model_parameters == (("delta", Decimal(2)), ("gamma", Decimal("0.05")))


async def test_parameters_that_are_left_out_keep_their_value_until_the_model_changes(
    api: Api, desk: FakeDesk
) -> None:
    await api.put(BTC, {"model": "glft", "model_parameters": {"gamma": "0.05"}})
    await api.put(BTC, {"model_parameters": {"delta": "2"}})
    assert dict(desk.views["BTC-USDT"].config.model_parameters) == {
        "gamma": Decimal("0.05"),
        "delta": Decimal(2),
    }
    await api.put(BTC, {"num_levels": 2})
    assert len(desk.views["BTC-USDT"].config.model_parameters) == 2
    await api.put(BTC, {"model": "avellaneda_stoikov"})
    assert not desk.views["BTC-USDT"].config.model_parameters


async def test_a_new_configuration_may_name_a_model(api: Api, desk: FakeDesk) -> None:
    body = {"symbol": "SOL-USDT", "model": "avellaneda_stoikov", "model_parameters": {"tau_s": "60"}}
    assert (await api.post("/v1/mm-configs", body)).status == 201
    assert desk.views["SOL-USDT"].config.model == "avellaneda_stoikov"


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"model": "magic"}, {"model"}),
        ({"model": 7}, {"model"}),
        ({"model": None}, {"model"}),
        ({"model": "glft", "model_parameters": {"gamma": "0"}}, {"model_parameters.gamma"}),
        ({"model": "glft", "model_parameters": {"gamma": "NaN"}}, {"model_parameters.gamma"}),
        (
            {"model": "glft", "model_parameters": {"gamma": [], "tau_s": 1}},
            {"model_parameters.gamma", "model_parameters.tau_s"},
        ),
        ({"model_parameters": {"gamma": "0.1"}}, {"model_parameters.gamma"}),
        ({"model_parameters": []}, {"model_parameters"}),
        ({"fair_value": "best"}, {"fair_value"}),
        ({"maker_fee_bps": "-100.1"}, {"maker_fee_bps"}),
        ({"maker_fee_bps": "--1"}, {"maker_fee_bps"}),
        ({"size_skew_eta": -1}, {"size_skew_eta"}),
        ({"fill_burst_window_ms": "0"}, {"fill_burst_window_ms"}),
    ],
)
async def test_what_no_model_takes_is_refused_by_the_name_of_its_field(
    api: Api, change: dict[str, Any], fields: set[str]
) -> None:
    answer = await api.put(BTC, change)
    assert (answer.status, answer.fields) == (422, fields), answer.text


async def test_an_unknown_model_is_answered_with_those_that_there_are(api: Api) -> None:
    answer = await api.put(BTC, {"model": "magic"})
    assert "linear_skew, avellaneda_stoikov, glft" in answer.body["detail"]


@pytest.mark.parametrize(("value", "shown"), [("-0.25", "-0.25"), (-1, "-1"), ("100", "100"), (-100, "-100")])
async def test_a_rebate_is_a_negative_fee(api: Api, value: object, shown: str) -> None:
    assert (await api.put(BTC, {"maker_fee_bps": value})).body["maker_fee_bps"] == shown


async def test_each_model_has_a_schema_with_unit_range_default_and_a_sentence(api: Api) -> None:
    document = (await api.get("/openapi.json")).body
    schema = document["components"]["schemas"]["ConfigCreate"]
    models = {one["title"]: one for one in schema["properties"]["model_parameters"]["anyOf"]}
    assert (
        list(models) == schema["properties"]["model"]["enum"] == ["linear_skew", "avellaneda_stoikov", "glft"]
    )
    for model in models.values():
        assert model["description"]
        for name, field in model["properties"].items():
            assert field["x-unit"], name
            assert field["description"].endswith("."), name
            assert Draft202012Validator({"anyOf": field["anyOf"]}).is_valid(field["default"]), name
            assert field["anyOf"][1]["minimum"] < field["anyOf"][1]["maximum"]


async def test_the_schema_takes_a_models_own_parameters_only(api: Api) -> None:
    document = (await api.get("/openapi.json")).body
    validator = Draft202012Validator(document["components"]["schemas"]["ConfigCreate"])
    body = {"symbol": "SOL-USDT", "model": "glft"}
    assert validator.is_valid({**body, "model_parameters": {"a_per_s": "140"}})
    assert not validator.is_valid({**body, "model_parameters": {"tau_s": "1"}})


async def test_the_status_names_the_model_and_the_one_that_quotes(api: Api) -> None:
    status = (await api.get("/v1/mm-configs/BTC-USDT/status")).body
    assert status["model"] == {
        "name": "linear_skew",
        "quotes_by": "linear_skew",
        "why_not_code": "",
        "why_not": "",
    }
