from http import HTTPStatus

import pytest

from lab.api import Api, eventually, in_process
from lab.desk import FakeDesk
from market_maker.api.problems import ProblemError
from market_maker.api.security import ACCESS, INCLUDES, Principal, Role

DENIED_OPERATE = "denied: needs the role mm:operate"


class ByRole:
    """The token is the name of the one role that its bearer has, ours or another service's."""

    required = True

    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization is None:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "TOKEN_MISSING", "send a token")
        return Principal("carol", frozenset(role for role in Role if role.value == authorization))


def concrete(path: str) -> str:
    values = {"{symbol}": "BTC-USDT", "{name}": "console.js", "{version}": "1", "{proposal}": "1"}
    for name, value in values.items():
        path = path.replace(name, value)
    return path


NOT_ENDLESS = [(method, path) for method, path in ACCESS if path != "/v1/mm/stream"]


@pytest.mark.parametrize("role", list(Role))
async def test_each_route_opens_for_its_role_and_reading_for_every_role(desk: FakeDesk, role: Role) -> None:
    async with in_process(desk, ByRole()) as api:
        for method, path in NOT_ENDLESS:
            answer = await api.call(method, concrete(path), headers={"Authorization": role.value})
            if ACCESS[method, path] in (None, *INCLUDES[role]):
                assert answer.status not in (401, 403), (method, path)
            else:
                assert (answer.status, answer.code) == (403, "ROLE_MISSING"), (method, path)


OPEN = ("/health", "/v1/mm/session", "/console/")


async def test_without_a_token_only_health_and_what_signs_one_in_answer(desk: FakeDesk) -> None:
    async with in_process(desk, ByRole()) as api:
        for method, path in ACCESS:
            answer = await api.call(method, concrete(path))
            assert (answer.status == 401) is not (path.startswith(OPEN) or path == "/"), (method, path)


async def test_a_stranger_learns_nothing_about_a_body_or_a_symbol(desk: FakeDesk) -> None:
    async with in_process(desk, ByRole()) as api:
        for body in (b"{", b" " * 100_000):
            answer = await api.call("POST", "/v1/mm/emergency/kill", data=body)
            assert answer.status == 401
        assert (await api.get("/v1/mm-configs/NOPE/status")).status == 401


async def test_the_actor_of_the_token_is_recorded(desk: FakeDesk) -> None:
    async with in_process(desk, ByRole()) as api:
        headers = {"Authorization": "mm:operate"}
        await api.call("POST", "/v1/mm-configs/BTC-USDT/enable", headers=headers)
    assert desk.controls[0][2] == "carol"
    assert (desk.trail[0].actor, desk.trail[0].roles) == ("carol", ("mm:operate",))


async def test_a_denied_change_is_on_record_with_who_tried_what(desk: FakeDesk) -> None:
    headers = {"Authorization": "mm:read"}
    async with in_process(desk, ByRole()) as api:
        assert (await api.call("POST", "/v1/mm/emergency/kill", headers=headers)).status == 403
        assert (await api.call("DELETE", "/v1/mm-configs/BTC-USDT", headers=headers)).status == 403
        assert (await api.call("DELETE", "/v1/mm-configs/" + "Z" * 40, headers=headers)).status == 403
        await eventually(lambda: len(desk.trail) == 3)
    assert [(row.actor, row.roles, row.route, row.symbol, row.why) for row in desk.trail] == [
        ("carol", ("mm:read",), "POST /v1/mm/emergency/kill", None, "denied: needs the role mm:emergency"),
        ("carol", ("mm:read",), "DELETE /v1/mm-configs/{symbol}", "BTC-USDT", DENIED_OPERATE),
        ("carol", ("mm:read",), "DELETE /v1/mm-configs/{symbol}", None, DENIED_OPERATE),
    ]
    assert desk.controls == []


async def test_a_token_without_any_role_of_ours_reads_nothing_and_leaves_no_row(desk: FakeDesk) -> None:
    async with in_process(desk, ByRole()) as api:
        assert (await api.post("/v1/mm/emergency/kill")).status == 401
        reading = await api.call("GET", "/v1/mm/status", headers={"Authorization": "wallet:admin"})
        assert (reading.status, reading.code) == (403, "ROLE_MISSING")
        assert api.app.state.audit.pending == 0
    assert desk.trail == []


async def test_without_access_control_everybody_is_anonymous(api: Api, desk: FakeDesk) -> None:
    await api.post("/v1/mm-configs/BTC-USDT/enable")
    assert desk.controls[0][2] == "anonymous"
