"""`mm_owners` and `mm_instances`: which instance may act for a symbol, and which instances live."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from market_maker.repositories.executor import Database, Executor
from market_maker.repositories.generated import owners as sql


@dataclass(frozen=True, slots=True)
class Claim:
    """A symbol that was just taken, and how its last owner left it."""

    symbol: str
    epoch: int
    left: "sql.LockOwnersRow | None"
    """The row as it was before; None when nobody ever owned the symbol."""

    @property
    def was_released(self) -> bool:
        """Whether nobody can be sending for it any more: never owned, or given up in an orderly way."""
        return self.left is None or self.left.released_at is not None

    @property
    def resume_age(self) -> timedelta | None:
        """How long ago a symbol that was ACTIVE was given up in an orderly way; None when it was not."""
        left = self.left
        if left is None or left.released_at is None or not left.resume:
            return None
        return left.now - left.released_at


@dataclass(frozen=True, slots=True)
class Release:
    """A symbol to give up: nothing of it is in the market, its records are durable."""

    symbol: str
    epoch: int
    resume: bool
    """Whether it was ACTIVE until the hand-over began; it counts unless the symbol is HALTED by now."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns what, as one instance has seen it."""

    owners: Mapping[str, str]
    """The instance that owns each symbol; symbols of nobody are left out."""
    owned: Mapping[str, int]
    """The epochs of what is its own."""
    ended: int
    """Every transaction below this one had ended."""


UNSEEN: Final = Owners({}, {}, 0)


class OwnerRepository:
    """Ownership of all symbols, by epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, symbols: Iterable[str], instance_id: str) -> Sequence[Claim]:
        """Take symbols, each with a new epoch: what an earlier epoch still writes changes nothing."""
        wanted = sorted(symbols)
        if not wanted:
            return []
        async with self._database.transaction() as db:
            left = {row.symbol: row for row in await sql.lock_owners(db, symbols=wanted)}
            claimed = await sql.claim_symbols(db, symbols=wanted, instance_id=instance_id)
        return [Claim(row.symbol, row.epoch, left.get(row.symbol)) for row in claimed]

    async def release(self, releases: Sequence[Release]) -> int:
        """Give symbols up in an orderly way; how many of them had still been owned at that epoch.

        A kill may be on its way to the database since that was decided: it is waited for.
        """
        symbols = [release.symbol for release in releases]
        async with self._database.transaction() as db:
            await sql.lock_owners(db, symbols=symbols)
            return await sql.release_symbols(
                db,
                symbols=symbols,
                epochs=[release.epoch for release in releases],
                resumes=[release.resume for release in releases],
            )

    async def look(self, instance_id: str, before: Owners = UNSEEN) -> Owners:
        """Who owns what now. Of others' symbols only those are read that have changed since `before`."""
        rows = await sql.list_owned_or_changed(self._database, instance_id=instance_id, since=before.ended)
        ended = rows[0].ended if rows else before.ended
        if ended < before.ended:  # the database was restored: its transactions count from an earlier one
            return await self.look(instance_id)
        owned = {row.symbol: row.epoch for row in rows if row.instance_id == instance_id}
        moved = {row.symbol for row in rows if before.owners.get(row.symbol) != row.instance_id}
        if not moved:
            return Owners(before.owners, owned, ended)
        owners = {symbol: owner for symbol, owner in before.owners.items() if symbol not in moved}
        owners.update((row.symbol, row.instance_id) for row in rows if row.instance_id is not None)
        return Owners(owners, owned, ended)

    async def forget_resume(self, symbols: Sequence[str]) -> int:
        """Symbols of nobody shall not go on by themselves; how many of them would have."""
        return await sql.forget_resume(self._database, symbols=symbols)

    async def beat(self, instance_id: str) -> None:
        """Leave a sign of life."""
        await sql.count_beat(self._database, instance_id=instance_id)

    async def beats(self) -> Mapping[str, int]:
        """The last sign of life of every instance."""
        return {row.instance_id: row.beat for row in await sql.list_beats(self._database)}

    async def forget_instance(self, instance_id: str) -> None:
        """The instance is no more."""
        await sql.delete_instance(self._database, instance_id=instance_id)


async def lock_current(db: Executor, epochs: Mapping[str, int]) -> frozenset[str]:
    """Which of these symbols still have the epoch given; they keep it until the transaction ends."""
    return frozenset(await sql.lock_current(db, symbols=list(epochs), epochs=list(epochs.values())))
