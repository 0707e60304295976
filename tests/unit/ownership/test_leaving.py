"""A symbol is given up: what must be so before it is released, and how it comes back."""

import pytest
from tests.support.conversation import INSTRUMENT
from tests.support.owner_talk import BTC, ETH, OUT, QUOTING, OwnerTalk, numbers, refused

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.events import Facts
from market_maker.ownership.states import Hold, Stage


def held(*symbols: str) -> OwnerTalk:
    north = OwnerTalk()
    for symbol in symbols or (BTC,):
        north.until_held(1, symbol)
    return north


def test_a_revoked_symbol_stops_proves_zero_is_saved_and_released_in_this_order() -> None:
    north = held()
    north.says(ev.ActorSeen, BTC, QUOTING)
    assert north.says(ev.Revoking, numbers(BTC), 7) == [
        cmd.StopQuoting(BTC, Hold.REVOKED),
        refused(Hold.REVOKED),
    ]
    assert north.says(ev.ActorSeen, BTC, Facts(is_out=False)) == []
    assert north.says(ev.ActorSeen, BTC, OUT) == [cmd.Save(BTC)]
    assert north.says(ev.Saved, BTC) == [cmd.ReleaseSymbol(BTC, 1, resume=True)]
    assert north.says(ev.Released, BTC, 1) == [cmd.Done(7)]
    assert north.stage() is Stage.FREE


def test_only_the_symbols_of_revoked_partitions_stop() -> None:
    north = held(BTC, ETH)
    assert north.says(ev.Revoking, numbers(ETH), 7) == [
        cmd.StopQuoting(ETH, Hold.REVOKED),
        refused(Hold.REVOKED, ETH),
    ]
    assert north.stage(BTC) is Stage.HELD


def test_a_symbol_that_cannot_prove_zero_keeps_the_rebalance_waiting_for_three_and_a_half_seconds_only() -> (
    None
):
    north = held(BTC, ETH)
    north.says(ev.Revoking, numbers(BTC, ETH), 7)
    north.says(ev.ActorSeen, ETH, OUT)
    north.says(ev.Saved, ETH)
    assert north.says(ev.Released, ETH, 1) == []
    assert north.later(3.499) == []
    assert north.later(0.001) == [cmd.Done(7)]
    assert north.stage(BTC) is Stage.LEAVING


def test_a_rebalance_waits_for_a_release_that_has_begun() -> None:
    north = held()
    north.says(ev.Revoking, numbers(BTC), 7)
    north.says(ev.ActorSeen, BTC, OUT)
    assert north.later(4) == []
    north.says(ev.Saved, BTC)
    assert north.later(4) == []
    assert north.says(ev.Released, BTC, 1) == [cmd.Done(7)]


def test_a_symbol_that_proves_zero_too_late_for_the_rebalance_is_released_all_the_same() -> None:
    north = held()
    north.says(ev.Revoking, numbers(BTC), 7)
    assert north.later(4) == [cmd.Done(7)]
    assert north.says(ev.ActorSeen, BTC, OUT) == [cmd.Save(BTC)]


@pytest.mark.parametrize("facts", [Facts(is_out=True, is_busy=True), Facts(is_out=False)])
def test_what_comes_while_a_symbol_is_saved_is_waited_for(facts: Facts) -> None:
    north = held()
    north.says(ev.Revoking, numbers(BTC), 7)
    north.says(ev.ActorSeen, BTC, OUT)
    north.says(ev.ActorSeen, BTC, facts)
    said = north.says(ev.Saved, BTC)
    assert not any(isinstance(command, cmd.ReleaseSymbol) for command in said)
    north.says(ev.ActorSeen, BTC, OUT)
    assert north.says(ev.Saved, BTC) == [cmd.ReleaseSymbol(BTC, 1, resume=False)]


def test_a_kill_in_the_moment_of_the_release_lets_no_next_owner_go_on() -> None:
    north = held()
    north.says(ev.ActorSeen, BTC, QUOTING)
    north.says(ev.Revoking, numbers(BTC), 7)
    north.says(ev.ActorSeen, BTC, OUT)
    north.says(ev.ActorSeen, BTC, Facts(is_out=True, is_killed=True))
    assert north.says(ev.Saved, BTC) == [cmd.ReleaseSymbol(BTC, 1, resume=False)]


def test_an_operators_word_during_the_hand_over_counts_at_the_next_owner() -> None:
    north = held()
    north.says(ev.ActorSeen, BTC, QUOTING)
    north.says(ev.Revoking, numbers(BTC), 7)
    north.says(ev.OperatorSpoke, BTC)
    north.says(ev.ActorSeen, BTC, OUT)
    assert north.says(ev.Saved, BTC) == [cmd.ReleaseSymbol(BTC, 1, resume=False)]


