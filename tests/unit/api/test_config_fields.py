import pytest

from lab.api import Api

BTC = "/v1/mm-configs/BTC-USDT"

RANGES = {
    "base_spread_bps": ("0.0001", "1000"),
    "order_size_usdt": ("0.0001", "10000"),
    "inventory_skew_factor": ("0", "10"),
    "max_position_usdt": ("100", "1000000000000"),
    "max_loss_usdt": ("0.0001", "1000000000000"),
    "level_spacing_bps": ("0", "1000"),
    "staleness_threshold_ms": ("1", "600000"),
    "quote_interval_ms": ("10", "60000"),
    "price_threshold_bps": ("0", "1000"),
    "position_headroom_pct": ("0", "50"),
    "reference_min_notional_usdt": ("0", "1000000000"),
    "mark_divergence_bps": ("0.0001", "10000"),
}
"""Ends of each range that are accepted; the defaults of the other fields narrow two of them."""

DECIMALS = list(RANGES)


@pytest.mark.parametrize("field", DECIMALS)
async def test_both_ends_of_a_range_are_accepted(api: Api, field: str) -> None:
    for value in RANGES[field]:
        answer = await api.put(BTC, {field: value, "confirm": True})
        assert (answer.status, answer.body[field]) == (200, value), answer.text


@pytest.mark.parametrize("field", DECIMALS)
async def test_values_outside_a_range_are_refused_by_name(api: Api, field: str) -> None:
    for value in ("-1", "1000000000000.00000001", -0.5, 10**13):
        answer = await api.put(BTC, {field: value})
        assert (answer.status, answer.fields) == (422, {field}), answer.text
        assert "must be between" in answer.body["detail"]


@pytest.mark.parametrize(
    "value", ["", "abc", "NaN", "Infinity", "1e2", " 5", "5 ", "+5", "0x5", None, True, [], {}, "\u0665"]
)
async def test_what_is_not_a_plain_decimal_is_refused(api: Api, value: object) -> None:
    answer = await api.put(BTC, {"base_spread_bps": value})
    assert (answer.status, answer.fields) == (422, {"base_spread_bps"})


async def test_more_than_eight_decimals_are_refused_not_rounded(api: Api) -> None:
    for value in ("1.123456789", 1.123456789):
        answer = await api.put(BTC, {"base_spread_bps": value})
        assert "at most 8 decimals" in answer.body["detail"]


async def test_a_json_number_is_read_exactly_as_written(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    for text, value in (("12.1", "12.1"), ("1e1", "10"), ("0.10", "0.10"), ("7", "7")):
        body = f'{{"confirm": true, "base_spread_bps": {text}}}'.encode()
        answer = await api.call("PUT", BTC, data=body, headers=headers)
        assert answer.body["base_spread_bps"] == value


async def test_a_negative_zero_is_zero(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await api.call("PUT", BTC, data=b'{"level_spacing_bps": -0.0}', headers=headers)
    assert answer.body["level_spacing_bps"] == "0.0"


async def test_leading_zeros_are_refused(api: Api) -> None:
    answer = await api.put(BTC, {"base_spread_bps": "010"})
    assert "must be written plainly" in answer.body["detail"]


@pytest.mark.parametrize("value", [0, 21, 1.5, "3", True, None, 10**400])
async def test_levels_are_a_whole_number_from_1_to_20(api: Api, value: object) -> None:
    answer = await api.put(BTC, {"num_levels": value})
    assert (answer.status, answer.fields) == (422, {"num_levels"})
    assert "whole number between 1 and 20" in answer.body["detail"]


async def test_a_whole_number_may_be_written_with_a_point(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await api.call("PUT", BTC, data=b'{"num_levels": 2.0}', headers=headers)
    assert answer.body["num_levels"] == 2


@pytest.mark.parametrize("field", ["enabled", "volatility_multiplier", "check_staleness"])
async def test_flags_are_true_or_false_only(api: Api, field: str) -> None:
    for value in ("true", 1, 0, None):
        answer = await api.put(BTC, {field: value})
        assert (answer.status, answer.fields) == (422, {field})


@pytest.mark.parametrize(
    "symbol", ["", "btc", "BTC USDT", "BTC/USDT", "..", "-A", "A" * 33, 5, None, "BTC\n", "BTC\x00"]
)
async def test_a_symbol_that_no_path_could_hold_is_refused(api: Api, symbol: object) -> None:
    answer = await api.post("/v1/mm-configs", {"symbol": symbol})
    assert (answer.status, answer.fields) == (422, {"symbol"})


async def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    body = {"symbol": "SOL-USDT", "base_spread_bps": 0, "num_levels": 99, "spread": 5}
    answer = await api.post("/v1/mm-configs", body)
    assert answer.fields == {"base_spread_bps", "num_levels", "spread"}
    assert answer.code == "VALIDATION_FAILED"


async def test_a_missing_field_is_named(api: Api) -> None:
    answer = await api.post("/v1/mm-configs", {})
    assert answer.body["errors"] == [{"location": "body", "field": "symbol", "detail": "is required: add it"}]
