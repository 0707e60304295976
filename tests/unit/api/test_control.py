import pytest

from lab.api import Api
from lab.desk import FakeDesk
from market_maker.core.commands import Problem
from market_maker.core.states import Cause, KillReason, State

BTC = "/v1/mm-configs/BTC-USDT"
EMERGENCY = {"kill": "/v1/mm/emergency/kill", "flatten": "/v1/mm/emergency/flatten", "reset": "/v1/mm/reset"}


async def test_enable_makes_active_and_sets_enabled(api: Api, desk: FakeDesk) -> None:
    answer = await api.post(f"{BTC}/enable", {"reason": "morning"})
    assert answer.body == {
        "symbol": "BTC-USDT",
        "state": "ACTIVE",
        "accepted": True,
        "problems": [],
        "pending": False,
        "durable": None,
        "enable_waits_for": [],
        "audit": "recorded",
    }
    assert desk.views["BTC-USDT"].config.enabled
    assert desk.controls == [(["BTC-USDT"], Cause.ENABLE, "anonymous", "morning", False)]


async def test_pause_and_resume_need_no_body(api: Api, desk: FakeDesk) -> None:
    for verb, state in (("enable", "ACTIVE"), ("pause", "PAUSED"), ("resume", "ACTIVE")):
        answer = await api.post(f"{BTC}/{verb}")
        assert (answer.status, answer.body["state"]) == (200, state)
    assert desk.controls[1][3] == "pause by anonymous"


async def test_enable_is_refused_with_every_reason(api: Api, desk: FakeDesk) -> None:
    problems = (Problem("NO_VALID_BOOK", "no valid book"), Problem("ORDERS_OPEN", "2 orders are open"))
    desk.change("BTC-USDT", enable_problems=problems)
    answer = await api.post(f"{BTC}/enable")
    assert (answer.status, answer.code) == (409, "REFUSED")
    assert [problem["code"] for problem in answer.body["problems"]] == ["NO_VALID_BOOK", "ORDERS_OPEN"]
    assert "no valid book; 2 orders are open" in answer.body["detail"]


async def test_an_enable_that_could_not_be_stored_is_a_503_with_its_audit_row(
    api: Api, desk: FakeDesk
) -> None:
    detail = "paused again, because enabled was not stored: PostgreSQL does not answer"
    desk.change("BTC-USDT", enable_problems=(Problem("DATABASE_UNAVAILABLE", detail),))
    answer = await api.post(f"{BTC}/enable", {"reason": "morning"})
    assert (answer.status, answer.code) == (503, "DATABASE_UNAVAILABLE")
    assert "paused again" in answer.body["detail"]
    [row] = desk.trail
    assert (row.symbol, row.why) == ("BTC-USDT", "morning")
    assert row.after is not None
    assert row.after["accepted"] is False


async def test_resume_needs_enabled(api: Api) -> None:
    answer = await api.post(f"{BTC}/resume")
    assert answer.status == 409
    assert answer.body["problems"][0]["code"] == "NOT_ENABLED"


async def test_a_symbol_that_does_not_answer_is_told_apart_from_a_refusal(api: Api, desk: FakeDesk) -> None:
    desk.silent = {"BTC-USDT"}
    answer = await api.post(f"{BTC}/pause")
    assert (answer.status, answer.code) == (503, "NO_ANSWER")


async def test_kill_halts_every_symbol_and_says_who_and_why(api: Api, desk: FakeDesk) -> None:
    answer = await api.post(EMERGENCY["kill"], {"reason": "drill"})
    assert answer.status == 200
    assert {result["symbol"]: result["state"] for result in answer.body["results"]} == {
        "BTC-USDT": "HALTED",
        "ETH-USDT": "HALTED",
    }
    assert desk.controls == [(None, Cause.KILL, "anonymous", "drill", False)]
    assert all(result["durable"] for result in answer.body["results"])
    status = (await api.get("/v1/mm/status")).body
    assert status["kill_switch"] == {"latched": True, "symbols": ["BTC-USDT", "ETH-USDT"]}