def test_a_symbol_that_comes_back_before_anybody_had_it_wakes_its_actor() -> None:
    north = held()
    north.until_released()
    assert north.assigned(BTC) == [cmd.Describe(BTC)]
    north.says(ev.Described, BTC, None)
    assert north.claimed(epoch=2) == [
        cmd.WakeActor(BTC, 2),
        cmd.Refresh(BTC),
        cmd.CarryOutKills(BTC, 2),
        refused(Hold.BEING_TAKEN),
    ]


@pytest.mark.parametrize(
    "claim",
    [
        {"epoch": 3},
        {"epoch": 2, "was_released": False},
        {"epoch": 2, "actor_is_sound": False},
    ],
    ids=["somebody had it meanwhile", "the release was not told", "the actor cannot go on"],
)
def test_an_actor_whose_knowledge_may_not_hold_is_not_woken(claim: dict[str, int]) -> None:
    north = held()
    north.until_released()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    [said, *_] = north.claimed(**claim)  # type: ignore[arg-type] # an epoch and flags
    assert said == cmd.StartActor(BTC, claim["epoch"], INSTRUMENT)


def test_an_actor_that_may_not_go_on_is_of_no_use_where_nobody_can_tell_the_instrument() -> None:
    north = held()
    north.until_released()
    north.assigned(BTC)
    north.says(ev.Described, BTC, None)
    said = north.claimed(epoch=2, actor_is_sound=False)
    assert said == [cmd.Abandon(BTC), cmd.ReleaseSymbol(BTC, 2, resume=False)]
    north.says(ev.Released, BTC, 2)
    assert north.later(1) == [cmd.Describe(BTC)]
    assert north.says(ev.Described, BTC, None) == [], "a claim would come to nothing again"
    assert north.later(1) == [cmd.Describe(BTC)]


def test_a_silent_actor_whose_records_were_dropped_is_ended() -> None:
    north = held()
    north.until_released()
    assert north.says(ev.Fenced, BTC, 1) == [cmd.StopActor(BTC, is_fenced=False)]


def test_a_silent_actor_is_ended_when_its_symbol_has_not_come_back_for_ten_seconds() -> None:
    north = held(BTC, ETH)
    north.until_released()
    assert north.assigned(ETH) == []
    assert north.later(9.999) == []
    assert north.later(0.001) == [cmd.StopActor(BTC, is_fenced=False)]
    assert north.says(ev.Stopped, BTC, left_unread=True) == []
    assert north.stage(ETH) is Stage.HELD


def test_a_symbol_that_comes_back_while_it_leaves_stays_with_its_epoch() -> None:
    north = held()
    north.says(ev.Revoking, numbers(BTC), 7)
    assert north.assigned(BTC) == [
        cmd.Refresh(BTC),
        cmd.CarryOutKills(BTC, 1),
        refused(Hold.BEING_TAKEN),
        cmd.Done(7),
    ]
    assert not north.machine.may_go_on(BTC)


def test_a_symbol_that_comes_back_while_it_is_released_waits_for_that_and_is_claimed() -> None:
    north = held()
    north.says(ev.Revoking, numbers(BTC), 7)
    north.says(ev.ActorSeen, BTC, OUT)
    north.says(ev.Saved, BTC)
    assert north.assigned(BTC) == []
    assert north.machine.expected == {BTC}
    assert north.says(ev.Released, BTC, 1) == [cmd.Describe(BTC), cmd.Done(7)]


def test_a_lost_symbol_stops_but_stays_until_nobody_has_taken_it_for_ten_seconds() -> None:
    north = held()
    north.says(ev.ActorSeen, BTC, QUOTING)
    assert north.says(ev.Lost, numbers(BTC)) == [cmd.StopQuoting(BTC, Hold.LOST), refused(Hold.LOST)]
    north.says(ev.ActorSeen, BTC, OUT)
    assert north.later(9.999) == []
    assert north.later(0.001) == [cmd.Save(BTC)]
    assert north.says(ev.Saved, BTC) == [cmd.ReleaseSymbol(BTC, 1, resume=False)]


def test_a_symbol_whose_last_owner_may_still_send_is_not_released_as_if_nobody_could() -> None:
    north = OwnerTalk()
    north.until_started(2, was_released=False)
    north.says(ev.Revoking, numbers(BTC), 7)
    assert north.says(ev.ActorSeen, BTC, OUT) == [cmd.Done(7)]
    assert north.stage() is Stage.LEAVING
    assert north.later(3) == [cmd.ClearAgain(BTC)]
    assert north.says(ev.ActorSeen, BTC, OUT) == [cmd.Save(BTC)]


