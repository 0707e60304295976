"""Keeps the garbage collector away from what stands for long: it stops everything while it walks.

A full collection walks every object that could be part of a cycle. With 200 symbols that took 100 ms and
more, every few seconds: longer than the Order Service has for its answer. So what stands once a symbol has
started is set aside ("frozen"), and a collection walks only what was made since: a few milliseconds.
"""

import asyncio
import gc
from collections.abc import Callable
from typing import Final

LOOK_EVERY_S: Final = 1.0
YOUNG: Final = 1
"""Generations 0 and 1: what is made and dropped all the time."""


class Heap:
    """Sets aside what stands, at the start and again whenever symbols have been added."""

    def __init__(self, symbols: Callable[[], int]) -> None:
        """`symbols` tells how many symbols there are now."""
        self._symbols = symbols
        self._settled = 0
        self._seen = 0

    def settle(self) -> None:
        """Collect everything, then set aside what is left. Before anything quotes: it takes its time."""
        gc.collect()
        self._set_aside(self._symbols())

    async def run(self) -> None:
        """Look for added symbols until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.set_aside_added()

    def set_aside_added(self) -> None:
        """Set aside anew once their number has grown and stands still; others may be quoting already.

        Garbage of the oldest generation is set aside with it and never freed: little, and only here.
        """
        symbols = self._symbols()
        if symbols > self._settled and symbols == self._seen:
            gc.collect(YOUNG)
            self._set_aside(symbols)
        self._seen = symbols
        self._settled = min(self._settled, symbols)

    def _set_aside(self, symbols: int) -> None:
        gc.freeze()
        self._settled = self._seen = symbols
