"""While nobody is asked for a token, a request comes from a page of ours, to a name of ours."""

import asyncio

import pytest
from tests.unit.api.test_security import ByRole

from lab.api import Api, in_process, served
from lab.desk import FakeDesk

PAUSE = "/v1/mm-configs/BTC-USDT/pause"
TAKEN = 409
"""The symbol itself has answered: it is PAUSED already."""
STATUS = "/v1/mm/status"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "mm.localhost:1",
        "127.0.0.1:8080",
        "10.2.3.4",
        "[::1]:8080",
    ],
)
async def test_addresses_and_loopback_names_are_ours(api: Api, host: str) -> None:
    assert (await api.call("GET", STATUS, headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io", "", "a b", "[::1"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_name_that_somebody_else_may_have_pointed_here_is_refused(
    api: Api, desk: FakeDesk, method: str, host: str
) -> None:
    answer = await api.call(method, STATUS if method == "GET" else PAUSE, headers={"Host": host})
    assert (answer.status, answer.code) == (403, "UNKNOWN_HOST")
    assert "HTTP_HOST_NAMES" in answer.body["detail"]
    assert desk.controls == []


@pytest.mark.parametrize("body", [b"", b"reason=x"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:8080", "http://[", ""],
)
async def test_a_post_from_a_foreign_origin_is_refused(
    api: Api, desk: FakeDesk, origin: str, body: bytes
) -> None:
    headers = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await api.call("POST", PAUSE, data=body, headers=headers)
    assert (answer.status, answer.code) == (403, "CROSS_SITE")
    assert desk.controls == []


@pytest.mark.parametrize(
    ("origin", "host"), [("http://localhost:8080", "localhost:8080"), ("https://10.1.1.1", "10.1.1.1")]
)
async def test_our_own_page_may_do_everything(api: Api, origin: str, host: str) -> None:
    assert (await api.call("POST", PAUSE, headers={"Origin": origin, "Host": host})).status == TAKEN


async def test_a_named_host_is_ours_and_so_are_its_pages(desk: FakeDesk) -> None:
    async with in_process(desk, host_names={"mm.example"}) as api:
        assert (await api.call("GET", STATUS, headers={"Host": "MM.example:8080"})).status == 200
        headers = {"Host": "10.0.0.1:8080", "Origin": "https://mm.example"}
        assert (await api.call("POST", PAUSE, headers=headers)).status == TAKEN


async def test_with_tokens_any_name_will_do(desk: FakeDesk) -> None:
    headers = {"Host": "mm.svc", "Origin": "https://desk.example", "Authorization": "mm:operate"}
    async with in_process(desk, ByRole()) as api:
        assert (await api.call("POST", PAUSE, headers=headers)).status == TAKEN


@pytest.mark.parametrize("headers", [{"Accept": "*/*"}, {"Content-Type": "application/octet-stream"}])
async def test_curl_and_other_clients_without_a_body_go_on_working(
    api: Api, desk: FakeDesk, headers: dict[str, str]
) -> None:
    assert (await api.call("POST", "/v1/mm-configs/BTC-USDT/enable", headers=headers)).status == 200
    assert len(desk.controls) == 1


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
async def test_an_empty_form_is_no_request_of_ours(api: Api, desk: FakeDesk, media: str) -> None:
    answer = await api.call("POST", PAUSE, headers={"Content-Type": media})
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert desk.controls == []


async def test_two_origins_are_refused_even_if_one_is_ours(desk: FakeDesk) -> None:
    async with served(desk) as url:
        own = f"Origin: {url}\r\n"
        assert b" 403 " in await first_line(
            url, f"POST {PAUSE} HTTP/1.1", own + "Origin: https://evil.example\r\n"
        )
        assert b" 403 " in await first_line(url, f"GET {STATUS} HTTP/1.1", own + own)
        assert b" 409 " in await first_line(url, f"POST {PAUSE} HTTP/1.1", own)


async def first_line(url: str, request: str, headers: str) -> bytes:
    host = url.removeprefix("http://")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    writer.write(f"{request}\r\nHost: {host}\r\n{headers}Content-Length: 0\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return line
