"""Requests for a symbol of another instance."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus

import pytest
from tests.support.fleet import BTC, ETH, NORTH, SOL, SOUTH, Fleet, Hub, HubPeers, running_fleet

from lab.api import Answer, Api, in_process
from lab.desk import FakeDesk
from lab.desk_records import event_row, fill_row, order_row, view_of
from market_maker.api.admission import RateLimit
from market_maker.api.guard import BODY_BYTES_MAX
from market_maker.api.ports import StoredState
from market_maker.api.problems import ProblemError
from market_maker.api.security import ACCESS, OWNER_ROUTES, SPLIT_ROUTES, Principal, Role
from market_maker.core.commands import Problem
from market_maker.core.config import SymbolConfig
from market_maker.core.states import Cause, State
from market_maker.fleet import forward
from market_maker.fleet.forward import InProcess, WireAnswer, WireRequest, WireSender
from market_maker.fleet.view import FleetView

ETH_PATH, SOL_PATH = f"/v1/mm-configs/{ETH}", f"/v1/mm-configs/{SOL}"


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with running_fleet() as fleet:
        yield fleet


def same(one: Answer, other: Answer) -> bool:
    names = ("content-type", "retry-after", "content-length")
    heads = [{name: answer.headers.get(name) for name in names} for answer in (one, other)]
    return (one.status, one.text, heads[0]) == (other.status, other.text, heads[1])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{ETH_PATH}/status", None),
        ("GET", f"{ETH_PATH}/quotes", None),
        ("GET", f"{ETH_PATH}/status?x=1", None),
        ("PUT", ETH_PATH, {"num_levels": 3}),
        ("PUT", ETH_PATH, {"num_levels": 300}),
        ("PUT", ETH_PATH, {"symbol": BTC}),
        ("PUT", ETH_PATH, None),
        ("POST", f"{ETH_PATH}/pause", {"reason": "lunch, naïve"}),
        ("POST", f"{ETH_PATH}/pause", None),
        ("POST", f"{ETH_PATH}/resume", None),
        ("POST", f"{ETH_PATH}/pause", {"reason": ""}),
    ],
)
async def test_an_answer_from_the_owner_is_given_back_byte_for_byte(
    fleet: Fleet, method: str, path: str, body: object
) -> None:
    through = await fleet.north.call(method, path, body=body)
    assert fleet.hub.asked == [(SOUTH, path.partition("?")[0])] or through.status == 422
    assert same(through, await fleet.south.call(method, path, body=body))
    assert fleet.north_desk.controls == []


async def test_enable_is_carried_out_and_recorded_by_the_owner_alone(fleet: Fleet) -> None:
    answer = await fleet.north.post(f"{ETH_PATH}/enable", {"reason": "morning"})
    assert (answer.status, answer.body["state"]) == (200, "ACTIVE")
    assert fleet.south_desk.controls == [([ETH], Cause.ENABLE, "anonymous", "morning", False)]
    assert [row.route for row in fleet.south_desk.trail] == ["POST /v1/mm-configs/{symbol}/enable"]
    assert fleet.north_desk.trail == []


async def test_a_refusal_of_the_owner_is_given_back_with_its_reasons(fleet: Fleet) -> None:
    fleet.south_desk.change(ETH, enable_problems=(Problem("NO_VALID_BOOK", "no valid book"),))
    answer = await fleet.north.post(f"{ETH_PATH}/enable")
    assert (answer.status, answer.code) == (409, "REFUSED")
    assert answer.body["problems"] == [{"code": "NO_VALID_BOOK", "detail": "no valid book"}]
    assert answer.body["instance"] == f"{ETH_PATH}/enable"


async def test_a_configuration_is_changed_and_deleted_by_the_owner(fleet: Fleet) -> None:
    assert (await fleet.north.put(ETH_PATH, {"num_levels": 4})).status == 200
    assert fleet.south_desk.views[ETH].config.num_levels == 4
    deleted = await fleet.north.delete(ETH_PATH)
    assert (deleted.status, deleted.text) == (204, "")
    assert ETH not in fleet.south_desk.views


async def test_what_only_needs_the_database_is_answered_without_asking_anybody(fleet: Fleet) -> None:
    fleet.north_desk.fill_rows[ETH] = [fill_row(1)]
    fleet.north_desk.order_rows[ETH] = [order_row(1)]
    fleet.north_desk.event_rows[ETH] = [event_row(1)]
    for part in ("fills", "orders", "events"):
        assert len((await fleet.north.get(f"{ETH_PATH}/{part}")).body["items"]) == 1
    assert (await fleet.north.get(ETH_PATH)).body["symbol"] == ETH
    listed = (await fleet.north.get("/v1/mm-configs")).body["items"]
    assert [item["symbol"] for item in listed] == [BTC, ETH, SOL]
    assert fleet.hub.asked == []


async def test_a_symbol_that_runs_here_is_not_sent_on_whoever_is_said_to_own_it(fleet: Fleet) -> None:
    fleet.hub.owners[BTC] = SOUTH
    assert (await fleet.north.get(f"/v1/mm-configs/{BTC}/status")).status == 200
    assert fleet.hub.asked == []


async def test_a_request_is_sent_on_once_and_never_again(fleet: Fleet) -> None:
    fleet.hub.owners[SOL] = SOUTH
    fleet.south.app.state.fleet = FleetView(fleet.south_desk, HubPeers(Hub(owners={SOL: NORTH}), SOUTH))
    answer = await fleet.north.post(f"{SOL_PATH}/pause")
    assert (answer.status, answer.code) == (503, "NO_OWNER")
    assert fleet.hub.asked == [(SOUTH, f"{SOL_PATH}/pause")]


async def test_a_silent_owner_is_told_in_time_and_nothing_else_is_tried(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "ANSWER_S_MAX", 0.02)
    fleet.hub.silent = {SOUTH}
    for answer in (
        await fleet.north.post(f"{ETH_PATH}/pause"),
        await fleet.north.get(f"{ETH_PATH}/status"),
        await fleet.north.put(ETH_PATH, {"num_levels": 2}),
        await fleet.north.delete(ETH_PATH),
    ):
        assert (answer.status, answer.code) == (503, "OWNER_SILENT")
        assert answer.headers["retry-after"] == "1"
        assert SOUTH in answer.body["detail"]
    assert len(fleet.hub.asked) == 4


async def test_an_owner_that_cannot_be_reached_is_silent_at_once(fleet: Fleet) -> None:
    fleet.hub.redis_up = False
    assert (await fleet.north.post(f"{ETH_PATH}/pause")).code == "OWNER_SILENT"


async def test_an_answer_that_cannot_be_read_is_none(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async def garbage(instance_id: str, request: bytes, timeout_s: float) -> bytes:
        return b'{"status": "fine"}'

    monkeypatch.setattr(fleet.hub, "ask", garbage)
    assert (await fleet.north.post(f"{ETH_PATH}/pause")).code == "OWNER_SILENT"


async def test_control_of_nobodys_symbol_tells_its_stored_state(fleet: Fleet) -> None:
    fleet.north_desk.stored[SOL] = StoredState(State.HALTED, "OWNER_LOST")
    for verb in ("enable", "pause", "resume"):
        answer = await fleet.north.post(f"{SOL_PATH}/{verb}")
        assert (answer.status, answer.code) == (503, "NO_OWNER")
        assert "its stored state is HALTED (OWNER_LOST)" in answer.body["detail"]
        assert answer.headers["retry-after"] == "1"
    assert (await fleet.north.get(f"{SOL_PATH}/status")).code == "NO_OWNER"
    assert (await fleet.north.get(f"{SOL_PATH}/quotes")).code == "NO_OWNER"
    fleet.stop_database()
    answer = await fleet.north.post(f"{SOL_PATH}/pause")
    assert (answer.status, answer.code) == (503, "NO_OWNER")
    assert "its stored state cannot be read" in answer.body["detail"]


async def test_nobodys_symbol_that_is_paused_does_not_continue_by_itself(fleet: Fleet) -> None:
    for verb in ("enable", "resume"):
        assert (await fleet.north.post(f"{SOL_PATH}/{verb}")).code == "NO_OWNER"
    assert fleet.north_desk.stopped == []
    answer = await fleet.north.post(f"{SOL_PATH}/pause")
    assert (answer.status, answer.code) == (503, "NO_OWNER")
    assert "it will not continue by itself" in answer.body["detail"]
    assert fleet.north_desk.stopped == [SOL]
    fleet.stop_database()
    answer = await fleet.north.post(f"{SOL_PATH}/pause")
    assert "it will not continue by itself" not in answer.body["detail"]


async def test_a_configuration_of_nobodys_symbol_is_changed_in_the_database(fleet: Fleet) -> None:
    answer = await fleet.north.put(SOL_PATH, {"num_levels": 5})
    assert (answer.status, answer.body["num_levels"]) == (200, 5)
    assert (await fleet.south.get(SOL_PATH)).body["num_levels"] == 5


async def test_nobodys_symbol_is_deleted_unless_it_was_active(fleet: Fleet) -> None:
    fleet.north_desk.stored[SOL] = StoredState(State.ACTIVE, "enable")
    answer = await fleet.north.delete(SOL_PATH)
    assert (answer.status, answer.code) == (409, "SYMBOL_ACTIVE")
    fleet.north_desk.stored[SOL] = StoredState(State.HALTED, "drill")
    assert (await fleet.north.delete(SOL_PATH)).status == 204
    assert (await fleet.north.get(SOL_PATH)).status == 404


async def test_a_symbol_created_elsewhere_just_now_is_found_in_the_database(fleet: Fleet) -> None:
    fleet.south_desk.views["NEW-USDT"] = view_of(SymbolConfig("NEW-USDT"))
    fleet.north_desk.known = [BTC, ETH, SOL]
    assert (await fleet.north.get("/v1/mm-configs/NEW-USDT")).status == 200
    assert (await fleet.north.get("/v1/mm-configs/NEW-USDT/fills")).status == 200
    assert (await fleet.north.post("/v1/mm-configs/NEW-USDT/pause")).code == "NO_OWNER"
    assert (await fleet.north.post("/v1/mm-configs/OLD-USDT/pause")).code == "UNKNOWN_SYMBOL"


class Keys:
    """Lets a sender in whose token is one of its own; every one of them is an operator."""

    required = True

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens

    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization not in self.tokens:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "TOKEN_INVALID", "the token is refused")
        return Principal(authorization, frozenset({Role.OPERATE, Role.READ}))


class Reader(Keys):
    """The same, and none of them is more than a reader."""

    async def authenticate(self, authorization: str | None) -> Principal:
        principal = await super().authenticate(authorization)
        return replace(principal, roles=frozenset({Role.READ}))


async def test_no_token_leaves_the_instance_that_it_was_sent_to() -> None:
    headers = {"Authorization": "alice"}
    async with running_fleet(Keys("alice"), Keys("nobody")) as fleet:
        for action in ("enable", "pause"):
            await fleet.north.call("POST", f"{ETH_PATH}/{action}", body={"reason": "why"}, headers=headers)
        assert len(fleet.hub.sent) == 2
        for request in fleet.hub.sent:
            sent = json.loads(request)
            assert "authorization" not in {name.lower() for name in sent["headers"]}
            assert (sent["sender"]["actor"], "mm:operate" in sent["sender"]["roles"]) == ("alice", True)
        assert {row.actor for row in fleet.south_desk.trail} == {"alice"}


async def test_the_owner_checks_the_roles_that_the_sender_was_found_to_have(api: Api) -> None:
    request = WireRequest(
        method="POST",
        path="/v1/mm/emergency/kill",
        headers={"content-type": "application/json"},
        client="10.0.0.1",
        sender=WireSender(actor="alice", roles=frozenset({Role.OPERATE})),
        body='{"reason": "x"}',
    )
    answer = await asked(api, request.model_dump_json().encode())
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "ROLE_MISSING")


async def test_the_owner_sees_who_asks() -> None:
    async with running_fleet(Keys("alice"), Keys("alice")) as fleet:
        headers = {"Authorization": "alice"}
        assert (await fleet.north.call("POST", f"{ETH_PATH}/enable", headers=headers)).status == 200
        assert fleet.south_desk.trail[0].actor == "alice"


async def test_a_sender_without_the_role_is_denied_here_and_nobody_is_asked() -> None:
    async with running_fleet(Reader("alice"), Keys("alice")) as fleet:
        headers = {"Authorization": "alice"}
        answer = await fleet.north.call("POST", f"{ETH_PATH}/enable", headers=headers)
        assert (answer.status, answer.code) == (403, "ROLE_MISSING")
        assert fleet.hub.asked == []


async def test_a_body_that_is_too_long_or_no_json_is_refused_here(fleet: Fleet) -> None:
    kind = {"content-type": "application/json"}
    for data, status in ((b" " * (BODY_BYTES_MAX + 1), 413), (b"{", 400)):
        answer = await fleet.north.call("PUT", ETH_PATH, data=data, headers=kind)
        assert answer.status == status
    assert fleet.hub.asked == []


# --- what the owner makes of what was sent on -----------------------------------------------------


def sent_on(method: str, path: str, client: str = "10.0.0.1", body: str = "") -> bytes:
    headers = {"content-type": "application/json"} if body else {}
    sender = WireSender(actor="alice", roles=frozenset(Role))
    request = WireRequest(method=method, path=path, headers=headers, client=client, sender=sender, body=body)
    return request.model_dump_json().encode()


async def asked(api: Api, request: bytes) -> WireAnswer:
    return WireAnswer.model_validate_json(await InProcess(api.app).answer(request))


async def test_every_address_has_its_own_rate_at_the_owner_too(api: Api) -> None:
    api.app.state.rate = RateLimit(per_second=0.001, burst=1)
    status = "/v1/mm-configs/BTC-USDT/status"
    answers = [
        await asked(api, sent_on("GET", status, peer)) for peer in ("10.0.0.1", "10.0.0.2", "10.0.0.1")
    ]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 0


@pytest.mark.parametrize(("method", "path"), sorted(ACCESS.keys() - OWNER_ROUTES))
async def test_only_what_needs_an_owner_is_taken_from_another_instance(
    api: Api, method: str, path: str
) -> None:
    body = '{"reason": "x", "symbols": ["BTC-USDT"]}' if method == "POST" else ""
    answer = await asked(api, sent_on(method, path.replace("{symbol}", "BTC-USDT"), body=body))
    if (method, path) in SPLIT_ROUTES:
        assert answer.status in (200, 409)
    else:
        assert (answer.status, json.loads(answer.body)["code"]) == (403, "NOT_FOR_OWNERS")


async def test_a_mark_that_comes_by_the_socket_means_nothing(fleet: Fleet) -> None:
    answer = await fleet.north.call("GET", f"{ETH_PATH}/status", headers={"forwarded": "true"})
    assert answer.status == 200


async def test_a_request_that_cannot_be_read_is_refused(api: Api) -> None:
    for request in (b"", b"[]", b'{"method": "GET"}', b"\xff"):
        answer = await asked(api, request)
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "UNREADABLE")


async def test_fields_of_a_newer_instance_are_passed_over(api: Api) -> None:
    request = {**json.loads(sent_on("GET", "/v1/mm-configs/BTC-USDT/status")), "baggage": "x"}
    assert (await asked(api, json.dumps(request).encode())).status == 200


async def test_an_answer_that_is_too_long_is_not_sent(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "ANSWER_BYTES_MAX", 10)
    answer = await asked(api, sent_on("GET", "/v1/mm-configs/BTC-USDT/status"))
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "ANSWER_TOO_LONG")


async def test_a_failure_of_the_owner_is_an_answer_too(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(symbol: str) -> None:
        raise RuntimeError("secret")

    async with in_process(desk) as api:
        monkeypatch.setattr(desk, "view", broken)
        answer = await asked(api, sent_on("GET", "/v1/mm-configs/BTC-USDT/status"))
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in answer.body
