"""An event loop that never waits: when nothing is ready, its clock jumps to the next timer."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any, Final

START_NS: Final = 1_000_000_000_000
_NS: Final = 1e9


class VirtualLoop(asyncio.SelectorEventLoop):
    """Timers in virtual time. Sockets and threads do not mix with it: their time would stand still."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds."""
        return self.now_ns / _NS

    def clock_ns(self) -> int:
        """Virtual nanoseconds, as the service's parts take their clock."""
        return self.now_ns


class _JumpingSelector(selectors.BaseSelector):
    """Looks at what is registered without waiting, and moves the loop's clock instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._inner = selectors.SelectSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Ready files; `timeout` passes at once. RuntimeError when nothing would ever happen."""
        if timeout is None:
            raise RuntimeError("nothing is left to happen in virtual time")
        if timeout > 0:
            self._loop.now_ns += int(timeout * _NS) + 1  # a timer that fell short would be asked for again
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the inner selector does."""
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As the inner selector does."""
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """As the inner selector does."""
        return self._inner.get_map()

    def close(self) -> None:
        """As the inner selector does."""
        self._inner.close()
