"""Commands to Redis that end within a second, whatever Redis does, and never raise."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

ANSWER_S_MAX: Final = 1.0
CONNECTIONS_MAX: Final = 16
WRONG_TYPE: Final = "WRONGTYPE"
"""How the error of a key begins that holds something else than it should: no fault of the server."""

Command = tuple[str | bytes | int, ...]


class FleetLink:
    """One pool of connections; tells the log once when Redis is gone and once when it is back.

    A connection is made when first needed and again after it broke. Nothing is tried twice: a request to
    another instance must not arrive twice, and who asks again does so himself. Nor is there a timeout for
    commands: redis-py would use `asyncio.wait_for`, which swallows cancellations on Python 3.11.
    """

    def __init__(
        self,
        url: str,
        tls: Mapping[str, Any] | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`tls` are redis-py's options for rediss:// addresses."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=ANSWER_S_MAX,
            socket_connect_timeout=ANSWER_S_MAX,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            **(tls or {}),
        )
        self.redis = Redis.from_pool(pool)
        self._clock_ns = clock_ns
        self._failure: str | None = None
        self._offsets_ms: tuple[int, int] | None = None
        """What is to be added to ours: at least, and at most."""
        self._log = structlog.get_logger()

    @staticmethod
    def deadline() -> float:
        """When an operation that begins now must have ended, in the event loop's time."""
        return asyncio.get_running_loop().time() + ANSWER_S_MAX

    async def run(self, *commands: Command, deadline: float | None = None) -> list[Any] | None:
        """The answers of commands that are sent together; None when Redis does not answer or refuses.

        The answer about a key that holds something of another type is the ResponseError that says so.
        """
        if not commands:
            return []
        try:
            async with asyncio.timeout_at(deadline or self.deadline()):
                async with self.redis.pipeline(transaction=False) as pipeline:
                    for command in commands:
                        pipeline.execute_command(*command)
                    answers: list[Any] = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            self.gone(error)
            return None
        for answer in answers:
            if isinstance(answer, Exception) and not _is_wrong_type(answer):
                self.gone(answer)
                return None
        self.back()
        return answers

    def gone(self, error: Exception) -> None:
        """Redis does not answer."""
        reason = f"{type(error).__name__}: {error}"[:200]
        if isinstance(error, TimeoutError):
            reason = f"no answer within {ANSWER_S_MAX:g} s"
        if self._failure is None:
            self._log.warning("fleet_bus_lost", reason=reason)
        self._failure = reason

    def back(self) -> None:
        """Redis answers."""
        if self._failure is not None:
            self._log.info("fleet_bus_back")
        self._failure = None

    async def health(self) -> str | None:
        """Why Redis does not answer within a second; None when it does."""
        return None if await self.run(("PING",)) is not None else self._failure

    # --- the one clock that all instances share -------------------------------------------------

    async def run_timed(self, *commands: Command, deadline: float | None = None) -> list[Any] | None:
        """As `run`; notes by the way what Redis' clock shows.

        It showed that somewhen between question and answer, between which this process may have stood still.
        """
        asked_ms = self._clock_ns() // 1_000_000
        answers = await self.run(("TIME",), *commands, deadline=deadline)
        if answers is None:
            return None
        seconds, microseconds = (int(part) for part in answers[0])
        shown_ms = seconds * 1000 + microseconds // 1000
        self._offsets_ms = shown_ms - self._clock_ns() // 1_000_000, shown_ms - asked_ms
        return answers[1:]

    def now_ms(self) -> int | None:
        """Redis' clock, in milliseconds since 1970: so late at least. None while it is not known."""
        return None if self._offsets_ms is None else self._clock_ns() // 1_000_000 + self._offsets_ms[0]

    def latest_ms(self) -> int | None:
        """As `now_ms`, but so late at most: what ends by Redis' clock may be over."""
        return None if self._offsets_ms is None else self._clock_ns() // 1_000_000 + self._offsets_ms[1]

    async def known_ms(self) -> int | None:
        """As `now_ms`, but asks when it is not known yet."""
        if self._offsets_ms is None:
            await self.run_timed()
        return self.now_ms()

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.aclose()


def _is_wrong_type(error: Exception) -> bool:
    return isinstance(error, ResponseError) and str(error).startswith(WRONG_TYPE)
