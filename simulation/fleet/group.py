"""The consumer group: who is a member, whose partition is whose, and what goes wrong about it.

What it believes of a member is the time of its last heartbeat. A member that stands still for a session is
thrown out, and its partitions are others' before it hears of that.
"""

from random import Random
from typing import Final

from simulation.clock import MS, Clock
from simulation.coverage import Coverage
from simulation.fleet.instance import FleetInstance

SESSION_NS: Final = 1_600 * MS
ROUND_NS: Final = 100 * MS
REVOKE_NS_MAX: Final = 5_000 * MS


class FleetGroup:
    """Assigns one symbol's partition after the other, or, eagerly, all of them anew."""

    def __init__(
        self, clock: Clock, rng: Random, coverage: Coverage, symbols: tuple[str, ...], *, is_eager: bool
    ) -> None:
        self._clock, self._rng, self._coverage = clock, rng, coverage
        self._symbols = symbols
        self._is_eager = is_eager
        self.members: dict[str, FleetInstance] = {}
        self._seen_ns: dict[str, int] = {}
        self.owner_of: dict[str, str] = {}
        self._shift = 0
        self._revoking: dict[str, tuple[set[str], int, int]] = {}
        """Member -> symbols that it is giving up, the ticket, and until when that is waited for."""
        clock.after(ROUND_NS, self._round)

    def join(self, instance: FleetInstance) -> None:
        """A member comes."""
        self.members[instance.name] = instance
        self._seen_ns[instance.name] = self._clock.now_ns

    def shuffle(self) -> None:
        """Another distribution over the same members."""
        self._shift += 1

    def throw_out(self, name: str, untold_ns: int) -> None:
        """The group believes a living member dead; it hears of it that much later."""
        if name in self.members:
            self._coverage.hit("fleet:thrown_out")
            self._remove(name, untold_ns)

    def leave(self, name: str) -> None:
        """A member goes in order: the others get its partitions at once."""
        if name in self.members:
            self._remove(name, 0)

    def _remove(self, name: str, untold_ns: int) -> None:
        instance = self.members.pop(name)
        self._revoking.pop(name, None)
        had = {symbol for symbol, owner in self.owner_of.items() if owner == name}
        for symbol in had:
            del self.owner_of[symbol]
        instance.after(untold_ns, self._told, instance, had)

    def _told(self, instance: FleetInstance, had: set[str]) -> None:
        instance.lost(had)
        self.join(instance)

    def _round(self) -> None:
        now_ns = self._clock.now_ns
        for name, instance in tuple(self.members.items()):
            if instance.alive and now_ns >= instance.stalled_until_ns:
                self._seen_ns[name] = now_ns
            elif now_ns - self._seen_ns[name] >= SESSION_NS:
                self._remove(name, 0)
        self._end_revocations()
        if not self._revoking and self.members:
            self._rebalance()
        self._clock.after(ROUND_NS, self._round)

    def _wanted(self) -> dict[str, str]:
        names = sorted(self.members)
        return {
            symbol: names[(index + self._shift) % len(names)] for index, symbol in enumerate(self._symbols)
        }

    def _rebalance(self) -> None:
        wanted = self._wanted()
        if wanted == self.owner_of:
            return
        for name, instance in self.members.items():
            has = {symbol for symbol, owner in self.owner_of.items() if owner == name}
            gives = has if self._is_eager else {symbol for symbol in has if wanted[symbol] != name}
            if gives:
                self._revoking[name] = gives, 0, self._clock.now_ns + REVOKE_NS_MAX
                instance.after(0, self._revoke, instance, gives)
        if not self._revoking:
            self._assign(wanted)

    def _revoke(self, instance: FleetInstance, gives: set[str]) -> None:
        if instance.name in self._revoking:
            self._revoking[instance.name] = (
                gives,
                instance.revoking(gives),
                self._revoking[instance.name][2],
            )

    def _end_revocations(self) -> None:
        for name, (symbols, ticket, until_ns) in tuple(self._revoking.items()):
            instance = self.members[name]
            if ticket in instance.done or self._clock.now_ns >= until_ns:
                del self._revoking[name]
                if instance.is_frozen or not instance.alive:
                    instance.after(0, instance.intake.remove, sorted(symbols))
                else:
                    instance.intake.remove(sorted(symbols))
                for symbol in symbols:
                    del self.owner_of[symbol]
        if not self._revoking and self.members:
            self._assign(self._wanted())

    def _assign(self, wanted: dict[str, str]) -> None:
        for name, instance in self.members.items():
            comes = {s for s, owner in wanted.items() if owner == name and s not in self.owner_of}
            if comes and instance.alive:
                self.owner_of.update(dict.fromkeys(comes, name))
                instance.after(self._rng.choice((MS, 30 * MS)), instance.assigned, comes)
