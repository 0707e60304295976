import logging

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from market_maker.api.guard import BODY_BYTES_MAX

KILL = "/v1/mm/emergency/kill"
JSON = {"Content-Type": "application/json"}


async def test_an_unknown_route_is_a_problem(api: Api) -> None:
    answer = await api.get("/v1/nothing")
    assert (answer.status, answer.code, answer.body["instance"]) == (404, "UNKNOWN_ROUTE", "/v1/nothing")


async def test_a_trailing_slash_is_not_redirected(api: Api) -> None:
    answer = await api.get("/v1/mm-configs/")
    assert (answer.status, answer.code) == (404, "UNKNOWN_ROUTE")


async def test_a_wrong_method_names_all_that_are_possible(api: Api) -> None:
    answer = await api.call("PATCH", "/v1/mm-configs/BTC-USDT")
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "DELETE, GET, PUT"


async def test_a_body_of_another_media_type_is_refused_with_the_fix(api: Api, desk: FakeDesk) -> None:
    answer = await api.call(
        "POST", KILL, data=b"reason=x", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "Content-Type: application/json" in answer.body["detail"]
    assert desk.controls == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"reason": "x"} trailing',
        b'{"reason": "x", "reason": "y"}',
        b'{"reason": NaN}',
        b'{"reason": -Infinity}',
        b'{"reason": "\xff"}',
        b'{"\\ud800": 1}',
        b'{"reason": 1e999999999999999999999}',
        b"[" * 60_000,
        b'{"reason": ' + b"9" * 5_000 + b"}",
    ],
)
async def test_what_is_not_strict_json_is_refused(api: Api, desk: FakeDesk, body: bytes) -> None:
    answer = await api.call("POST", KILL, data=body, headers=JSON)
    assert (answer.status, answer.code) == (400, "MALFORMED_JSON")
    assert desk.controls == []


TOO_LONG = "the number has more than 60 digits or an exponent beyond 400"


@pytest.mark.parametrize(
    ("number", "detail"),
    [
        (b"9" * 5_000, TOO_LONG),
        (b"-" + b"9" * 5_000, TOO_LONG),
        (b"1e999999999999999999999", TOO_LONG),
        (b"0e-1000000000", TOO_LONG),
        (b"0." + b"1" * 61, TOO_LONG),
        (b"NaN", "NaN is not a JSON number"),
        (b"[1, [-Infinity]]", "-Infinity is not a JSON number"),
    ],
)
async def test_a_number_that_is_not_read_is_told_by_its_field_and_without_our_own_terms(
    api: Api, number: bytes, detail: str
) -> None:
    answer = await api.call("POST", KILL, data=b'{"symbol": "X", "reason": ' + number + b"}", headers=JSON)
    assert (answer.status, answer.code, answer.fields) == (400, "MALFORMED_JSON", {"reason"})
    assert answer.body["detail"] == f"the body is not JSON that this API reads: reason: {detail}"


async def test_a_body_that_is_nothing_but_such_a_number_is_told_as_the_body(api: Api) -> None:
    answer = await api.call("POST", KILL, data=b"NaN", headers=JSON)
    assert (answer.status, answer.fields) == (400, {"body"})


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x7f", "\x9b", "\u061c", "\u200e", "\u202e", "\u2066", "\ufeff"]
)
async def test_a_reason_holds_no_characters_that_make_it_read_otherwise(
    api: Api, desk: FakeDesk, character: str
) -> None:
    answer = await api.post(KILL, {"reason": f"a{character}b"})
    assert (answer.status, answer.fields) == (422, {"reason"})
    assert answer.body["errors"][0]["detail"] == (
        f"must not contain the character U+{ord(character):04X}: leave it out"
    )
    assert desk.controls == []


@pytest.mark.parametrize("reason", ["two\nlines", "\tindented", "Größe, 取消, \U0001f468\u200d\U0001f469"])
async def test_a_reason_may_be_written_in_any_language(api: Api, reason: str) -> None:
    assert (await api.post(KILL, {"reason": reason})).status == 200


@pytest.mark.parametrize("reason", ["", " ", "\n\t", "\u00a0"])
async def test_a_reason_of_blanks_is_none(api: Api, reason: str) -> None:
    answer = await api.post(KILL, {"reason": reason})
    assert (answer.status, answer.fields) == (422, {"reason"})


async def test_one_is_one(api: Api) -> None:
    assert "must have at least 1 character" in (await api.post(KILL, {"reason": ""})).text
    too_few = await api.post(KILL, {"reason": "x", "symbols": []})
    assert too_few.body["errors"][0]["detail"] == "must have at least 1 item"


async def test_symbols_that_are_named_twice_are_told_by_their_field(api: Api) -> None:
    answer = await api.post(KILL, {"reason": "x", "symbol": "BTC-USDT", "symbols": ["BTC-USDT"]})
    assert (answer.status, answer.fields) == (422, {"symbols"})


async def test_a_lone_surrogate_in_a_value_is_refused_by_field(api: Api) -> None:
    answer = await api.call("POST", KILL, data=b'{"reason": "\\ud800"}', headers=JSON)
    assert (answer.status, answer.fields) == (422, {"reason"})


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"true"])
async def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    answer = await api.call("POST", KILL, data=body, headers=JSON)
    assert (answer.status, answer.fields) == (422, {"body"})
    assert "must be a JSON object" in answer.body["detail"]


@pytest.mark.parametrize("body", [b"1.5", b"0.0", b"1e5", b"-3e-270", b"[1.5]", b"false"])
@pytest.mark.parametrize("route", ["POST /v1/mm-configs/BTC-USDT/enable", "PUT /v1/mm-configs/BTC-USDT"])
async def test_a_number_is_not_taken_for_an_object_with_all_fields_left_out(
    api: Api, desk: FakeDesk, route: str, body: bytes
) -> None:
    method, path = route.split()
    answer = await api.call(method, path, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert answer.body["errors"] == [{"location": "body", "field": "body", "detail": "must be a JSON object"}]
    assert desk.controls == []
    assert desk.changed_by == []


@pytest.mark.parametrize("body", [b"", b"null"])
async def test_a_body_that_is_missing_is_asked_for(api: Api, body: bytes) -> None:
    answer = await api.call("POST", KILL, data=body, headers=JSON)
    assert (answer.status, answer.fields) == (422, {"body"})


async def test_a_body_that_is_too_long_is_refused(api: Api, desk: FakeDesk) -> None:
    answer = await api.call("POST", KILL, data=b" " * (BODY_BYTES_MAX + 1), headers=JSON)
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")


async def test_an_unforeseen_failure_leaks_nothing_and_is_logged_whole(
    api: Api, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(symbol: str) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(desk, "view", broken)
    with caplog.at_level(logging.ERROR):
        answer = await api.get("/v1/mm-configs/BTC-USDT/status")
    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert "hunter2" not in answer.text
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert "hunter2" in str(record.exc_info[1])
    assert vars(record)["incident"] in answer.body["detail"]


async def test_refused_values_are_not_repeated(api: Api) -> None:
    answer = await api.call("POST", KILL, body={"reason": "x", "token": "s3cret", "symbols": "s3cret"})
    assert answer.status == 422
    assert "s3cret" not in answer.text


async def test_a_page_of_another_site_cannot_steer(api: Api, desk: FakeDesk) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        answer = await api.call("POST", "/v1/mm-configs/BTC-USDT/enable", headers=headers)
        assert (answer.status, answer.code) == (403, "CROSS_SITE")
    assert desk.controls == []
