"""The Order Service as the guard may use it: cancel and ask. There is no way to place an order from here."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from market_maker.clients.order_service import OrderServiceClient
from market_maker.core.events import CancelAllAnswer, OpenOrdersAnswer, RequestOutcome

AT_ONCE_MAX: Final = 64
"""Requests under way. A fleet's worth of symbols at once would only make each of them look late."""


class Exchange(Protocol):
    """All that the guard can do at an exchange."""

    def cancel_all(self, symbol: str) -> Awaitable[CancelAllAnswer]:
        """Cancel every order of our account in the symbol."""
        ...

    def open_orders(self, symbol: str) -> Awaitable[OpenOrdersAnswer]:
        """All open orders of our account in the symbol, or an outcome other than OK."""
        ...


class CancellingExchange:
    """The Order Service's client without its power to place; so many requests at a time and no more."""

    __slots__ = ("cancel_all", "open_orders")

    def __init__(self, client: OrderServiceClient) -> None:
        room, cancel_all, open_orders = asyncio.Semaphore(AT_ONCE_MAX), client.cancel_all, client.open_orders

        async def cancel(symbol: str) -> CancelAllAnswer:
            async with room:
                return await cancel_all(symbol, _ignore)

        async def ask(symbol: str) -> OpenOrdersAnswer:
            async with room:
                return await open_orders(symbol)

        self.cancel_all: Callable[[str], Awaitable[CancelAllAnswer]] = cancel
        self.open_orders: Callable[[str], Awaitable[OpenOrdersAnswer]] = ask


def _ignore(_late: object) -> None:
    """A cancel that was answered too late was followed by another one."""


class NoExchange:
    """In shadow mode nothing is in the market, and a live fleet may share the account: nothing is sent."""

    async def cancel_all(self, symbol: str) -> CancelAllAnswer:  # noqa: ARG002 -- as the protocol says
        """Nothing to cancel."""
        return CancelAllAnswer(time.monotonic_ns(), RequestOutcome.OK)

    async def open_orders(self, symbol: str) -> OpenOrdersAnswer:  # noqa: ARG002 -- as the protocol says
        """Nothing is open."""
        now_ns = time.monotonic_ns()
        return OpenOrdersAnswer(now_ns, now_ns, RequestOutcome.OK, ())
