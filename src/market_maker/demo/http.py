"""JSON over HTTP, as the demo's own client of the service and the sandbox."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import aiohttp

from market_maker.demo.processes import DemoError

TIMEOUT_S = 5.0


class AnswerError(DemoError):
    """A server refused; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_passing(self) -> bool:
        """Whether asking again later may work: too many requests, or a server in trouble."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class JsonClient:
    """Requests to one base URL."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        token: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._token = token

    async def get(self, path: str, params: Any = None) -> Any:
        """The answer's JSON; AnswerError when the request is refused, as with the others.

        Raises aiohttp.ClientError or TimeoutError when there is no answer.
        """
        return await self._request("GET", path, params=params)

    async def post(self, path: str, body: Any = None) -> Any:
        """The same with POST; no body is sent as an empty object."""
        return await self._request("POST", path, json={} if body is None else body)

    async def put(self, path: str, body: Any) -> Any:
        """The same with PUT."""
        return await self._request("PUT", path, json=body)

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        headers = {} if self._token is None else {"Authorization": f"Bearer {await self._token()}"}
        async with self._session.request(
            method, self._base_url + path, timeout=timeout, headers=headers, **options
        ) as response:
            text = await response.text()
            if response.status >= 400:
                raise AnswerError(
                    f"{method} {path} answered {response.status}: {text[:500]}", response.status
                )
            return await response.json(content_type=None) if text else None
