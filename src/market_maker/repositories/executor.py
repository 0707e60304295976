"""What a query runs on: a pool, a connection of its own, or one inside a transaction."""

from typing import Any, Protocol


class Executor(Protocol):
    """The part of asyncpg's Pool and Connection that the generated queries use."""

    async def execute(self, query: str, *args: object) -> str:
        """Run it and give the command tag."""
        ...

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Run it and give every row."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Any:
        """Run it and give the first row, or None."""
        ...
