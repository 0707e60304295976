"""Redis or Valkey: how it is connected to, and its health. Gone means degraded, never stopped."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from market_maker.clients.dependency import DependencyHealth

PING_TIMEOUT_S: Final = 1.0
CONNECTIONS_MAX: Final = 16


def open_redis(url: str, tls: Mapping[str, Any] | None = None) -> Redis:
    """A client whose connections are made when first needed and again after they broke.

    `tls` are redis-py's options for rediss:// addresses. Nothing is tried twice: a request to another
    instance must not arrive twice, and who asks again does so himself. Nor is there a timeout for commands:
    redis-py would use `asyncio.wait_for`, which swallows cancellations on Python 3.11. Callers set their own.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS_MAX,
        timeout=PING_TIMEOUT_S,
        socket_connect_timeout=PING_TIMEOUT_S,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        **(tls or {}),
    )
    return Redis.from_pool(pool)


class RedisClient:
    """Asks for the health of the server, nothing else."""

    def __init__(self, url: str, tls: Mapping[str, Any] | None = None) -> None:
        """As for `open_redis`."""
        self._redis = open_redis(url, tls)

    async def health(self) -> DependencyHealth:
        """Whether it answers a ping within a second. Never raises."""
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._redis.ping()
        except TimeoutError:
            return DependencyHealth("redis", healthy=False, detail=f"no answer within {PING_TIMEOUT_S:g} s")
        except (RedisError, OSError) as error:
            return DependencyHealth("redis", healthy=False, detail=f"{type(error).__name__}: {error}"[:200])
        return DependencyHealth("redis", healthy=True)

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
