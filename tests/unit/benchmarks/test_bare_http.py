import asyncio

from benchmarks.bare_http import HOST, OK, BareHttp


async def exchange(*parts: bytes) -> tuple[list[tuple[str, str, bytes]], bytes]:
    asked: list[tuple[str, str, bytes]] = []

    def answer(method: str, target: str, body: bytes) -> tuple[str, bytes]:
        asked.append((method, target, body))
        return OK, b"{}"

    server = await asyncio.get_running_loop().create_server(lambda: BareHttp(answer), HOST, 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        answered = b""
        while not answered.endswith(b"\r\n\r\n{}"):
            answered += await reader.read(1000)
        writer.close()
        await writer.wait_closed()
    return asked, answered


async def test_a_request_that_comes_in_parts_is_answered_when_it_is_whole() -> None:
    asked, answered = await exchange(
        b"POST /v1/or", b"ders HTTP/1.1\r\nContent-Length: 7\r\n\r\n{", b'"a":1}'
    )
    assert asked == [("POST", "/v1/orders", b'{"a":1}')]
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 2\r\n" in answered


async def test_what_the_server_took_itself_is_said_in_the_answer() -> None:
    _, answered = await exchange(b"DELETE /v1/orders/1 HTTP/1.1\r\n\r\n")
    assert b"\r\nServer-Timing: own;dur=" in answered
