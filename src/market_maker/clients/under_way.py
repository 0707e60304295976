"""A request that has been started already, and whose answer can be waited for."""

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class UnderWay(Generic[T_co]):
    """Await it, once, for the answer. Not a coroutine: one that nobody awaits in the end is no defect."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Callable[[], Coroutine[Any, Any, T_co]]) -> None:
        self._answer = answer

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Wait for the answer."""
        return self._answer().__await__()
