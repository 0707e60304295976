"""Gives symbols that were just taken the book that the topics already tell.

Else they would wait for their next snapshot. What it tells an engine is a snapshot like any other, at the
sequence where the live deltas go on. If there is none to be had it asks again for a moment; a snapshot that
comes by itself ends that.
"""

import asyncio
import time
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.worker import Worker
from market_maker.bootstrap.kafka import KafkaSide
from market_maker.core.states import State

LOOK_S: Final = 0.02
"""While somebody waits for a book, until it is looked again whether it can be read."""
AGAIN_S: Final = 0.5
"""After an attempt that has found none."""
WANTED_S_MAX: Final = 10.0
"""For so long after its taking; then only a snapshot helps."""

_log = structlog.get_logger()


class TakenBooks:
    """Of the symbols that this instance takes."""

    def __init__(self, supervisor: Supervisor, kafka: KafkaSide) -> None:
        self._supervisor = supervisor
        self._kafka = kafka
        self._wanted: dict[str, tuple[Worker, float]] = {}
        """Whose book is waited for, and until when."""
        self._any = asyncio.Event()

    def want(self, symbol: str) -> None:
        """The symbol was taken: it has no book, or one of before it was given up."""
        worker = self._supervisor.worker(symbol)
        if worker is not None:
            self._wanted[symbol] = worker, time.monotonic() + WANTED_S_MAX
            self._any.set()

    async def run(self) -> None:
        """Read books until cancelled."""
        while True:
            await self._any.wait()
            self._wanted = {
                symbol: (worker, until_s)
                for symbol, (worker, until_s) in self._wanted.items()
                if self._waits(worker) and time.monotonic() < until_s
            }
            if not self._wanted:
                self._any.clear()
                continue
            readable = [symbol for symbol in self._wanted if self._is_readable(symbol)]
            found = await self._read(readable) if readable else True
            await asyncio.sleep(LOOK_S if found else AGAIN_S)

    async def _read(self, symbols: list[str]) -> bool:
        """Whether every book was found."""
        began_s = time.monotonic()
        books = await self._kafka.books(symbols)
        for symbol, book in books.items():
            if self._is_readable(symbol):  # still on the grid on which it was read
                self._supervisor.tell(symbol, book)
        seconds = round(time.monotonic() - began_s, 3)
        _log.info("books_read_back", symbols=sorted(books), of=len(symbols), seconds=seconds)
        return len(books) == len(symbols)

    def _waits(self, worker: Worker) -> bool:
        """A halted symbol does not follow the market."""
        is_here = self._supervisor.worker(worker.name) is worker and worker.tenure.is_held
        symbol = worker.engine.symbol
        return is_here and not symbol.book.valid and symbol.state is not State.HALTED

    def _is_readable(self, symbol: str) -> bool:
        """Its deltas already arrive, so that nothing can be missed between them and what is read back."""
        worker = self._supervisor.worker(symbol)
        return (
            worker is not None
            and worker.engine.symbol.next_instrument is None
            and self._kafka.reads_book_of(symbol)
        )
