"""A request that has been started already, and whose first answer comes to whoever waits for it."""

import asyncio
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

T = TypeVar("T")


def _nobody_minds() -> None:
    """That whoever waited does so no more changes nothing."""


class UnderWay(Generic[T]):
    """Has one answer, or fails. One waits for it: by `then`, without a turn of the loop, or by awaiting.

    `abandoned` is called when a task that awaits it is cancelled before the answer is there.
    """

    __slots__ = ("_abandoned", "_answers", "_error", "_on_answer", "_on_drop", "_on_error", "left_ns")

    def __init__(self, abandoned: Callable[[], None] = _nobody_minds) -> None:
        self._abandoned = abandoned
        self.left_ns: int | None = None
        """Monotonic time at which it was given to the kernel; known with the answer at the latest."""
        self._answers: tuple[T, ...] = ()
        self._error: Exception | None = None
        self._on_answer: Callable[[T], None] | None = None
        self._on_error: Callable[[Exception], None] | None = None
        self._on_drop = _nobody_minds

    def then(
        self,
        on_answer: Callable[[T], None],
        on_error: Callable[[Exception], None],
        on_drop: Callable[[], None] = _nobody_minds,
    ) -> None:
        """One of them is called: at once when it is over, else in the very step in which it will be."""
        self._on_answer, self._on_error, self._on_drop = on_answer, on_error, on_drop
        if self._error is not None:
            on_error(self._error)
        elif self._answers:
            on_answer(self._answers[0])

    def settle(self, answer: T) -> None:
        """It is answered."""
        self._answers = (answer,)
        on_answer = self._on_answer
        self._let_go()
        if on_answer is not None:
            on_answer(answer)

    def fail(self, error: Exception) -> None:
        """It has no answer, by a defect of ours."""
        self._error = error
        on_error = self._on_error
        self._let_go()
        if on_error is not None:
            on_error(error)

    def drop(self) -> None:
        """Nothing comes any more: a task that awaits it is cancelled."""
        on_drop = self._on_drop
        self._let_go()
        on_drop()

    def _let_go(self) -> None:
        """Nobody is called any more. Callbacks know this object: kept, they are left to the collector."""
        self._on_answer = self._on_error = None
        self._on_drop = self._abandoned = _nobody_minds

    def abandon(self) -> None:
        """Whoever waited does so no more."""
        self._abandoned()

    def __await__(self) -> Generator[object, None, T]:
        """Wait for the answer."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def answered(answer: T) -> None:
            if not waiter.done():
                waiter.set_result(answer)

        def failed(error: Exception) -> None:
            if not waiter.done():
                waiter.set_exception(error)

        def dropped() -> None:
            waiter.cancel()

        self.then(answered, failed, dropped)
        try:
            return (yield from waiter)
        except asyncio.CancelledError:
            self.abandon()
            raise
