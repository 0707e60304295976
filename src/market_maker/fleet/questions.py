"""Questions from one instance to another, by publish and subscribe: at most once, with a time limit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from market_maker.fleet.heartbeat import GarbledError
from market_maker.fleet.link import ANSWER_S_MAX, FleetLink
from market_maker.fleet.message import FleetMessage
from market_maker.fleet.seal import AGE_MS_MAX, Seal

REQUESTS: Final = "mm:requests:"
ANSWERS: Final = "mm:answers:"
MESSAGE_BYTES_MAX: Final = 1 << 20
"""A page of history takes a fifth of it; reading more would hold up the event loop, on which orders leave."""
UNDER_WAY_MAX: Final = 64
"""Requests that are worked on at a time; what comes on top is not answered."""
PING_EVERY_S: Final = 1.0
"""After so much silence the server is asked whether the subscription still stands."""
BACKOFF_S: Final = (0.05, 0.1, 0.2, 0.5)
"""Between attempts to subscribe again; the last one is repeated."""

AnswerTo = Callable[[bytes], Awaitable[bytes]]


class FleetQuestions:
    """Asks others, and answers what others ask while `run` runs."""

    def __init__(self, link: FleetLink, instance_id: str, seal: Seal) -> None:
        self._link = link
        self._seal = seal
        self._begun: dict[str, int] = {}
        """Requests of the last seconds, with when each arrived: none is carried out twice."""
        self._id = instance_id
        self._subscribed = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger()

    async def run(self, answer: AnswerTo) -> None:
        """Serve requests until cancelled; subscribe again for as long as it takes when Redis was gone."""
        failures = 0
        try:
            while True:
                try:
                    await self._listen(answer)
                except (RedisError, OSError, TimeoutError) as error:
                    failures = 0 if self._subscribed.is_set() else failures + 1
                    self._subscribed.clear()
                    self._link.gone(error)
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
        finally:
            self._subscribed.clear()
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def ask(self, instance_id: str, body: bytes, timeout_s: float) -> bytes | None:
        """The other instance's answer; None when none came in time, or when it cannot be reached."""
        message_id = uuid4().hex
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = answer
        try:
            async with asyncio.timeout(timeout_s):
                if not await self._send(instance_id, message_id, body, timeout_s):
                    return None
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._waiting[message_id]

    async def _send(self, instance_id: str, message_id: str, body: bytes, timeout_s: float) -> bool:
        """Publish a request; whether anybody got it."""
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self._subscribed.wait()  # else the answer could not reach us
        except TimeoutError:
            return False
        now_ms = self._link.now_ms()
        expires_ms = None if now_ms is None else now_ms + int(timeout_s * 1000)
        return await self._publish(
            f"{REQUESTS}{instance_id}", FleetMessage(message_id, self._id, body, expires_ms)
        )

    async def _publish(self, channel: str, message: FleetMessage) -> bool:
        now_ms = await self._link.known_ms()
        if now_ms is None:
            return False
        text = self._seal.sealed(channel, message.encode(), now_ms)
        if len(text) > MESSAGE_BYTES_MAX:
            self._log.error(
                "fleet_bus_message_too_long", channel=channel, bytes=len(text), allowed=MESSAGE_BYTES_MAX
            )
            return False
        answers = await self._link.run(("PUBLISH", channel, text))
        return answers is not None and bool(answers[0])

    # --- what arrives ---------------------------------------------------------------------------

    async def _listen(self, answer: AnswerTo) -> None:
        """Subscribe and take messages in until the connection breaks, which is raised."""
        async with self._link.redis.pubsub() as subscription:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self._subscribe(subscription)
            self._subscribed.set()
            pinged = False
            while True:
                message = await subscription.get_message(timeout=PING_EVERY_S)
                if message is not None:
                    pinged = False
                    if message["type"] == "message":
                        self._take(message["channel"].decode(), message["data"], answer)
                elif pinged:
                    raise TimeoutError("the subscription does not answer any more")
                else:
                    async with asyncio.timeout(ANSWER_S_MAX):
                        await subscription.ping()
                    pinged = True

    async def _subscribe(self, subscription: PubSub) -> None:
        """Return once both channels are subscribed and Redis' clock is known."""
        channels = (f"{REQUESTS}{self._id}", f"{ANSWERS}{self._id}")
        await subscription.subscribe(*channels)
        missing = len(channels)
        while missing:
            missing -= await subscription.get_message(timeout=ANSWER_S_MAX) is not None
        if await self._link.run_timed() is None:
            raise TimeoutError("TIME was not answered")

    def _take(self, channel: str, text: bytes, answer: AnswerTo) -> None:
        message = self._decoded(channel, text)
        if message is None:
            return
        if channel.startswith(REQUESTS):
            self._begin(message, answer)
            return
        waiting = self._waiting.get(message.id)
        if waiting is None:
            self._log.info("fleet_bus_answer_too_late", sender=message.sender)
        elif not waiting.done():
            waiting.set_result(message.body)

    def _decoded(self, channel: str, text: bytes) -> FleetMessage | None:
        problem = f"{len(text)} bytes, more than {MESSAGE_BYTES_MAX}"
        now_ms = self._link.now_ms()
        if len(text) <= MESSAGE_BYTES_MAX and now_ms is not None:
            try:
                return FleetMessage.decode(self._seal.opened(channel, text, now_ms))
            except GarbledError as error:
                problem = str(error)
        self._log.warning("fleet_bus_garbage", key=channel, reason=problem[:300])
        return None

    def _begin(self, request: FleetMessage, answer: AnswerTo) -> None:
        """Work on a request in a task of its own, unless nobody waits for it any more."""
        now_ms = self._link.latest_ms()
        if request.expires_ms is None or now_ms is None or now_ms >= request.expires_ms:
            self._log.warning("fleet_bus_request_too_late", sender=request.sender)
        elif self._is_repeated(request.id, now_ms):
            self._log.warning("fleet_bus_request_repeated", sender=request.sender)
        elif len(self._under_way) >= UNDER_WAY_MAX:
            self._log.warning("fleet_bus_request_refused", sender=request.sender, under_way=UNDER_WAY_MAX)
        else:
            task = asyncio.get_running_loop().create_task(self._answer(request, answer))
            self._under_way.add(task)
            task.add_done_callback(self._answered)

    def _is_repeated(self, request_id: str, now_ms: int) -> bool:
        """Whether it was begun before; who can read Redis could send a signed request again."""
        oldest = next(iter(self._begun), None)
        while oldest is not None and now_ms - self._begun[oldest] > 2 * AGE_MS_MAX:
            del self._begun[oldest]
            oldest = next(iter(self._begun), None)
        if request_id in self._begun:
            return True
        self._begun[request_id] = now_ms
        return False

    async def _answer(self, request: FleetMessage, answer: AnswerTo) -> None:
        body = await answer(request.body)
        await self._publish(f"{ANSWERS}{request.sender}", FleetMessage(request.id, self._id, body))

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("fleet_bus_request_failed", exc_info=error)
