"""`mm_states`: the durable state of each symbol. It is written by the journal."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from market_maker.core.states import KillReason, State
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import states as sql
from market_maker.repositories.generated.models import StoredState
from market_maker.repositories.rows import record_of


@dataclass(frozen=True, slots=True)
class StateRecord:
    """The last transition of a symbol."""

    symbol: str
    state: State
    reason: str
    actor: str
    kill_reason: KillReason | None
    """The latched kill switch, None when there is none, or one that this version does not know (HALTED)."""
    pnl_baseline: Decimal
    since: datetime
    version: int
    """Counts transitions."""
    rebase_pending: bool
    """Whether the P&L baseline still waits for a price to move to."""
    spread_baseline: Decimal
    """The part of the baseline that was spread capture ..."""
    fees_baseline: Decimal
    """... and what was fees; the rest was inventory."""


class StateRepository:
    """States of all symbols that ever had a transition; one that never had is PAUSED."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def load_all(self) -> dict[str, StateRecord]:
        """Every stored state, by symbol."""
        return {row.symbol: _record(row) for row in await sql.list_states(self._db)}

    async def get(self, symbol: str) -> StateRecord | None:
        """One stored state, None when the symbol never had a transition."""
        row = await sql.get_state(self._db, symbol=symbol)
        return None if row is None else _record(row)


def _record(row: StoredState) -> StateRecord:
    state, kill_reason = _understood(row)
    return record_of(StateRecord, row, state=state, kill_reason=kill_reason)


def _understood(row: StoredState) -> tuple[State, KillReason | None]:
    """State and kill reason; what another version wrote and this one does not know is HALTED."""
    try:
        return State(row.state), None if row.kill_reason is None else KillReason(row.kill_reason)
    except ValueError:
        return State.HALTED, None
