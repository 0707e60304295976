"""Something that goes on beside a block."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count


@contextmanager
def beside(step: Callable[[int], object], every_s: float = 0) -> Iterator[None]:
    """Repeat `step`, which is told how often, on a thread of its own until the block ends."""
    ended = threading.Event()

    def run() -> None:
        for number in count(1):
            if ended.wait(every_s):
                return
            step(number)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
