"""Who holds a connection, for how long, and who makes room for whom."""

import asyncio
import re
from contextlib import suppress

import pytest
from tests.unit.api.test_security import ByRole

from lab.api import served
from lab.desk import FakeDesk
from market_maker.api import connections
from market_maker.api.connections import (
    KNOWN_MAX,
    KNOWN_PER_SUBJECT_MAX,
    STRANGERS_MAX,
    STRANGERS_PER_ADDRESS_MAX,
    Connections,
)

GET = b"GET /v1/mm/status HTTP/1.1\r\nHost: x\r\n"
HALF_A_KILL = (
    b"POST /v1/mm/emergency/kill HTTP/1.1\r\nHost: x\r\nAuthorization: mm:emergency\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)
TOKEN = b"Authorization: mm:read\r\n"


class Held:
    """One connection."""

    def __init__(self) -> None:
        self.is_cut_off = False

    def abort(self) -> None:
        self.is_cut_off = True


def arrive(held: Connections, count: int, address: str = "") -> list[Held]:
    made = [Held() for _ in range(count)]
    for number, one in enumerate(made):
        held.arrived(one, address or f"10.0.0.{number}")
    return made


def test_the_oldest_stranger_makes_room_for_the_newest() -> None:
    held = Connections()
    first, second, *others = arrive(held, STRANGERS_MAX)
    arrive(held, 1)
    assert first.is_cut_off
    assert not any(one.is_cut_off for one in (second, *others))
    assert len(held) == STRANGERS_MAX


def test_one_address_makes_room_for_itself_before_others_have_to() -> None:
    held = Connections()
    [other] = arrive(held, 1, "10.9.9.9")
    many = arrive(held, STRANGERS_PER_ADDRESS_MAX + 5, "10.1.1.1")
    assert [one.is_cut_off for one in many] == [True] * 5 + [False] * STRANGERS_PER_ADDRESS_MAX
    assert not other.is_cut_off


def test_a_proxy_stands_for_many() -> None:
    held = Connections(lambda address: address == "10.1.1.1")
    assert not any(one.is_cut_off for one in arrive(held, STRANGERS_PER_ADDRESS_MAX + 5, "10.1.1.1"))


def test_nobody_takes_the_place_of_an_operator() -> None:
    held = Connections()
    [operator] = arrive(held, 1)
    held.let_in(operator, "alice")
    arrive(held, 10 * STRANGERS_MAX)
    assert not operator.is_cut_off
    assert len(held) == STRANGERS_MAX + 1


def test_one_subject_has_so_many_places_and_all_have_so_many() -> None:
    held = Connections()
    for number in range(2 * KNOWN_MAX):
        [one] = arrive(held, 1)
        held.let_in(one, f"subject-{number // (KNOWN_PER_SUBJECT_MAX + 10)}")
    assert len(held._known) == KNOWN_MAX
    assert max(held._of_subject.values()) == KNOWN_PER_SUBJECT_MAX


def test_who_leaves_leaves_nothing_behind() -> None:
    held = Connections()
    made = arrive(held, 50, "10.1.1.1")
    for one in made[:20]:
        held.let_in(one, "alice")
    for one in made:
        held.left(one)
    assert (len(held), held._of_address, held._of_subject) == (0, {}, {})


@pytest.mark.parametrize(
    ("half", "statuses"),
    [
        (b"", []),
        (b"GET /v1/mm/status HT", [408]),
        (GET, [408]),
        (GET + TOKEN + b"X: ", [408]),
        (HALF_A_KILL, [408]),
        (GET + TOKEN + b"\r\n" + GET, [200, 408]),
        (GET + TOKEN + b"\r\n", [200]),
    ],
)
async def test_half_a_request_is_not_waited_for_for_long_and_is_told_so(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, half: bytes, statuses: list[int]
) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.2)
    said = b""
    async with served(desk, ByRole()) as url:
        reader, writer = await _opened(url)
        writer.write(half)
        async with asyncio.timeout(30):
            with _cut_off():
                while part := await reader.read(65_536):
                    said += part
        writer.close()
    assert [int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", said)] == statuses
    assert (b'"code":"REQUEST_TIMEOUT"' in said) is (408 in statuses)


async def test_single_bytes_do_not_buy_time(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)
    async with served(desk, ByRole()) as url:
        reader, writer = await _opened(url)
        ended = asyncio.create_task(reader.read())
        async with asyncio.timeout(10):
            with _cut_off():
                while not ended.done():
                    writer.write(b"G")
                    await asyncio.sleep(0.02)  # slower than any client of ours, faster than the limit
        with _cut_off():
            await ended
        writer.close()


async def test_who_reads_no_answer_is_cut_off(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WRITE_S", 0.2)
    async with served(desk, ByRole()) as url:
        _, writer = await _opened(url, limit=1)
        ended = writer.transport
        async with asyncio.timeout(30):
            with _cut_off():
                while not ended.is_closing():
                    writer.write((b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n" + TOKEN + b"\r\n") * 10)
                    await asyncio.sleep(0.01)  # what is written waits for nobody here
        writer.close()


async def test_an_operator_gets_in_while_strangers_hold_every_place(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STRANGERS_PER_ADDRESS_MAX", 20)
    async with served(desk, ByRole()) as url:
        holding = [await _opened(url) for _ in range(40)]
        for _, writer in holding:
            writer.write(GET)
        for _ in range(5):
            reader, writer = await _opened(url)
            writer.write(GET + TOKEN + b"Connection: close\r\n\r\n")
            assert b" 200 " in await reader.readline()
            writer.close()
        for _, writer in holding:
            writer.close()


async def test_streams_are_limited_for_each_subject(desk: FakeDesk) -> None:
    async with served(desk, ByRole()) as url:
        opened = [await _opened(url) for _ in range(9)]
        statuses = []
        for reader, writer in opened:
            writer.write(b"GET /v1/mm/stream HTTP/1.1\r\nHost: x\r\n" + TOKEN + b"\r\n")
            statuses.append((await reader.readline()).split()[1])
        assert statuses == [b"200"] * 8 + [b"429"]
        for _, writer in opened:
            writer.close()


async def _opened(url: str, limit: int = 65_536) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port), limit=limit)


def _cut_off() -> suppress:
    """A connection may end by a reset."""
    return suppress(ConnectionError)


async def test_a_request_with_two_lengths_is_answered_400_and_what_follows_is_not_read(
    desk: FakeDesk,
) -> None:
    async with served(desk, ByRole()) as url:
        reader, writer = await _opened(url)
        kill = b"POST /v1/mm/emergency/kill HTTP/1.1\r\nHost: x\r\nAuthorization: mm:emergency\r\n"
        lengths = b"Content-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(kill + lengths + b"0\r\n\r\n" + GET + TOKEN + b"\r\n")
        async with asyncio.timeout(30):
            said = await reader.read()
        writer.close()
    assert re.findall(rb"HTTP/1.1 (\d+) ", said) == [b"400"]
    assert b'"code":"AMBIGUOUS_LENGTH"' in said
    assert desk.controls == []
