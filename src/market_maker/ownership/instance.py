"""What an instance knows of all its symbols, and what it has decided in this step. Plain data, no rules."""

from dataclasses import dataclass, field

from market_maker.ownership.commands import OwnershipCommand
from market_maker.ownership.holding import Holding
from market_maker.ownership.partitions import Partitions


@dataclass(slots=True)
class InstanceState:
    """Of one instance."""

    instance_id: str
    lease_ns: int
    now_ns: int = 0
    partitions: Partitions = field(default_factory=Partitions)
    holdings: dict[str, Holding] = field(default_factory=dict)
    tickets: dict[int, tuple[frozenset[str], float]] = field(default_factory=dict)
    """Which symbols are waited for under which number, and until when for those that are still LEAVING."""
    rows: dict[tuple[str, int], int] = field(default_factory=dict)
    """Rows that name us though nobody acts for them here, and since when."""
    is_ending: bool = False
    is_flushed: bool = False
    out: list[OwnershipCommand] = field(default_factory=list)

    def of(self, symbol: str) -> Holding:
        """What is known of a symbol, from now on at the latest."""
        holding = self.holdings.get(symbol)
        if holding is None:
            holding = self.holdings[symbol] = Holding(symbol)
        return holding

    def is_turn(self, holding: Holding) -> bool:
        """Whether the symbol is to be acted for here."""
        wanted = holding.is_mine and holding.is_configured and holding.yielded_ns is None
        return wanted and not self.is_ending
