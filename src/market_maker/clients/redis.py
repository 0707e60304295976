"""Redis or Valkey: asked for its health only. Gone means degraded, never stopped."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from market_maker.clients.health import Health

PING_TIMEOUT_S: Final = 1.0


class RedisClient:
    """A connection that is made when first needed and again after it broke."""

    def __init__(self, url: str, tls: Mapping[str, Any] | None = None) -> None:
        """`tls` are redis-py's options for rediss:// addresses."""
        self._redis: Redis = Redis.from_url(
            url, socket_connect_timeout=PING_TIMEOUT_S, socket_timeout=PING_TIMEOUT_S, **(tls or {})
        )

    async def health(self) -> Health:
        """Whether it answers a ping within a second. Never raises."""
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            return Health("redis", healthy=False, detail=f"{type(error).__name__}: {error}"[:200])
        return Health("redis", healthy=True)

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
