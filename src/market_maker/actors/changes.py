"""Which symbols changed, from many publishers to many readers, without ever waiting for a reader."""

import asyncio


class ChangeFeed:
    """Hands the symbols that changed to every subscription; used on the event loop's thread only."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def publish(self, symbol: str) -> None:
        """Say that the status of a symbol changed."""
        for subscription in self._subscriptions:
            subscription.add(symbol)

    def subscribe(self) -> "Subscription":
        """A new subscription; it must be closed."""
        subscription = Subscription(self._subscriptions)
        self._subscriptions.add(subscription)
        return subscription


class Subscription:
    """One reader. Changes coalesce: memory is bounded by the number of symbols."""

    def __init__(self, registry: set["Subscription"]) -> None:
        self._registry = registry
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, symbol: str) -> None:
        """Remember a change and wake the reader."""
        self._changed.add(symbol)
        self._wake.set()

    async def next(self, timeout_s: float) -> frozenset[str] | None:
        """Symbols changed since the last call; empty when the time passed, None when closed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return frozenset()
        if self._closed:
            return None
        self._wake.clear()
        changed = frozenset(self._changed)
        self._changed.clear()
        return changed

    def close(self) -> None:
        """End it; a waiting reader gets None."""
        self._closed = True
        self._registry.discard(self)
        self._wake.set()