async def test_kill_of_named_symbols_leaves_the_others(api: Api, desk: FakeDesk) -> None:
    desk.change("ETH-USDT", state=State.ACTIVE)
    body = {"symbols": ["BTC-USDT", "BTC-USDT"], "reason": "drill"}
    answer = await api.post(EMERGENCY["kill"], body)
    assert [result["symbol"] for result in answer.body["results"]] == ["BTC-USDT"]
    assert desk.views["ETH-USDT"].state is State.ACTIVE


async def test_kill_works_while_the_database_is_down(api: Api, desk: FakeDesk) -> None:
    desk.database_up = False
    answer = await api.post(EMERGENCY["kill"], {"reason": "drill"})
    assert (answer.status, answer.body["audit"]) == (200, "pending")
    assert [result["durable"] for result in answer.body["results"]] == [False, False]
    assert desk.views["BTC-USDT"].kill is not None


@pytest.mark.parametrize(("verb", "state"), [("kill", "HALTED"), ("flatten", "PAUSED")])
async def test_an_unknown_symbol_in_the_list_saves_none_of_the_known_ones(
    api: Api, desk: FakeDesk, verb: str, state: str
) -> None:
    desk.change("BTC-USDT", state=State.ACTIVE)
    desk.change("ETH-USDT", state=State.ACTIVE)
    answer = await api.post(EMERGENCY[verb], {"symbols": ["NOPE", "BTC-USDT"], "reason": "x"})
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert "not configured: NOPE" in answer.body["detail"]
    assert f"the {verb} took place for BTC-USDT" in answer.body["detail"]
    taken, missing = answer.body["results"]
    assert (taken["symbol"], taken["state"], taken["accepted"]) == ("BTC-USDT", state, True)
    assert (taken["problems"], taken["pending"]) == ([], False)
    assert (missing["symbol"], missing["accepted"]) == ("NOPE", False)
    assert [problem["code"] for problem in missing["problems"]] == ["UNKNOWN_SYMBOL"]
    assert desk.views["BTC-USDT"].state.value == state
    assert desk.views["ETH-USDT"].state is State.ACTIVE


async def test_a_kill_with_an_unknown_symbol_still_tells_who_did_not_answer(api: Api, desk: FakeDesk) -> None:
    desk.silent = {"ETH-USDT"}
    body = {"symbols": ["BTC-USDT", "ETH-USDT", "NOPE"], "reason": "x"}
    answer = await api.post(EMERGENCY["kill"], body)
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert "took place for BTC-USDT; refused by ETH-USDT" in answer.body["detail"]
    codes = [[problem["code"] for problem in result["problems"]] for result in answer.body["results"]]
    assert codes == [[], ["NO_ANSWER"], ["UNKNOWN_SYMBOL"]]


@pytest.mark.parametrize("verb", EMERGENCY)
async def test_a_list_of_unknown_symbols_is_not_taken_for_all(api: Api, desk: FakeDesk, verb: str) -> None:
    answer = await api.post(EMERGENCY[verb], {"symbols": ["NOPE", "NADA"], "reason": "x"})
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert "not configured: NOPE, NADA" in answer.body["detail"]
    assert f"no symbol took the {verb}" in answer.body["detail"]
    assert desk.controls == []


async def test_an_unknown_symbol_in_the_list_stops_the_whole_reset(api: Api, desk: FakeDesk) -> None:
    answer = await api.post(EMERGENCY["reset"], {"symbols": ["BTC-USDT", "NOPE"], "reason": "x"})
    assert (answer.status, answer.code) == (404, "UNKNOWN_SYMBOL")
    assert "NOPE" in answer.body["detail"]
    assert desk.controls == []


@pytest.mark.parametrize("verb", EMERGENCY)
@pytest.mark.parametrize("reason", ["", "   ", "\t\n", "x" * 501, "a\x00b", None, 5])
async def test_an_emergency_needs_a_readable_reason(
    api: Api, desk: FakeDesk, verb: str, reason: object
) -> None:
    answer = await api.post(EMERGENCY[verb], {"reason": reason})
    assert (answer.status, answer.fields) == (422, {"reason"})
    assert desk.controls == []


