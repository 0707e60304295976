"""Our turn: in which order a symbol is taken, and what stops that."""

from tests.support.conversation import INSTRUMENT
from tests.support.owner_talk import BTC, COUNTS, ETH, LEASE_NS, OwnerTalk, numbers, refused

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.states import Hold, Stage


def test_a_symbol_is_described_claimed_started_and_admitted_in_this_order() -> None:
    north = OwnerTalk()
    assert north.assigned(BTC) == [cmd.Describe(BTC)]
    assert north.says(ev.Described, BTC, INSTRUMENT) == [cmd.ClaimSymbol(BTC)]
    assert north.claimed(epoch=1) == [cmd.StartActor(BTC, 1, INSTRUMENT)]
    assert north.says(ev.Started, BTC) == [
        cmd.Refresh(BTC),
        cmd.CarryOutKills(BTC, 1),
        refused(Hold.BEING_TAKEN),
    ]
    assert north.says(ev.Admitted, BTC, 1) == [refused(None)]
    assert north.stage() is Stage.HELD


def test_what_comes_for_a_symbol_waits_until_it_has_its_actor() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    assert north.machine.expected == {BTC}
    north.says(ev.Described, BTC, INSTRUMENT)
    north.claimed()
    assert north.machine.expected == {BTC}
    north.says(ev.Started, BTC)
    assert north.machine.expected == set()


def test_nothing_is_ours_while_the_number_of_partitions_is_unknown_or_differs() -> None:
    north = OwnerTalk()
    assert north.says(ev.Assigned, numbers(BTC), {}) == []
    assert north.says(ev.Assigned, numbers(BTC), {"market": 6, "engine": 7}) == []
    assert north.says(ev.Assigned, frozenset(), COUNTS) == [cmd.Describe(BTC)]


def test_partitions_that_come_change_nothing_for_symbols_that_stay() -> None:
    north = OwnerTalk()
    north.until_held()
    assert north.assigned(ETH) == [cmd.Describe(ETH)]
    assert north.says(ev.Assigned, frozenset(), COUNTS) == []
    assert north.says(ev.Revoking, numbers(ETH), 7) == [cmd.Done(7)]
    assert north.stage() is Stage.HELD


def test_a_symbol_that_was_not_released_waits_for_the_last_owners_lease_and_is_cleared_again() -> None:
    north = OwnerTalk()
    assert north.until_started(2, was_released=False) == [cmd.Refresh(BTC), refused(Hold.LEASE_RUNS)]
    assert north.later(2.999) == []
    assert north.later(0.001) == [
        cmd.ClearAgain(BTC),
        cmd.CarryOutKills(BTC, 2),
        refused(Hold.BEING_TAKEN),
    ]


def test_an_actor_that_starts_after_the_last_owners_lease_need_not_clear_twice() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    north.claimed(2, was_released=False)
    north.now_ns += LEASE_NS
    said = north.says(ev.Started, BTC)
    assert said == [cmd.Refresh(BTC), cmd.CarryOutKills(BTC, 2), refused(Hold.BEING_TAKEN)]


def test_a_metadata_service_that_is_away_is_asked_again_after_a_second() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    assert north.says(ev.NotDescribed, BTC, is_refused=False) == []
    assert north.later(0.999) == []
    assert north.later(0.001) == [cmd.Describe(BTC)]
    assert north.later(9) == [], "the question is on its way"
    assert north.machine.expected == {BTC}


def test_a_symbol_that_nobody_lists_is_left_out_for_half_a_minute_and_nothing_waits_for_it() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    assert north.says(ev.NotDescribed, BTC, is_refused=True) == []
    assert north.machine.expected == set()
    assert north.later(29.9) == []
    assert north.later(0.1) == [cmd.Describe(BTC)]


def test_what_is_left_out_is_tried_at_once_when_it_is_assigned_or_configured_anew() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.NotDescribed, BTC, is_refused=True)
    assert north.later(1) == []
    assert north.assigned(BTC) == [cmd.Describe(BTC)]
    north.says(ev.NotDescribed, BTC, is_refused=True)
    assert north.says(ev.Configured, frozenset({BTC, ETH})) == [cmd.Describe(BTC)]


def test_a_claim_that_is_refused_leaves_the_symbol_out() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    assert north.says(ev.NotClaimed, BTC) == []
    assert north.stage() is Stage.FREE
    assert north.later(30) == [cmd.Describe(BTC)]


def test_a_claim_that_waits_is_abandoned_when_the_turn_is_over_and_its_late_answer_changes_nothing() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    assert north.says(ev.Revoking, numbers(BTC), 7) == [cmd.Abandon(BTC), cmd.Done(7)]
    assert north.machine.expected == set()
    assert north.claimed(epoch=4) == []
    assert north.renewed({BTC: 4}) == []
    north.now_ns += LEASE_NS
    assert north.renewed({BTC: 4}) == [cmd.ReleaseSymbol(BTC, 4, resume=False)]


def test_a_symbol_that_is_being_read_goes_back_at_once_where_nobody_else_can_send() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    north.claimed(epoch=3)
    assert north.says(ev.Lost, numbers(BTC)) == [cmd.Abandon(BTC), cmd.ReleaseSymbol(BTC, 3, resume=False)]
    assert north.says(ev.Started, BTC) == []


def test_a_symbol_whose_last_owner_may_still_send_is_cleared_and_goes_back_when_he_cannot() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    north.claimed(epoch=3, was_released=False)
    assert north.says(ev.Lost, numbers(BTC)) == [cmd.ClearWithoutActor(BTC, 3)]
    north.renewed({BTC: 3})
    north.now_ns += LEASE_NS
    assert north.renewed({BTC: 3}) == [cmd.ReleaseSymbol(BTC, 3, resume=False)]


def test_the_market_of_a_symbol_that_cannot_be_started_is_cleared_for_a_lease() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    north.claimed(epoch=3)
    assert north.says(ev.NotStarted, BTC, is_configured=True) == [cmd.ClearWithoutActor(BTC, 3)]
    assert north.renewed({BTC: 3}) == []
    north.now_ns += LEASE_NS
    assert north.renewed({BTC: 3}) == [cmd.ReleaseSymbol(BTC, 3, resume=False)]
    north.renewed({})
    assert north.later(30) == [cmd.Describe(BTC)]


def test_a_symbol_whose_configuration_went_while_it_was_read_goes_back() -> None:
    north = OwnerTalk()
    north.assigned(BTC)
    north.says(ev.Described, BTC, INSTRUMENT)
    north.claimed(epoch=3)
    said = north.says(ev.NotStarted, BTC, is_configured=False)
    assert said == [cmd.Abandon(BTC), cmd.ReleaseSymbol(BTC, 3, resume=False)]
    north.says(ev.Released, BTC, 3)
    assert north.later(60) == []


def test_a_symbol_that_is_configured_later_is_taken_by_whose_partition_it_is() -> None:
    north = OwnerTalk()
    north.says(ev.Assigned, numbers("SOL-USDT"), COUNTS)
    assert north.says(ev.Configured, frozenset({BTC, ETH, "SOL-USDT"})) == [cmd.Describe("SOL-USDT")]


def test_kills_carried_out_under_an_older_epoch_let_nothing_be_enabled() -> None:
    north = OwnerTalk()
    north.until_started(5)
    assert north.says(ev.Admitted, BTC, 4) == []
    assert north.stage() is Stage.ADMITTING
