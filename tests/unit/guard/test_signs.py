"""Who is silent, told as scripts: what each look saw, and what the guard makes of it."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from market_maker.fleet.heartbeat import Heartbeat
from market_maker.guard.signs import Case, Observation, Records, Signs, Verdict
from market_maker.repositories.interventions import Holder

S = 1_000_000_000
BTC, ETH, SOL = "BTCUSDT", "ETHUSDT", "SOLUSDT"
A_OWNS_BTC = {BTC: Holder(5, "a")}


class Script:
    """Looks one after the other; both places readable unless said otherwise."""

    def __init__(self) -> None:
        self.signs = Signs(3 * S)
        self.redis: dict[str, Heartbeat] | None = {}
        self.beats: dict[str, int] = {}
        self.owners: Mapping[str, Holder] = {}
        self.records_readable = True

    def redis_says(self, name: str, beat: int, *symbols: str) -> None:
        assert self.redis is not None
        self.redis[name] = Heartbeat(name, beat, datetime(2026, 11, 22, tzinfo=UTC), symbols, "1")

    def at(self, seconds: float) -> Verdict:
        records = Records(dict(self.beats), dict(self.owners)) if self.records_readable else None
        redis = None if self.redis is None else dict(self.redis)
        return self.signs.judge(Observation(int(seconds * S), redis, records))


@pytest.fixture
def script() -> Script:
    return Script()


def lost(verdict: Verdict) -> list[tuple[str, str | None, int | None]]:
    return [(case.symbol, case.instance_id, case.epoch) for case in verdict.cases]


def test_an_instance_that_beats_in_redis_alone_lives(script: Script) -> None:
    script.owners = A_OWNS_BTC
    for second in range(20):
        script.redis_says("a", second, BTC)
        verdict = script.at(second)
        assert verdict == Verdict(is_blind=False, alive=frozenset({"a"}))


def test_an_instance_that_beats_in_postgresql_alone_lives(script: Script) -> None:
    script.owners = A_OWNS_BTC
    script.redis_says("a", 1, BTC)
    for second in range(20):
        script.beats["a"] = second
        verdict = script.at(second)
        assert verdict == Verdict(is_blind=False, alive=frozenset({"a"}))


def test_an_instance_is_lost_when_neither_beat_has_changed_for_three_seconds(script: Script) -> None:
    script.owners = {BTC: Holder(5, "a"), ETH: Holder(8, "b"), SOL: Holder(2, "a")}
    script.redis_says("a", 1, BTC, SOL)
    script.beats["a"] = 1
    for tick in range(6):
        script.beats["b"] = tick
        assert script.at(tick * 0.5).cases == ()
    script.beats["b"] = 6
    verdict = script.at(3.0)
    assert lost(verdict) == [(BTC, "a", 5), (SOL, "a", 2)]
    assert verdict.lost == {"a"}
    assert verdict.alive == {"b"}
    assert [case.silent_ns for case in verdict.cases] == [3 * S, 3 * S]


def test_a_beat_that_changes_at_the_last_moment_counts(script: Script) -> None:
    script.owners = A_OWNS_BTC
    script.beats["a"] = 1
    script.at(0.0)
    script.at(1.5)
    script.beats["a"] = 2
    assert script.at(2.9).cases == ()
    script.at(4.5)
    assert script.at(5.8).cases == ()
    assert lost(script.at(5.9)) == [(BTC, "a", 5)]


def test_an_instance_that_owns_nothing_may_be_silent(script: Script) -> None:
    script.beats["a"] = 1
    script.redis_says("a", 1)
    for second in range(10):
        assert script.at(second).cases == ()
    assert script.at(10.0).lost == frozenset()


def test_an_orderly_end_causes_nothing(script: Script) -> None:
    script.owners = A_OWNS_BTC
    script.beats["a"] = 1
    script.redis_says("a", 1, BTC)
    script.at(0.0)
    script.owners, script.beats, script.redis = {}, {}, {}
    for second in range(1, 10):
        assert script.at(second) == Verdict(is_blind=False)


def test_an_owner_of_whom_there_is_no_sign_at_all_has_three_seconds_from_the_first_look(
    script: Script,
) -> None:
    script.owners = A_OWNS_BTC
    for tenth in range(0, 30, 5):
        assert script.at(100 + tenth / 10).cases == ()
    assert lost(script.at(103.0)) == [(BTC, "a", 5)]


def test_an_expired_heartbeat_is_no_sign_of_life_and_no_end_in_order(script: Script) -> None:
    script.owners = A_OWNS_BTC
    script.redis_says("a", 1, BTC)
    script.at(0.0)
    script.at(2.0)
    script.redis = {}
    assert script.at(2.5).cases == ()
    assert lost(script.at(3.0)) == [(BTC, "a", 5)]


# --- one place gone, both gone -----------------------------------------------------------------


def test_with_redis_gone_the_beats_of_postgresql_count(script: Script) -> None:
    script.owners = {BTC: Holder(5, "a"), ETH: Holder(1, "b")}
    script.redis_says("a", 1, BTC)
    script.redis_says("b", 1, ETH)
    script.beats = {"a": 1, "b": 1}
    script.at(0.0)
    script.redis = None
    for second in (1.0, 2.0, 2.5):
        script.beats["b"] += 1
        assert script.at(second).cases == ()
    script.beats["b"] += 1
    assert lost(script.at(3.0)) == [(BTC, "a", 5)]


def test_with_postgresql_gone_the_last_heartbeat_says_what_was_owned(script: Script) -> None:
    script.records_readable = False
    script.redis_says("a", 1, BTC, ETH)
    script.redis_says("b", 1, SOL)
    for tick in range(7):
        script.redis_says("b", tick, SOL)
        verdict = script.at(tick / 2)
    assert lost(verdict) == [(BTC, "a", None), (ETH, "a", None)]


def test_with_postgresql_gone_a_symbol_that_a_living_instance_says_it_owns_is_left_to_it(
    script: Script,
) -> None:
    script.owners = {BTC: Holder(5, "a"), ETH: Holder(3, "a")}
    script.redis_says("a", 1, BTC, ETH)
    script.at(0.0)
    script.records_readable = False
    for tick in range(1, 7):
        script.redis_says("b", tick, ETH)
        verdict = script.at(tick / 2)
    assert lost(verdict) == [(BTC, "a", 5)]
    assert verdict.said == {ETH: "b"}
    script.records_readable = True
    assert script.at(3.5).said == {}


def test_with_postgresql_gone_an_instance_that_beat_only_there_is_judged_by_what_was_known(
    script: Script,
) -> None:
    script.owners = A_OWNS_BTC
    script.beats["a"] = 1
    script.at(0.0)
    script.records_readable = False
    assert script.at(2.9).cases == ()
    assert lost(script.at(3.0)) == [(BTC, "a", 5)]


def test_blind_the_guard_does_nothing_and_then_everybody_gets_the_whole_time_again(
    script: Script,
) -> None:
    script.owners = A_OWNS_BTC
    script.redis_says("a", 1, BTC)
    script.at(0.0)
    script.at(2.0)
    saved, script.redis, script.records_readable = script.redis, None, False
    for second in range(3, 60):
        assert script.at(float(second)) == Verdict(is_blind=True)
    script.redis, script.records_readable = saved, True
    for seconds in (60.0, 61.5, 62.9):
        verdict = script.at(seconds)
        assert (verdict.is_blind, verdict.cases) == (False, ())
    assert lost(script.at(63.0)) == [(BTC, "a", 5)]


def test_a_guard_that_did_not_run_for_a_while_gives_everybody_the_whole_time_again(
    script: Script,
) -> None:
    script.owners = A_OWNS_BTC
    script.beats["a"] = 1
    script.at(0.0)
    for second in (30.0, 32.0, 32.9):
        assert script.at(second).cases == ()
    assert lost(script.at(33.0)) == [(BTC, "a", 5)]


# --- who owns what by now ----------------------------------------------------------------------


def test_a_symbol_that_another_instance_has_taken_is_left_alone(script: Script) -> None:
    script.owners = {BTC: Holder(5, "a"), ETH: Holder(7, "a")}
    script.beats = {"a": 1, "b": 1}
    for tick in range(6):
        script.beats["b"] = tick
        script.at(tick / 2)
    script.owners = {BTC: Holder(6, "b"), ETH: Holder(7, "a")}
    script.beats["b"] = 7
    assert lost(script.at(3.0)) == [(ETH, "a", 7)]


def test_a_symbol_that_was_taken_away_and_is_nobodys_has_to_be_cleared(script: Script) -> None:
    script.owners = {BTC: Holder(6, None)}
    assert script.at(0.0).cases == (Case(BTC, None, 6, 0),)
    assert script.at(0.5).lost == frozenset()


def test_an_instance_that_comes_back_lives_again(script: Script) -> None:
    script.owners = A_OWNS_BTC
    script.beats["a"] = 1
    for tick in range(7):
        verdict = script.at(tick / 2)
    assert verdict.lost == {"a"}
    script.beats["a"] = 2
    verdict = script.at(3.5)
    assert verdict == Verdict(is_blind=False, alive=frozenset({"a"}))


def test_a_beat_that_was_heard_before_is_no_sign_of_life(script: Script) -> None:
    script.owners = A_OWNS_BTC
    for second, beat in enumerate((100, 99, 100, 98, 100)):
        script.redis_says("a", beat, BTC)
        verdict = script.at(second)
    assert lost(verdict) == [(BTC, "a", 5)]
