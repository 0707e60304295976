"""The outbox relay: what was committed with its cause goes to Kafka, per symbol in order, at least once.

A symbol has one message on its way at a time, and a row that fails, or is slow, holds back that symbol's
later rows and no others, so order survives every retry. A row is marked sent only on the broker's
acknowledgement; a crash between the two sends it again, with the same event id.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.outbox import OutboxEvent
from market_maker.streams import envelope
from market_maker.streams.avro_codec import AvroEncoder
from market_maker.streams.errors import EncodeError, RegistryError
from market_maker.streams.publisher import KafkaPublisher, PublishError

ROWS_MAX = 500
POLL_S = 1.0
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 5.0
FLUSH_RETRY_S = 0.05
SLOW_S = 0.25
"""A symbol whose messages take longer goes on by itself, while those of others are looked for."""

_log = logging.getLogger(__name__)


class OutboxStore(Protocol):
    """The outbox as the relay needs it; raises DatabaseError when the database is away."""

    async def unsent(self, limit: int) -> Sequence[OutboxEvent]:
        """Waiting rows, in order within each symbol, the symbols taking turns."""

    async def mark_sent(self, ids: Sequence[int], at: datetime) -> int:
        """Note the broker's acknowledgement."""

    async def pending_count(self) -> int:
        """How many rows wait."""


class OutboxRelay:
    """Sends waiting rows until its task is cancelled."""

    def __init__(
        self,
        store: OutboxStore,
        encoder: AvroEncoder,
        publisher: KafkaPublisher,
        *,
        rows_max: int = ROWS_MAX,
        poll_s: float = POLL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._publisher = publisher
        self._rows_max = rows_max
        self._poll_s = poll_s
        self._clock = clock
        self._work = asyncio.Event()
        self._one_round = asyncio.Lock()
        self._acknowledged: list[int] = []
        """Acknowledged by the broker, not marked yet: never sent again while this process lives."""
        self._sending: dict[str, asyncio.Task[None]] = {}
        """Symbols whose messages are on their way."""
        self._held_back: dict[str, tuple[int, float]] = {}
        """Symbol -> (failures in a row, monotonic seconds of the next try)."""
        self.sent = 0
        """Messages that the broker acknowledged."""
        self.last_error = ""
        """Why the last try failed; empty after a round without failure."""

    def notify(self) -> None:
        """Say that rows were committed: the relay looks at once."""
        self._work.set()

    async def run(self) -> None:
        """Relay until cancelled. Nothing that Kafka, the registry or the database does ends it."""
        try:
            while True:
                await self._run_once()
        finally:
            sending = tuple(self._sending.values())
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def _run_once(self) -> None:
        self._work.clear()
        try:
            more = await self._round()
        except (DatabaseError, RegistryError) as error:
            self._note(error)
            await asyncio.sleep(self._poll_s)
            return
        if not more:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._work.wait()

    async def flush(self, timeout_s: float) -> int:
        """Send what waits, retrying at once, for at most that long; returns how many rows still wait.

        DatabaseError when even that cannot be counted.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    self._held_back.clear()
                    try:
                        await self._round()
                        if not await self._store.pending_count():
                            return 0
                    except (DatabaseError, RegistryError) as error:
                        self._note(error)
                    await asyncio.sleep(FLUSH_RETRY_S)
        return await self._store.pending_count()

    async def _round(self) -> bool:
        """Send one page; whether there is more to do at once."""
        async with self._one_round:
            await self._mark()
            rows = await self._store.unsent(self._rows_max)
            if rows:
                await asyncio.to_thread(self._encoder.register)
            before = self.sent
            begun = self._begin(rows)
            if begun:
                await asyncio.wait(begun, timeout=SLOW_S)
            self._finish()
            await self._mark()
            if not self._held_back:
                self.last_error = ""
            return len(rows) >= self._rows_max and self.sent > before

    def _begin(self, rows: Sequence[OutboxEvent]) -> list[asyncio.Task[None]]:
        """Start to send the rows of every symbol that has nothing on its way."""
        acknowledged = set(self._acknowledged)
        by_symbol: dict[str, list[OutboxEvent]] = {}
        for row in rows:
            is_free = row.symbol not in self._sending and not self._is_held_back(row.symbol)
            if is_free and row.id not in acknowledged:
                by_symbol.setdefault(row.symbol, []).append(row)
        begun = []
        for symbol, waiting in by_symbol.items():
            sending = asyncio.get_running_loop().create_task(self._send_in_order(symbol, waiting))
            sending.add_done_callback(lambda _: self._work.set())  # what it sent is to be marked
            self._sending[symbol] = sending
            begun.append(sending)
        return begun

    def _finish(self) -> None:
        """Forget who has sent everything; raises what is no refusal of Kafka's."""
        for symbol, sending in tuple(self._sending.items()):
            if sending.done():
                del self._sending[symbol]
                sending.result()

    async def _send_in_order(self, symbol: str, rows: Sequence[OutboxEvent]) -> None:
        for row in rows:
            try:
                await self._send(row)
            except (PublishError, EncodeError) as error:
                self._hold_back(symbol)
                self._note(f"{row.topic} row {row.id}: {error}")
                return
            self._acknowledged.append(row.id)
            self._held_back.pop(symbol, None)
            self.sent += 1

    async def _send(self, row: OutboxEvent) -> None:
        record = envelope.wrap(
            row.topic, row.payload, event_id=str(row.event_id), at=row.created_at, trace_id=row.trace_id
        )
        value = self._encoder.encode(row.topic, record)
        await self._publisher.publish(row.topic, row.symbol, value, envelope.trace_headers(row.trace_id))

    async def _mark(self) -> None:
        if self._acknowledged:
            ids = tuple(self._acknowledged)
            await self._store.mark_sent(ids, datetime.now(UTC))
            del self._acknowledged[: len(ids)]

    # --- retries ----------------------------------------------------------------------------------

    def _hold_back(self, symbol: str) -> None:
        failures = self._held_back.get(symbol, (0, 0.0))[0] + 1
        pause_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(failures - 1, 16))
        self._held_back[symbol] = (failures, self._clock() + pause_s)

    def _is_held_back(self, symbol: str) -> bool:
        held = self._held_back.get(symbol)
        return held is not None and self._clock() < held[1]

    def _pause_s(self) -> float:
        next_try = min((due for _, due in self._held_back.values()), default=float("inf"))
        return max(0.0, min(self._poll_s, next_try - self._clock()))

    def _note(self, error: object) -> None:
        if str(error) != self.last_error:
            _log.warning("outbox: waiting events are held back: %s", error)
        self.last_error = str(error)