@pytest.mark.parametrize("verb", EMERGENCY)
async def test_an_empty_list_of_symbols_is_not_taken_for_all(api: Api, desk: FakeDesk, verb: str) -> None:
    answer = await api.post(EMERGENCY[verb], {"symbols": [], "reason": "x"})
    assert (answer.status, answer.fields) == (422, {"symbols"})
    assert desk.controls == []


async def test_a_misspelt_field_does_not_kill_everything(api: Api, desk: FakeDesk) -> None:
    answer = await api.post(EMERGENCY["kill"], {"sybmols": ["BTC-USDT"], "reason": "x"})
    assert (answer.status, answer.fields) == (422, {"sybmols"})
    assert desk.controls == []


@pytest.mark.parametrize(("verb", "state"), [("kill", "HALTED"), ("flatten", "PAUSED"), ("reset", "PAUSED")])
async def test_symbol_names_one_symbol_and_leaves_the_others(
    api: Api, desk: FakeDesk, verb: str, state: str
) -> None:
    was = State.HALTED if verb == "reset" else State.ACTIVE
    desk.change("BTC-USDT", state=was)
    desk.change("ETH-USDT", state=was)
    answer = await api.post(EMERGENCY[verb], {"symbol": "BTC-USDT", "reason": "x"})
    assert [(one["symbol"], one["state"]) for one in answer.body["results"]] == [("BTC-USDT", state)]
    assert desk.views["ETH-USDT"].state is was


@pytest.mark.parametrize(
    "named",
    [
        {"symbol": None},
        {"symbol": ""},
        {"symbol": ["BTC-USDT"]},
        {"symbol": "BTC-USDT", "symbols": ["ETH-USDT"]},
        {"symbol": "BTC-USDT", "symbols": None},
    ],
)
async def test_a_symbol_that_names_none_or_is_given_beside_a_list_stops_nothing(
    api: Api, desk: FakeDesk, named: dict[str, object]
) -> None:
    answer = await api.post(EMERGENCY["kill"], {**named, "reason": "x"})
    assert answer.status == 422
    assert "symbol" in answer.body["detail"]
    assert desk.controls == []


async def test_flatten_pauses(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", state=State.ACTIVE)
    answer = await api.post(EMERGENCY["flatten"], {"symbols": ["BTC-USDT"], "reason": "close"})
    assert answer.body["results"][0]["state"] == "PAUSED"
    assert desk.controls[0][1] is Cause.FLATTEN


async def test_reset_leads_back_and_hands_on_rebase(api: Api, desk: FakeDesk) -> None:
    await api.post(EMERGENCY["kill"], {"reason": "drill"})
    answer = await api.post(EMERGENCY["reset"], {"reason": "drill over", "rebase_pnl": True})
    assert answer.status == 200
    assert desk.views["BTC-USDT"].state is State.PAUSED
    assert desk.controls[-1] == (None, Cause.RESET, "anonymous", "drill over", True)


async def test_a_reset_that_every_symbol_refuses_is_409_with_each_reason(api: Api) -> None:
    answer = await api.post(EMERGENCY["reset"], {"reason": "try"})
    assert (answer.status, answer.code) == (409, "REFUSED")
    assert [result["symbol"] for result in answer.body["results"]] == ["BTC-USDT", "ETH-USDT"]
    assert answer.body["results"][0]["problems"][0]["code"] == "WRONG_STATE"


async def test_a_reset_that_one_symbol_takes_succeeds_and_shows_the_other(api: Api) -> None:
    await api.post(EMERGENCY["kill"], {"symbols": ["ETH-USDT"], "reason": "drill"})
    answer = await api.post(EMERGENCY["reset"], {"reason": "drill over"})
    assert answer.status == 200
    assert [result["accepted"] for result in answer.body["results"]] == [False, True]


async def test_the_latched_kill_is_shown_with_its_reason(api: Api) -> None:
    await api.post(EMERGENCY["kill"], {"symbols": ["BTC-USDT"], "reason": "drill"})
    kill = (await api.get(f"{BTC}/status")).body["kill"]
    assert (kill["reason"], kill["measured"]) == (KillReason.MANUAL.value, "drill")
