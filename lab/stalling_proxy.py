"""A way to a server that can be made to hang: connections are taken and stay open, nothing goes through."""

import asyncio
from typing import Self

TURNS_TO_CONNECT = 10
"""More turns of the loop than pass until a connection that is just being accepted is told of."""


class StallingProxy:
    """Passes bytes on in both directions, on 127.0.0.1, except while it is frozen."""

    def __init__(self, port: int) -> None:
        """`port` is the server's."""
        self._server_port = port
        self._moving = asyncio.Event()
        self._moving.set()
        self._relays: set[asyncio.Task[None]] = set()
        self._withheld = 0
        self.port = 0

    @property
    def withholds(self) -> bool:
        """Whether something waits to be passed on."""
        return self._withheld > 0

    def freeze(self) -> None:
        """Pass nothing on from now on."""
        self._moving.clear()

    def thaw(self) -> None:
        """Pass on what waits, and all that follows."""
        self._moving.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for _turn in range(TURNS_TO_CONNECT):
            await asyncio.sleep(0)
        while self._relays:
            for relay in self._relays:
                relay.cancel()
            await asyncio.gather(*self._relays, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.get_running_loop().create_task(self._relay_both(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay_both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._server_port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._relay(reader, onward))
                    both.create_task(self._relay(onward_reader, writer))
            finally:
                onward.transport.abort()
        finally:
            writer.transport.abort()  # what waits in it goes nowhere any more
            await asyncio.sleep(0)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while received := await reader.read(65536):
                self._withheld += 1
                try:
                    await self._moving.wait()
                finally:
                    self._withheld -= 1
                writer.write(received)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()
