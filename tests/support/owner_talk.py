"""A conversation with one ownership machine: what it hears, and exactly what it says to that."""

from collections.abc import Callable
from typing import Any, Final

from tests.support.conversation import INSTRUMENT

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.machine import OwnershipMachine
from market_maker.ownership.states import Hold, Stage
from market_maker.streams.partitioner import partition_of

BTC, ETH = "BTC-USDT", "ETH-USDT"
S: Final = 1_000_000_000
LEASE_NS: Final = 3 * S
COUNTS: Final = {"market": 6, "engine": 6}
OUT: Final = ev.Facts(is_out=True)
QUOTING: Final = ev.Facts(is_active=True, may_resume=True)


def numbers(*symbols: str) -> frozenset[int]:
    """The partitions that carry the symbols."""
    return frozenset(partition_of(symbol, COUNTS["market"]) for symbol in symbols)


class OwnerTalk:
    """One instance, "north", with BTC and ETH configured."""

    def __init__(self) -> None:
        self.now_ns = 100 * S
        self.machine = OwnershipMachine("north", LEASE_NS)
        self.says(ev.Configured, frozenset({BTC, ETH}))

    def says(
        self, kind: Callable[..., ev.OwnershipEvent], *given: Any, **named: Any
    ) -> list[cmd.OwnershipCommand]:
        """What it says to an event of this kind, now."""
        return self.machine.handle(kind(self.now_ns, *given, **named))

    def later(self, seconds: float) -> list[cmd.OwnershipCommand]:
        """What it says after so long."""
        self.now_ns += round(seconds * S)
        return self.says(ev.Passed)

    def stage(self, symbol: str = BTC) -> Stage:
        """Where the symbol stands."""
        return self.machine.stage(symbol)

    def assigned(self, *symbols: str) -> list[cmd.OwnershipCommand]:
        """Partitions come."""
        return self.says(ev.Assigned, numbers(*symbols), COUNTS)

    def claimed(
        self,
        epoch: int = 1,
        symbol: str = BTC,
        *,
        was_released: bool = True,
        resume_age_s: float | None = None,
        actor_is_sound: bool = True,
    ) -> list[cmd.OwnershipCommand]:
        """PostgreSQL has counted the epoch up."""
        age_ns = None if resume_age_s is None else round(resume_age_s * S)
        return self.says(ev.Claimed, symbol, epoch, was_released, age_ns, actor_is_sound)

    def renewed(
        self, owned: dict[str, int], owners: dict[str, str] | None = None, *, asked_before_s: float = 0
    ) -> list[cmd.OwnershipCommand]:
        """PostgreSQL answers what was asked so long before now."""
        asked_ns = self.now_ns - round(asked_before_s * S)
        return self.says(ev.Renewed, asked_ns, owned, owners or dict.fromkeys(owned, "north"))

    def until_started(self, epoch: int = 1, symbol: str = BTC, **given: Any) -> list[cmd.OwnershipCommand]:
        """The symbol is assigned, described, claimed and started; what is said to the last of it."""
        self.assigned(symbol)
        self.says(ev.Described, symbol, INSTRUMENT)
        self.claimed(epoch, symbol, **given)
        return self.says(ev.Started, symbol)

    def until_held(self, epoch: int = 1, symbol: str = BTC, **given: Any) -> None:
        """The symbol may be enabled."""
        self.until_started(epoch, symbol, **given)
        self.says(ev.Admitted, symbol, epoch)
        assert self.stage(symbol) is Stage.HELD

    def until_released(self, epoch: int = 1, symbol: str = BTC, facts: ev.Facts = OUT) -> None:
        """The symbol was held, and its partition is revoked: nothing of it is left, PostgreSQL knows."""
        self.says(ev.Revoking, numbers(symbol), 1)
        self.says(ev.ActorSeen, symbol, facts)
        self.says(ev.Saved, symbol)
        self.says(ev.Released, symbol, epoch)
        assert self.stage(symbol) is Stage.FREE


def refused(why: Hold | None, symbol: str = BTC) -> cmd.Restrain:
    """The symbol may not be enabled, or may (None)."""
    return cmd.Restrain(symbol, why)
