"""Epochs: who is fenced, by which answer, and when a symbol may be taken back."""

from tests.support.conversation import INSTRUMENT
from tests.support.owner_talk import BTC, ETH, LEASE_NS, OUT, OwnerTalk, numbers

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.states import Stage


def held() -> OwnerTalk:
    north = OwnerTalk()
    north.until_held()
    north.later(1)
    return north


def test_a_renewal_that_confirms_the_epoch_changes_nothing() -> None:
    assert held().renewed({BTC: 1}) == []


def test_an_actor_whose_epoch_was_counted_up_is_ended_at_once() -> None:
    for owned in ({}, {BTC: 2}):
        north = held()
        assert north.renewed(owned) == [cmd.StopActor(BTC, is_fenced=True)]


def test_an_answer_to_what_was_asked_before_the_claim_says_nothing_of_it() -> None:
    north = OwnerTalk()
    north.until_held()
    north.later(1)
    assert north.renewed({}, asked_before_s=1.001) == []
    assert north.renewed({}, asked_before_s=1) == [cmd.StopActor(BTC, is_fenced=True)]


def test_records_that_were_dropped_fence_the_epoch_that_made_them_only() -> None:
    north = held()
    assert north.says(ev.Fenced, BTC, 0) == []
    assert north.says(ev.Fenced, BTC, 1) == [cmd.StopActor(BTC, is_fenced=True)]


def test_what_a_fenced_actor_dropped_is_read_again_where_the_partition_is_ours() -> None:
    north = held()
    north.says(ev.Fenced, BTC, 1)
    assert north.says(ev.Stopped, BTC, left_unread=False) == [cmd.ReadAgain(BTC)]
    south = held()
    south.says(ev.Lost, numbers(BTC))
    south.says(ev.Fenced, BTC, 1)
    assert south.says(ev.Stopped, BTC, left_unread=True) == []


def test_a_symbol_that_somebody_took_is_his_until_he_gives_it_up() -> None:
    north = held()
    north.says(ev.Fenced, BTC, 1)
    north.says(ev.Stopped, BTC, left_unread=False)
    assert north.renewed({}, {BTC: "north"}) == [], "asked before: it may not know of him yet"
    north.later(1)
    assert north.renewed({}, {BTC: "south"}) == []
    assert north.machine.expected == set()
    north.later(1)
    assert north.renewed({}, {ETH: "south"}) == [cmd.Describe(BTC)]


def test_a_symbol_that_is_assigned_anew_is_claimed_whoever_has_it() -> None:
    north = held()
    north.says(ev.Fenced, BTC, 1)
    north.says(ev.Stopped, BTC, left_unread=False)
    assert north.assigned(BTC) == [cmd.Describe(BTC)]


def test_a_symbol_that_is_taken_while_its_history_is_read_is_not_started() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    north.claimed()
    assert north.renewed({}, {BTC: "south"}) == [cmd.Abandon(BTC)]
    assert north.says(ev.Started, BTC) == []
    assert north.assigned(BTC) == [cmd.Describe(BTC)], "it comes back like any other"


def test_a_renewal_that_does_not_know_of_a_release_under_way_fences_nobody() -> None:
    north = held()
    north.says(ev.Revoking, numbers(BTC), 7)
    north.says(ev.ActorSeen, BTC, OUT)
    north.says(ev.Saved, BTC)
    assert north.renewed({}) == []
    assert north.renewed({BTC: 1}) == []
    assert north.says(ev.Released, BTC, 1) == [cmd.Done(7)]


def test_a_row_that_names_us_though_nobody_acts_for_it_is_released_after_a_lease() -> None:
    north = OwnerTalk()
    assert north.renewed({ETH: 6}) == []
    north.now_ns += LEASE_NS - 1
    assert north.renewed({ETH: 6}) == []
    north.now_ns += 1
    assert north.renewed({ETH: 6}) == [cmd.ReleaseSymbol(ETH, 6, resume=False)]
    assert north.says(ev.Released, ETH, 6) == []


def test_a_row_that_was_released_meanwhile_is_forgotten() -> None:
    north = OwnerTalk()
    north.renewed({ETH: 6})
    north.renewed({})
    north.now_ns += LEASE_NS
    assert north.renewed({ETH: 6}) == []


def test_the_answer_to_an_older_release_does_not_end_a_newer_one() -> None:
    north = held()
    north.says(ev.Revoking, numbers(BTC), 7)
    north.says(ev.ActorSeen, BTC, OUT)
    north.says(ev.Saved, BTC)
    assert north.says(ev.Released, BTC, 0) == []
    assert north.stage() is Stage.RELEASING
