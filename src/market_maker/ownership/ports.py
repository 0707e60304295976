"""What the shell needs of the service around it."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.core.instrument import Instrument


class Actors(Protocol):
    """Configured symbols, and what it takes to have an actor for one."""

    @property
    def symbols(self) -> Set[str]:
        """Every configured symbol, as of the last look."""

    async def read_configs(self) -> bool:
        """Whether the configurations have changed since. Raises DatabaseError."""

    async def is_configured(self, symbol: str) -> bool:
        """Whether the symbol has a configuration at this moment. Raises DatabaseError."""

    async def instrument(self, symbol: str) -> Instrument:
        """The instrument as Metadata describes it. Raises MetadataError."""

    async def refresh(self, symbol: str) -> None:
        """Tell the symbol's actor what Metadata says of its instrument now."""

    async def start(self, symbol: str, instrument: Instrument, tenure: Tenure) -> Worker | None:
        """Restore a symbol and start its actor; None when it is not configured. Raises DatabaseError."""

    async def stop(self, symbol: str) -> None:
        """End a symbol's actor."""

    async def before_release(self, symbol: str) -> None:
        """All that was recorded is durable: write down what spares the next owner work. Raises nothing."""


class Kills(Protocol):
    """What others leave in PostgreSQL for an owner."""

    async def carry_out_kills(self, symbols: Iterable[str]) -> None:
        """Kill what is asked for. Raises DatabaseError."""


class Reader(Protocol):
    """The consumer."""

    def counts(self) -> Mapping[str, int]:
        """How many partitions each topic has; empty while that is unknown."""

    def read_again(self, symbol: str) -> None:
        """Read the symbol's partition anew from the first event that is not durable."""


@dataclass(frozen=True, slots=True)
class Around:
    """The service around the shell."""

    actors: Actors
    kills: Kills
    reader: Reader
