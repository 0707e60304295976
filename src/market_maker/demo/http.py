"""JSON over HTTP, as the demo's own client of the service and the sandbox."""

from typing import Any

import aiohttp

from market_maker.demo.processes import DemoError

TIMEOUT_S = 5.0


class JsonClient:
    """Requests to one base URL."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def get(self, path: str, params: Any = None) -> Any:
        """The answer's JSON. Raises aiohttp.ClientError or TimeoutError when there is none."""
        return await self._request("GET", path, params=params)

    async def post(self, path: str, body: Any = None) -> Any:
        """The answer's JSON; DemoError when the request is refused."""
        return await self._request("POST", path, json={} if body is None else body)

    async def put(self, path: str, body: Any) -> Any:
        """The same with PUT."""
        return await self._request("PUT", path, json=body)

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with self._session.request(
            method, self._base_url + path, timeout=timeout, **options
        ) as response:
            text = await response.text()
            if response.status >= 400:
                raise DemoError(f"{method} {path} answered {response.status}: {text[:500]}")
            return await response.json(content_type=None) if text else None
