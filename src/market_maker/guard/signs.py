"""Who is silent: decided from what was seen, by the time that each look carries. Pure.

Signs of life stand in two places, and one of them is enough. A beat is a number that rises: whoever reads it
needs no clock but his own, and a number that has not risen is no sign, however often it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from market_maker.fleet.heartbeat import Heartbeat
from market_maker.repositories.interventions import Holder


@dataclass(frozen=True, slots=True)
class Records:
    """What PostgreSQL says."""

    beats: Mapping[str, int]
    """The newest sign of life of each instance."""
    owners: Mapping[str, Holder]
    """By symbol. One that was given up in an orderly way, or never owned, is left out."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at both places; None where nothing could be read."""

    at_ns: int
    """Monotonic time, from before anything was asked."""
    heartbeats: Mapping[str, Heartbeat] | None
    records: Records | None


@dataclass(frozen=True, slots=True)
class Case:
    """A symbol whose orders must go."""

    symbol: str
    instance_id: str | None
    """The instance that is lost; None: it was taken from one before, and nobody has taken it over."""
    epoch: int | None
    """The last known; None when PostgreSQL could not be read since the guard was started."""
    silent_ns: int
    """How long the instance has been silent; 0 without one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look says."""

    is_blind: bool
    alive: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    """Silent for too long, and still the owner of a symbol."""
    cases: tuple[Case, ...] = ()
    """In the order of their symbols."""
    said: Mapping[str, str] = field(default_factory=dict)
    """While PostgreSQL is away: what living instances say that they own, with the instance."""


BLIND: Final = Verdict(is_blind=True)
_REDIS: Final = "redis"
_POSTGRES: Final = "postgres"


class Signs:
    """Remembers every instance's newest sign of life, from look to look."""

    def __init__(self, silence_ns: int) -> None:
        """After `silence_ns` without a new sign an instance counts as silent."""
        self._silence_ns = silence_ns
        self._beats: dict[str, dict[str, int]] = {_REDIS: {}, _POSTGRES: {}}
        self._newest: dict[str, int] = {}
        self._symbols: dict[str, tuple[str, ...]] = {}
        self._owners: Mapping[str, Holder] = {}
        self._seen_ns: int | None = None

    def judge(self, look: Observation) -> Verdict:
        """What this look says, after all those before it."""
        if look.heartbeats is None and look.records is None:
            self._seen_ns = None
            return BLIND
        if self._seen_ns is None or look.at_ns - self._seen_ns >= self._silence_ns:
            self._newest.clear()  # nobody could be seen meanwhile: everybody gets the whole time again
        self._seen_ns = look.at_ns
        self._take_in(look)
        self._newest = {instance: self._newest.get(instance, look.at_ns) for instance in self._known()}
        silent = {
            instance: look.at_ns - newest
            for instance, newest in self._newest.items()
            if look.at_ns - newest >= self._silence_ns
        }
        said = self._said(silent) if look.records is None else {}
        owned = self._recorded() if look.records is not None else self._supposed(said)
        cases = self._cases({instance: owned.get(instance, set()) for instance in silent}, silent)
        return Verdict(
            is_blind=False,
            alive=frozenset(self._newest.keys() - silent.keys()),
            lost=frozenset(case.instance_id for case in cases if case.instance_id is not None),
            cases=cases,
            said=said,
        )

    def _take_in(self, look: Observation) -> None:
        if look.heartbeats is not None:
            self._note(_REDIS, {name: alive.beat for name, alive in look.heartbeats.items()}, look.at_ns)
            self._symbols.update({name: alive.symbols for name, alive in look.heartbeats.items()})
        if look.records is not None:
            self._note(_POSTGRES, look.records.beats, look.at_ns)
            self._owners = look.records.owners
            # Gone in order; while PostgreSQL is away nobody can know.
            for name in self._symbols.keys() - self._listed() - self._recorded().keys():
                del self._symbols[name]

    def _note(self, place: str, beats: Mapping[str, int], at_ns: int) -> None:
        before = self._beats[place]
        for instance, beat in beats.items():
            if beat > before.get(instance, -1):
                self._newest[instance] = at_ns
        self._beats[place] = {one: max(beat, before.get(one, -1)) for one, beat in beats.items()}

    def _listed(self) -> set[str]:
        return {*self._beats[_REDIS], *self._beats[_POSTGRES]}

    def _known(self) -> set[str]:
        return {*self._listed(), *self._symbols, *self._recorded()}

    def _recorded(self) -> dict[str, set[str]]:
        """What each instance owned when PostgreSQL was read last."""
        owned: dict[str, set[str]] = {}
        for symbol, owner in self._owners.items():
            if owner.instance_id is not None:
                owned.setdefault(owner.instance_id, set()).add(symbol)
        return owned

    def _said(self, silent: Mapping[str, int]) -> dict[str, str]:
        """Who says of each symbol that it is his, and lives."""
        return {
            symbol: instance
            for instance, symbols in self._symbols.items()
            if instance not in silent
            for symbol in symbols
        }

    def _supposed(self, said: Mapping[str, str]) -> dict[str, set[str]]:
        """What each instance may own while PostgreSQL is away: not what a living one says it owns."""
        owned = self._recorded()
        for instance, symbols in self._symbols.items():
            owned[instance] = owned.get(instance, set()).union(symbols)
        return {instance: symbols - said.keys() for instance, symbols in owned.items()}

    def _cases(self, owned: Mapping[str, set[str]], silent: Mapping[str, int]) -> tuple[Case, ...]:
        """What is to be done about what silent instances own, and about symbols of nobody."""
        cases: dict[str, Case] = {}
        for symbol, owner in self._owners.items():
            if owner.instance_id is None:
                cases[symbol] = Case(symbol, None, owner.epoch, 0)
        for instance, symbols in owned.items():
            for symbol in symbols:
                epoch = self._epoch(symbol, instance)
                cases[symbol] = Case(symbol, instance, epoch, silent[instance])
        return tuple(cases[symbol] for symbol in sorted(cases))

    def _epoch(self, symbol: str, instance: str) -> int | None:
        owner = self._owners.get(symbol)
        return owner.epoch if owner is not None and owner.instance_id == instance else None
