"""What the guard reads and writes: symbols of instances that have fallen silent, taken away and HALTED."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from market_maker.core.commands import RecordRisk, RecordState
from market_maker.core.engine.halt import KILL_ACTION
from market_maker.core.states import KillReason, State
from market_maker.repositories.executor import Database, Executor
from market_maker.repositories.generated import interventions as sql
from market_maker.repositories.generated import owners as owner_sql
from market_maker.repositories.generated import positions as position_sql
from market_maker.repositories.generated import states as state_sql
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import write_entries

ACTOR = "guard"
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '1s'"
"""A process that was stopped inside a transaction still holds its locks: trying again is better than waiting
in line with the other symbols behind it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who may act for a symbol that was not given up in an orderly way."""

    epoch: int
    instance_id: str | None
    """None: taken away from an instance, and nobody's since."""


@dataclass(frozen=True, slots=True)
class Loss:
    """An instance that is lost, and how that was noticed."""

    instance_id: str
    measured: str
    threshold: str


class InterventionRepository:
    """Signs of life and owners to read, and one symbol at a time to take away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beats(self) -> Mapping[str, int]:
        """The last sign of life of every instance."""
        return {row.instance_id: row.beat for row in await owner_sql.list_beats(self._database)}

    async def holders(self) -> Mapping[str, Holder]:
        """Every symbol that was not given up in an orderly way."""
        rows = await sql.list_unreleased(self._database)
        return {row.symbol: Holder(row.epoch, row.instance_id) for row in rows}

    async def take_away(self, symbol: str, loss: Loss, epoch: int | None, at: datetime) -> Holder | None:
        """Take a symbol away from a lost instance and make it HALTED, both or nothing.

        Without an epoch it is taken at whichever the instance has now. Nothing changes when the symbol is
        somebody else's by now, or owned under another epoch. The holder after that: of nobody when it was
        taken, now or before; None when it had been given up in an orderly way. Raises DatabaseError.
        """
        async with self._database.transaction() as db:
            await db.execute(LOCK_TIMEOUT)
            if epoch is None:
                holder = await _holder(db, symbol)
                if holder is None or holder.instance_id != loss.instance_id:
                    return holder
                epoch = holder.epoch
            if await sql.take_away(db, symbol=symbol, instance_id=loss.instance_id, epoch=epoch):
                await _halt(db, symbol, loss, at)
            return await _holder(db, symbol)

    async def forget_instance(self, instance_id: str) -> None:
        """Nothing is left of an instance that was lost."""
        await owner_sql.delete_instance(self._database, instance_id=instance_id)


async def _holder(db: Executor, symbol: str) -> Holder | None:
    row = await sql.get_unreleased(db, symbol=symbol)
    return None if row is None else Holder(row.epoch, row.instance_id)


async def _halt(db: Executor, symbol: str, loss: Loss, at: datetime) -> None:
    """HALTED with its two events, as the owner would have written them; a symbol that is HALTED stays so.

    The P&L of the event is the realized one: without a market there is no other.
    """
    stored = await state_sql.get_state(db, symbol=symbol)
    state = State.PAUSED if stored is None else State(stored.state)
    if state is State.HALTED:
        return
    baseline = Decimal(0) if stored is None else stored.pnl_baseline
    pending = stored is not None and stored.rebase_pending
    spread = Decimal(0) if stored is None else stored.spread_baseline
    fees = Decimal(0) if stored is None else stored.fees_baseline
    position = await position_sql.get_position(db, symbol=symbol)
    reason = KillReason.OWNER_LOST
    records = (
        RecordState(
            state,
            State.HALTED,
            f"{reason.value}: {loss.measured}",
            ACTOR,
            reason,
            baseline,
            pending,
            spread,
            fees,
        ),
        RecordRisk(
            reason,
            loss.measured,
            loss.threshold,
            Decimal(0) if position is None else position.position,
            (Decimal(0) if position is None else position.realized_pnl) - baseline,
            await sql.count_open_orders(db, symbol=symbol) or 0,
            KILL_ACTION,
        ),
    )
    await write_entries(db, [JournalEntry(symbol, records, at)])
