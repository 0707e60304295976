from lab.api import Api
from market_maker.api.admission import PEERS_MAX, RateLimit

STATUS = "/v1/mm/status"


def test_a_burst_passes_and_then_one_call_per_interval() -> None:
    limit = RateLimit(per_second=10, burst=3)
    assert [limit.wait_s("a", 0) for _ in range(4)] == [0, 0, 0, 0.1]
    assert limit.wait_s("a", 0.1) == 0
    assert limit.wait_s("a", 0.1) > 0


def test_a_refused_call_costs_nothing() -> None:
    limit = RateLimit(per_second=1, burst=1)
    assert limit.wait_s("a", 0) == 0
    assert all(limit.wait_s("a", 0.5) == 0.5 for _ in range(10))
    assert limit.wait_s("a", 1) == 0


def test_one_peer_does_not_use_up_anothers_calls() -> None:
    limit = RateLimit(per_second=1, burst=1)
    assert (limit.wait_s("a", 0), limit.wait_s("b", 0)) == (0, 0)
    assert limit.wait_s("a", 0) == 1


def test_what_is_saved_up_is_bounded() -> None:
    limit = RateLimit(per_second=10, burst=2)
    limit.wait_s("a", 0)
    assert [limit.wait_s("a", 1_000) for _ in range(3)] == [0, 0, 0.1]


def test_peers_are_bounded_and_the_oldest_is_forgotten() -> None:
    limit = RateLimit(per_second=1, burst=1)
    for number in range(PEERS_MAX + 1):
        limit.wait_s(str(number), 0)
    assert limit.wait_s("0", 0) == 0
    assert limit.wait_s(str(PEERS_MAX), 0) == 1


async def test_too_many_calls_are_told_when_to_come_back(api: Api) -> None:
    api.app.state.rate = RateLimit(per_second=0.1, burst=1)
    assert (await api.get(STATUS)).status == 200
    answer = await api.get(STATUS)
    assert (answer.status, answer.code) == (429, "TOO_MANY_REQUESTS")
    assert answer.headers["retry-after"] == "10"


async def test_emergency_and_health_are_never_held_back(api: Api) -> None:
    api.app.state.rate = RateLimit(per_second=0.1, burst=0)
    assert (await api.get(STATUS)).status == 429
    assert (await api.post("/v1/mm/emergency/kill", {"reason": "flood"})).status == 200
    assert (await api.post("/v1/mm/reset", {"reason": "over"})).status == 200
    assert (await api.get("/health")).status == 200
