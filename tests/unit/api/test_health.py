from tests.unit.api.test_security import ByRole

from lab.api import VERSION, Api, in_process
from lab.desk import COMPONENTS, FakeDesk
from market_maker.api.ports import CheckStatus


async def test_a_healthy_service_names_every_component(api: Api) -> None:
    for path in ("/health", "/health/ready"):
        answer = await api.get(path)
        assert (answer.status, answer.body["status"], answer.body["version"]) == (200, "ok", VERSION)
        assert tuple(check["name"] for check in answer.body["checks"]) == COMPONENTS


async def test_a_failed_component_makes_it_not_ready_but_alive(api: Api, desk: FakeDesk) -> None:
    desk.checks["postgres"] = CheckStatus.FAILED
    answer = await api.get("/health/ready")
    assert (answer.status, answer.body["status"]) == (503, "failed")
    assert (await api.get("/health")).status == 503
    assert (await api.get("/health/live")).body == {"status": "ok"}


async def test_a_degraded_component_leaves_it_ready(api: Api, desk: FakeDesk) -> None:
    desk.checks["redis"] = CheckStatus.DEGRADED
    answer = await api.get("/health/ready")
    assert (answer.status, answer.body["status"]) == (200, "degraded")


async def test_a_process_that_must_be_restarted_is_not_alive(api: Api, desk: FakeDesk) -> None:
    desk.live = False
    assert (await api.get("/health/live")).status == 503
    assert (await api.get("/health/ready")).status == 503


async def test_what_is_wrong_is_told_to_those_with_a_token_only(desk: FakeDesk) -> None:
    desk.checks["postgres"] = CheckStatus.FAILED
    desk.details["postgres"] = "cannot connect to 10.1.2.3:5432"
    async with in_process(desk, ByRole()) as guarded:
        for headers in ({}, {"Authorization": "nonsense"}):
            answer = await guarded.call("GET", "/health", headers=headers)
            assert answer.status == 503
            assert "10.1.2.3" not in answer.text
            assert {check["name"]: check["status"] for check in answer.body["checks"]}["postgres"] == "failed"
        told = await guarded.call("GET", "/health", headers={"Authorization": "mm:read"})
        assert "10.1.2.3" in told.text
    async with in_process(desk) as api:
        assert "10.1.2.3" in (await api.get("/health")).text
