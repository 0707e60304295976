"""Strangers, however many, delay no operator."""

import asyncio
import heapq
import logging
from types import SimpleNamespace

import aiohttp
import pytest
from tests.unit.api.test_security import ByRole

from lab.api import eventually, in_process, served
from lab.desk import FakeDesk
from market_maker.api import strangers
from market_maker.api.admission import BURST, RateLimit
from market_maker.api.connections import STRANGERS_MAX
from market_maker.api.denials import KINDS_MAX, AttemptKind, Denials
from market_maker.api.strangers import HELD_S_MAX, PROBE_HELD_S_MAX, Refusals
from market_maker.repositories.audit import AuditEntry

PAUSE = "/v1/mm-configs/BTC-USDT/pause"
STATUS = "/v1/mm/status"
TAKEN = 409
"""The symbol itself has answered: it is PAUSED already."""
OPERATOR = {"Authorization": "mm:operate"}


@pytest.fixture
def unheld(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long strangers were held, without waiting for it."""
    held: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        held.append(seconds)
        await real(0)

    monkeypatch.setattr(strangers, "asyncio", SimpleNamespace(sleep=sleep))
    return held


async def test_thirty_of_thirty_pauses_pass_while_strangers_of_the_same_address_knock(
    desk: FakeDesk, unheld: list[float]
) -> None:
    async with in_process(desk, ByRole()) as api:
        for _ in range(int(BURST) + 100):
            assert (await api.get(STATUS)).status == 401
        for _ in range(30):
            assert (await api.call("POST", PAUSE, headers=OPERATOR)).status == TAKEN
    assert len(unheld) >= BURST - strangers.BURST


async def test_one_subject_who_asks_too_often_delays_no_other_and_still_may_pause(desk: FakeDesk) -> None:
    async with in_process(desk, ByRole()) as api:
        api.app.state.rate = RateLimit(per_second=0.001, burst=1)
        reading = [await api.call("GET", STATUS, headers={"Authorization": "mm:read"}) for _ in range(2)]
        assert [answer.status for answer in reading] == [200, 429]
        for _ in range(30):
            assert (await api.call("POST", PAUSE, headers=OPERATOR)).status == TAKEN


async def test_those_who_are_let_in_are_never_held(desk: FakeDesk, unheld: list[float]) -> None:
    async with in_process(desk, ByRole()) as api:
        api.app.state.refusals = Refusals(per_second=1, burst=0)
        assert (await api.call("POST", PAUSE, headers=OPERATOR)).status == TAKEN
        assert unheld == []
        for target in (STATUS, "/health", "/nothing", "/v1/mm/emergency/kill"):
            await api.get(target)
        assert len(unheld) == 4


async def test_an_emergency_route_reads_no_body_before_the_token(desk: FakeDesk) -> None:
    async with served(desk, ByRole()) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /v1/mm/emergency/kill HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 60000\r\n\r\n{"
        )
        assert b" 401 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_forwarded_for_counts_from_a_named_proxy_only(desk: FakeDesk) -> None:
    headers = {"X-Forwarded-For": "9.9.9.9"}
    for proxies, address in (((), "127.0.0.1"), (("127.0.0.0/8",), "9.9.9.9")):
        async with served(desk, ByRole(), proxies=proxies) as url, aiohttp.ClientSession(url) as session:
            logged = _Records()
            logging.getLogger("market_maker.api.denials").addHandler(logged)
            async with session.get(STATUS, headers=headers) as answer:
                assert answer.status == 401
            logging.getLogger("market_maker.api.denials").removeHandler(logged)
            assert f"by {address}:" in logged.lines[0]


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def test_denied_attempts_are_summed_in_audit_and_log(
    desk: FakeDesk, unheld: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    async with in_process(desk, ByRole()) as api:
        for _ in range(2_000):
            await api.call("POST", PAUSE, headers={"Authorization": "mm:read"})
            await api.get(STATUS)
        api.app.state.denials.tell()
    assert [row.why for row in desk.trail] == [
        "denied: needs the role mm:operate",
        "denied 1999 more times within a minute: needs the role mm:operate",
    ]
    lines = [record.getMessage() for record in caplog.records if "denied" in record.getMessage()]
    assert len([line for line in lines if not line.startswith("audit")]) == 4


def test_kinds_of_attempts_are_bounded() -> None:
    rows: list[AuditEntry] = []
    denials = Denials(rows.extend)
    for number in range(10 * KINDS_MAX):
        denials.add(AttemptKind(f"10.0.{number // 256}.{number % 256}", "GET /", None, "no token"), None)
    assert len(denials._sums) <= KINDS_MAX + 1
    assert rows == []


def test_refusals_are_given_at_a_steady_pace_and_none_is_held_for_long() -> None:
    refusals = Refusals(per_second=10, burst=2)
    held = [refusals.hold_s(100.0, HELD_S_MAX) for _ in range(5)]
    assert held == pytest.approx([0, 0, 0.1, 0.2, 0.3])
    late = [refusals.hold_s(100.0, HELD_S_MAX) for _ in range(1_000)]
    assert HELD_S_MAX / 2 <= min(late[100:]) < max(late) <= HELD_S_MAX
    assert refusals.hold_s(100.0 + 2 * HELD_S_MAX, HELD_S_MAX) == 0


def test_as_many_strangers_as_may_connect_are_answered_at_the_pace_of_few() -> None:
    refusals = Refusals()
    answered_at = [refusals.hold_s(0.0, HELD_S_MAX) for _ in range(STRANGERS_MAX)]
    answers = 0
    while (now_s := heapq.heappop(answered_at)) < 30.0:
        answers += 1
        heapq.heappush(answered_at, now_s + refusals.hold_s(now_s, HELD_S_MAX))
    assert answers <= strangers.BURST + 30 * strangers.PER_SECOND


def test_who_asks_whether_the_process_lives_is_answered_in_time_however_long_others_wait() -> None:
    refusals = Refusals()
    for _ in range(STRANGERS_MAX):
        refusals.hold_s(100.0, HELD_S_MAX)
    assert refusals.hold_s(100.0, PROBE_HELD_S_MAX) <= PROBE_HELD_S_MAX


async def test_who_leaves_without_waiting_for_his_refusal_leaves_nothing_behind(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held() -> list[asyncio.Task[object]]:
        return [task for task in asyncio.all_tasks() if "run_asgi" in repr(task.get_coro())]

    monkeypatch.setattr("market_maker.api.app.Refusals", lambda: Refusals(per_second=0.11, burst=0))
    async with served(desk, ByRole()) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/mm/status HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: bool(held()))
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: not held())
