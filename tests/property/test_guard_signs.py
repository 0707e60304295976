"""Whatever is seen in whatever order: no living instance is lost, no dead owner is missed."""

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from market_maker.fleet.heartbeat import Heartbeat
from market_maker.guard.signs import Observation, Records, Signs
from market_maker.repositories.interventions import Holder

SILENCE = 3_000
STEP_MAX = 900
"""Shorter than the silence: what a guard that runs leaves between two looks."""
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@dataclass(frozen=True)
class Moment:
    """What happens until the next look, and what that look can read."""

    step: int
    beats_redis: bool
    beats_postgres: bool
    redis_readable: bool
    postgres_readable: bool


moments = st.lists(
    st.builds(Moment, st.integers(1, STEP_MAX), st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    max_size=60,
)


class World:
    """One instance that owns symbols, and a guard that looks."""

    def __init__(self) -> None:
        self.signs = Signs(SILENCE)
        self.now = 0
        self.redis = self.postgres = 0

    def look(self, moment: Moment, owners: dict[str, Holder]) -> frozenset[str]:
        self.now += moment.step
        self.redis += moment.beats_redis
        self.postgres += moment.beats_postgres
        heartbeats = (
            {"a": Heartbeat("a", self.redis, datetime(2026, 11, 22, tzinfo=UTC), SYMBOLS, "1")}
            if moment.redis_readable
            else None
        )
        records = Records({"a": self.postgres}, owners) if moment.postgres_readable else None
        verdict = self.signs.judge(Observation(self.now, heartbeats, records))
        assert verdict.is_blind == (heartbeats is None and records is None)
        assert not verdict.is_blind or not verdict.cases
        assert not verdict.lost & verdict.alive
        assert {case.instance_id for case in verdict.cases} - {None} == verdict.lost
        return verdict.lost


OWNERS = {symbol: Holder(4, "a") for symbol in SYMBOLS}


@given(moments)
def test_an_instance_whose_beat_is_seen_again_within_the_silence_is_never_lost(
    script: list[Moment],
) -> None:
    world, unseen = World(), 0
    for moment in script:
        seen = (moment.beats_redis and moment.redis_readable) or (
            moment.beats_postgres and moment.postgres_readable
        )
        lost = world.look(moment, OWNERS)
        unseen = 0 if seen else unseen + moment.step
        if unseen < SILENCE:
            assert not lost


@given(moments, st.lists(st.integers(1, STEP_MAX), min_size=1, max_size=30))
def test_an_owner_that_beats_no_more_is_lost_once_it_was_watched_for_the_silence(
    script: list[Moment], steps: list[int]
) -> None:
    world = World()
    for moment in script:
        world.look(moment, OWNERS)
    watched = 0
    for number, step in enumerate(steps):
        lost = world.look(Moment(step, False, False, True, True), OWNERS)  # noqa: FBT003 -- beats, readable
        # The first look may show a beat that stood there unread.
        watched += step if number else 0
        if watched >= SILENCE:
            assert lost == {"a"}


@given(moments)
def test_an_instance_that_owns_nothing_is_never_lost(script: list[Moment]) -> None:
    world = World()
    for moment in script:
        if moment.postgres_readable:
            assert not world.look(moment, {"BTCUSDT": Holder(9, "b")}) & {"a"}
