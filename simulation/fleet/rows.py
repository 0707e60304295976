"""PostgreSQL as the instances see it: who owns what, the stored states, and kills that wait for an owner."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from market_maker.core import commands as cmd
from market_maker.core.config import SymbolConfig
from market_maker.core.states import KillReason, State
from simulation.fleet.history import FleetHistory


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """As in `mm_owners`."""

    epoch: int
    instance_id: str | None
    released_ns: int | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True)
class StateRow:
    """As in `mm_states`."""

    state: State = State.PAUSED
    kill_reason: KillReason | None = None


class FleetRows:
    """Every change is one transaction, at the moment at which it is called."""

    def __init__(self, configs: Mapping[str, SymbolConfig]) -> None:
        self.owners: dict[str, OwnerRow] = {}
        self.states = {symbol: StateRow() for symbol in configs}
        self.history = FleetHistory(configs.values())
        self.kills: set[str] = set()
        """Symbols with an order to kill that nobody has carried out yet."""
        self.halted: Callable[[str], None] = lambda _symbol: None
        """Told of each symbol that the guard halts."""
        self.stored: Callable[[str], None] = lambda _symbol: None
        """Told of each symbol of which records were stored."""

    def claim(self, symbol: str, instance_id: str) -> tuple[int, OwnerRow | None]:
        """The new epoch, and the row as it was."""
        before = self.owners.get(symbol)
        epoch = 1 if before is None else before.epoch + 1
        self.owners[symbol] = OwnerRow(epoch, instance_id)
        return epoch, before

    def release(self, symbol: str, epoch: int, now_ns: int, *, resume: bool) -> bool:
        """Whether the symbol was still owned at that epoch. What is HALTED by now does not go on."""
        row = self.owners.get(symbol)
        if row is None or row.epoch != epoch:
            return False
        may_go_on = resume and self.states[symbol].state is not State.HALTED
        self.owners[symbol] = replace(row, instance_id=None, released_ns=now_ns, resume=may_go_on)
        return True

    def owned(self, instance_id: str) -> dict[str, int]:
        """The epochs of what an instance owns."""
        return {name: row.epoch for name, row in self.owners.items() if row.instance_id == instance_id}

    def owners_by_symbol(self) -> dict[str, str]:
        """Symbols of nobody are left out."""
        return {name: row.instance_id for name, row in self.owners.items() if row.instance_id is not None}

    def write(
        self, symbol: str, epoch: int, row: StateRow | None, records: Sequence[cmd.Record] = ()
    ) -> bool:
        """Store the records of a step and its state; False, and nothing changed, when the epoch is over."""
        if self.owners[symbol].epoch != epoch:
            return False
        if row is not None:
            self.states[symbol] = row
        if records:
            self.history.write(symbol, records)
            self.stored(symbol)
        return True

    def checkpoint(self, symbol: str, epoch: int) -> None:
        """Write the fold of the symbol's fills down; nothing when the epoch is over."""
        if self.owners[symbol].epoch == epoch:
            self.history.checkpoint(symbol)

    def take_away(self, symbol: str, instance_id: str) -> bool:
        """As the guard does: nobody's, under a new epoch, HALTED. False when it is another's by now."""
        row = self.owners[symbol]
        if row.instance_id != instance_id:
            return False
        self.owners[symbol] = OwnerRow(row.epoch + 1, None)
        if self.states[symbol].state is not State.HALTED:
            self.states[symbol] = StateRow(State.HALTED, KillReason.OWNER_LOST)
            self.halted(symbol)
        return True
