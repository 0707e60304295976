"""What others leave in PostgreSQL for the symbols of this instance: kills, and changed configurations."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from market_maker.actors.trading import Trading
from market_maker.core.commands import Reply
from market_maker.core.states import Cause
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.kill_orders import KillOrderRepository

INTERVAL_S: Final = 1.0
REPLY_S_MAX: Final = 2.0
DURABLE_S_MAX: Final = 5.0

_log = structlog.get_logger()


class Errands:
    """Looks every second: a kill arrives so with Redis down too."""

    def __init__(
        self,
        trading: Trading,
        kills: KillOrderRepository,
    ) -> None:
        self._supervisor = trading.supervisor
        self._controls = trading.controls
        self._journal = trading.journal
        self._kills = kills
        self._turn = asyncio.Lock()

    async def run(self, read_configs: Callable[[], Awaitable[None]]) -> None:
        """Look until cancelled. `read_configs` may raise DatabaseError."""
        while True:
            try:
                await self.carry_out_kills(
                    [worker.name for worker in self._supervisor if worker.tenure.is_held]
                )
                await read_configs()
            except DatabaseError as error:
                _log.warning("errands_not_read", reason=str(error))
            await asyncio.sleep(INTERVAL_S)

    async def carry_out_kills(self, symbols: Iterable[str]) -> None:
        """Kill what is asked for, and say so once it is durable. Raises DatabaseError.

        One look after the other: an order that was read is carried out before anybody looks again, so that
        after `carry_out_kills` no kill that was asked for before it can still come.
        """
        async with self._turn:
            await self._carry_out_kills(symbols)

    async def _carry_out_kills(self, symbols: Iterable[str]) -> None:
        orders = await self._kills.open(sorted(symbols))
        if not orders:
            return
        done: list[UUID] = []
        replies: dict[UUID, asyncio.Future[Reply]] = {}
        for order in orders:
            _log.error("kill_order", symbol=order.symbol, actor=order.actor, reason=order.reason)
            if self._supervisor.worker(order.symbol) is None:
                continue
            if self._supervisor.failure(order.symbol):  # HALTED already, and no engine to reply
                done.append(order.id)
                continue
            request_id, replies[order.id] = self._controls.open()
            self._supervisor.ask(order.symbol, request_id, Cause.KILL, order.actor, order.reason)
        await self._note_done(done, replies)

    async def _note_done(self, done: list[UUID], replies: Mapping[UUID, "asyncio.Future[Reply]"]) -> None:
        """An order that cannot be marked in time is carried out again, which changes nothing."""
        if replies:
            await asyncio.wait(replies.values(), timeout=REPLY_S_MAX)
        done += [order_id for order_id, reply in replies.items() if reply.done()]
        for reply in replies.values():
            reply.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(DURABLE_S_MAX):
                await self._journal.drain()
                await self._kills.mark_done(done)
