"""The outbox of what this instance owns: a symbol's events have one sender, or their order would be lost."""

from collections.abc import Callable, Sequence
from datetime import datetime

from market_maker.repositories.outbox import OutboxEvent, OutboxRepository


class OwnedOutbox:
    """Implements the relay's OutboxStore for the symbols that `is_mine` names, asked anew each time."""

    def __init__(self, outbox: OutboxRepository, is_mine: Callable[[str], bool]) -> None:
        self._outbox = outbox
        self._is_mine = is_mine

    async def unsent(self, limit: int) -> Sequence[OutboxEvent]:
        """Waiting events, in order within each symbol, the symbols taking turns."""
        symbols = await self._mine()
        return await self._outbox.unsent(symbols, limit) if symbols else []

    async def mark_sent(self, ids: Sequence[int], at: datetime) -> int:
        """Note the broker's acknowledgement; how many of them had still been waiting."""
        return await self._outbox.mark_sent(ids, at)

    async def pending_count(self) -> int:
        """How many events wait."""
        symbols = await self._mine()
        return await self._outbox.pending_count_of(symbols) if symbols else 0

    async def _mine(self) -> Sequence[str]:
        return [symbol for symbol in await self._outbox.unsent_symbols() if self._is_mine(symbol)]
