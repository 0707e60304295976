"""Requests of operators on their way through the mailboxes, and who waits for their replies."""

import asyncio
from itertools import count

from market_maker.core.commands import Reply


class Controls:
    """Matches the replies of engines with the callers that wait for them."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}

    def open(self) -> tuple[int, "asyncio.Future[Reply]"]:
        """A new request id and the future of its reply."""
        request_id = next(self._ids)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        future.add_done_callback(lambda _: self._waiting.pop(request_id, None))
        return request_id, future

    def resolve(self, reply: Reply) -> None:
        """Hand a reply to its caller; one that nobody waits for any more is dropped."""
        future = self._waiting.get(reply.request_id)
        if future is not None and not future.done():
            future.set_result(reply)
