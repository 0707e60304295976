"""Claims and releases on their way to PostgreSQL: what gathers while one is under way goes with the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from typing import Final, TypeVar

import structlog

from market_maker.actors.tasks import TaskGroup
from market_maker.repositories.errors import DatabaseError, DatabaseUnavailableError
from market_maker.repositories.owners import Claim, OwnerRepository, Release

RETRY_S: Final = 1.0

T = TypeVar("T")
_log = structlog.get_logger()


class OwnerRows:
    """The rows of `mm_owners` that this instance asks for."""

    def __init__(
        self,
        instance_id: str,
        owners: OwnerRepository,
        tasks: TaskGroup,
        claimed: Callable[[Claim], None],
        refused: Callable[[str, DatabaseError], None],
        released: Callable[[Release], None],
    ) -> None:
        """`released` is told of each release once PostgreSQL has answered, or does not."""
        self._instance_id = instance_id
        self._owners = owners
        self._tasks = tasks
        self._claimed, self._refused, self._released = claimed, refused, released
        self._to_claim: set[str] = set()
        self._claiming: Set[str] = frozenset()
        self._claims: asyncio.Task[None] | None = None
        self._to_release: list[Release] = []
        self._releases: asyncio.Task[None] | None = None

    def claim(self, symbol: str) -> None:
        """Ask for a new epoch; PostgreSQL is waited for."""
        self._to_claim.add(symbol)
        if self._claims is None:
            self._claims = self._tasks.start("claims", self._claim_all())

    def abandon(self, symbol: str) -> None:
        """Ask no longer. What comes through all the same stays without an answer."""
        if symbol in self._claiming and self._claims is not None:
            self._claims.cancel()
            self._to_claim |= self._claiming
            self._claims, self._claiming = None, frozenset()
        self._to_claim.discard(symbol)
        for other in tuple(self._to_claim):
            self.claim(other)

    def release(self, release: Release) -> None:
        """Give a symbol up of which nothing is in the market."""
        self._to_release.append(release)
        if self._releases is None:
            self._releases = self._tasks.start("releases", self._release_all())

    async def _claim_all(self) -> None:
        while self._to_claim:
            self._claiming, self._to_claim = frozenset(self._to_claim), set()
            claims = await self._ask(self._claiming)
            self._claiming = frozenset()
            for claim in claims:
                self._claimed(claim)
        self._claims = None

    async def _ask(self, symbols: Set[str]) -> Sequence[Claim]:
        """The claims of all at once; where PostgreSQL refuses, of each by itself."""
        try:
            return await persist("claims", lambda: self._owners.claim(symbols, self._instance_id))
        except DatabaseError as error:
            if len(symbols) == 1:
                [symbol] = symbols
                self._refused(symbol, error)
                return ()
        return [claim for symbol in sorted(symbols) for claim in await self._ask({symbol})]

    async def _release_all(self) -> None:
        while self._to_release:
            releases, self._to_release = self._to_release, []
            try:
                await self._owners.release(releases)
                _log.info("released", symbols=[release.symbol for release in releases])
            except DatabaseError as error:  # the next owner waits until our lease has ended
                _log.warning("not_released", reason=str(error))
            for release in releases:
                self._released(release)
        self._releases = None


async def persist(
    what: str, ask: Callable[[], Awaitable[T]], until: type[DatabaseError] = DatabaseUnavailableError
) -> T:
    """Ask PostgreSQL until it answers; `until` is what is waited out."""
    while True:
        try:
            return await ask()
        except until as error:
            _log.warning("taking_waits", what=what, reason=str(error))
            await asyncio.sleep(RETRY_S)
