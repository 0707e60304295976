"""A symbol goes on by itself: only after a clean hand-over, and only while nobody has decided otherwise."""

import pytest
from tests.support.conversation import INSTRUMENT
from tests.support.owner_talk import BTC, OwnerTalk, numbers

from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.events import Facts

READY = Facts(may_resume=True, is_ready=True)
NOT_READY = Facts(may_resume=True)


def taken(resume_age_s: float | None = 1) -> OwnerTalk:
    """Just admitted, after a hand-over that began while it was ACTIVE, so long ago."""
    south = OwnerTalk()
    south.until_held(resume_age_s=resume_age_s)
    return south


def test_it_is_asked_to_once_nothing_speaks_against_it_any_more() -> None:
    south = taken()
    assert south.says(ev.ActorSeen, BTC, NOT_READY) == []
    assert south.says(ev.ActorSeen, BTC, READY) == [cmd.AskToResume(BTC)]
    assert south.says(ev.ActorSeen, BTC, READY) == [], "it has been asked"
    south.says(ev.Resumed, BTC, is_active=True)
    assert south.says(ev.ActorSeen, BTC, READY) == []


def test_it_is_asked_again_when_something_came_between() -> None:
    south = taken()
    south.says(ev.ActorSeen, BTC, READY)
    south.says(ev.Resumed, BTC, is_active=False)
    assert south.says(ev.ActorSeen, BTC, READY) == [cmd.AskToResume(BTC)]


def test_it_is_not_asked_before_waiting_kills_are_carried_out() -> None:
    south = OwnerTalk()
    south.until_started(resume_age_s=1)
    assert south.says(ev.ActorSeen, BTC, READY) == []
    south.says(ev.Admitted, BTC, 1)
    assert south.says(ev.ActorSeen, BTC, READY) == [cmd.AskToResume(BTC)]


@pytest.mark.parametrize("resume_age_s", [None, 60.001])
def test_it_is_not_after_an_unclean_or_an_old_hand_over(resume_age_s: float | None) -> None:
    assert taken(resume_age_s).says(ev.ActorSeen, BTC, READY) == []


@pytest.mark.parametrize(
    "facts",
    [Facts(is_ready=True), Facts(is_ready=True, may_resume=True, is_killed=True)],
    ids=["the desk did not say so", "it was killed"],
)
def test_it_never_is_again_once_something_forbids_it(facts: Facts) -> None:
    south = taken()
    assert south.says(ev.ActorSeen, BTC, facts) == []
    assert south.says(ev.ActorSeen, BTC, READY) == []


def test_an_operators_word_ends_the_waiting() -> None:
    south = taken()
    south.says(ev.OperatorSpoke, BTC)
    assert south.says(ev.ActorSeen, BTC, READY) == []


def test_waiting_ends_after_half_a_minute() -> None:
    south = taken()
    assert south.later(29.9) == []
    assert south.later(0.1) == [cmd.GiveUpResuming(BTC)]
    assert south.says(ev.ActorSeen, BTC, READY) == []


@pytest.mark.parametrize(("kind", "goes_on"), [(ev.Revoking, True), (ev.Lost, False)])
def test_what_was_about_to_go_on_does_so_at_the_next_owner_after_a_clean_hand_over_only(
    kind: type[ev.OwnershipEvent], goes_on: bool
) -> None:
    south = taken()
    south.says(ev.ActorSeen, BTC, NOT_READY)
    south.says(kind, numbers(BTC), *([7] if kind is ev.Revoking else []))
    assert south.machine.may_go_on(BTC) is goes_on


def test_the_desks_permission_is_seen_before_the_flag_is_handed_on() -> None:
    south = taken()
    south.says(ev.ActorSeen, BTC, Facts())
    south.says(ev.Revoking, numbers(BTC), 7)
    assert not south.machine.may_go_on(BTC)


def test_a_symbol_that_is_taken_anew_by_a_kill_of_its_owner_does_not_go_on() -> None:
    south = OwnerTalk()
    south.assigned(BTC)
    south.says(ev.Described, BTC, INSTRUMENT)
    south.claimed(4, was_released=False)
    south.says(ev.Started, BTC)
    south.later(3)
    south.says(ev.Admitted, BTC, 4)
    assert south.says(ev.ActorSeen, BTC, READY) == []