def test_a_lost_symbol_that_comes_back_within_its_last_owners_lease_waits_for_its_end() -> None:
    north = OwnerTalk()
    north.until_started(2, was_released=False)
    north.says(ev.Lost, numbers(BTC))
    assert north.assigned(BTC) == [cmd.Refresh(BTC), refused(Hold.LEASE_RUNS)]
    assert north.later(3)[0] == cmd.ClearAgain(BTC)


def test_a_symbol_whose_configuration_is_gone_is_released_and_its_actor_ended() -> None:
    north = held()
    assert north.says(ev.Removed, BTC) == [cmd.StopQuoting(BTC, Hold.REMOVED), refused(Hold.REMOVED)]
    north.says(ev.ActorSeen, BTC, OUT)
    assert north.says(ev.Saved, BTC) == [cmd.ReleaseSymbol(BTC, 1, resume=False)]
    assert north.says(ev.Released, BTC, 1) == [cmd.StopActor(BTC, is_fenced=False)]
    assert north.says(ev.Stopped, BTC, left_unread=True) == [cmd.ReadAgain(BTC)]


def test_a_symbol_that_is_missing_from_a_list_is_asked_for_before_it_is_given_up() -> None:
    north = held(BTC, ETH)
    assert north.says(ev.Configured, frozenset({ETH})) == [cmd.AskConfigured(BTC)]
    assert north.says(ev.Configured, frozenset({ETH})) == [], "the question is on its way"
    assert north.stage(BTC) is Stage.HELD


def test_a_symbol_that_is_configured_again_while_it_is_given_up_stays() -> None:
    north = held()
    north.says(ev.Removed, BTC)
    said = north.says(ev.Configured, frozenset({BTC, ETH}))
    assert said == [cmd.Refresh(BTC), cmd.CarryOutKills(BTC, 1), refused(Hold.BEING_TAKEN)]
    assert north.says(ev.Admitted, BTC, 1) == [refused(None)]


def test_nothing_is_enabled_while_its_configuration_is_being_deleted() -> None:
    north = held()
    assert north.says(ev.Removing, BTC, is_under_way=True) == [refused(Hold.BEING_REMOVED)]
    assert north.says(ev.Removing, BTC, is_under_way=False) == [refused(None)]


def test_a_list_that_still_names_a_symbol_lets_nothing_in_while_it_is_being_deleted() -> None:
    north = held()
    north.says(ev.Removing, BTC, is_under_way=True)
    assert north.says(ev.Configured, frozenset({BTC, ETH})) == []
    assert north.says(ev.Removed, BTC) == [cmd.StopQuoting(BTC, Hold.REMOVED), refused(Hold.REMOVED)]


def test_a_deletion_that_fails_lets_no_symbol_in_that_is_still_being_taken() -> None:
    north = OwnerTalk()
    north.until_started()
    assert north.says(ev.Removing, BTC, is_under_way=True) == []
    assert north.says(ev.Removing, BTC, is_under_way=False) == []


def test_at_the_end_symbols_are_released_only_once_everything_is_published() -> None:
    north = held()
    north.says(ev.ActorSeen, BTC, QUOTING)
    assert north.says(ev.ProcessEnds) == [cmd.StopQuoting(BTC, Hold.ENDING), refused(Hold.ENDING)]
    assert north.says(ev.ActorSeen, BTC, OUT) == []
    assert north.says(ev.Flushed, 9) == [cmd.Save(BTC)]
    assert north.says(ev.Saved, BTC) == [cmd.ReleaseSymbol(BTC, 1, resume=True)]
    assert north.says(ev.Released, BTC, 1) == [cmd.Done(9)]


def test_at_the_end_a_symbol_that_may_have_orders_keeps_nobody_waiting() -> None:
    north = held()
    north.says(ev.ProcessEnds)
    assert north.says(ev.Flushed, 9) == [cmd.Done(9)]
    assert north.stage() is Stage.LEAVING


def test_a_rebalance_during_the_end_takes_nothing_and_releases_what_goes() -> None:
    north = held()
    north.says(ev.ProcessEnds)
    assert north.assigned(BTC, ETH) == []
    assert north.says(ev.Revoking, numbers(BTC, ETH), 7) == [refused(Hold.REVOKED)]
    assert north.says(ev.ActorSeen, BTC, OUT) == [cmd.Save(BTC)]
