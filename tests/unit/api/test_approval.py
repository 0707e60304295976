"""Changes that let a symbol risk more wait for a second person."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.people import ByName, KeptProposals, Person

from lab.api import Api, in_process
from lab.desk import FakeDesk
from market_maker.api.approval import Approval
from market_maker.api.security import Role
from market_maker.core.states import State

BTC = "/v1/mm-configs/BTC-USDT"
LOOSER = {"max_loss_usdt": "600", "reason": "more room"}
WHY = {"reason": "looked at it"}


@pytest.fixture
def kept() -> KeptProposals:
    return KeptProposals()


@pytest.fixture
async def api(desk: FakeDesk, kept: KeptProposals) -> AsyncIterator[Api]:
    async with in_process(desk, ByName(), approval=Approval(kept)) as client:
        yield client


@pytest.fixture
def alice(api: Api) -> Person:
    return Person(api, "alice mm:operate")


@pytest.fixture
def bob(api: Api) -> Person:
    return Person(api, "bob mm:operate")


async def proposed(person: Person, body: dict[str, Any] = LOOSER) -> str:
    answer = await person.ask("PUT", BTC, body)
    assert (answer.status, answer.body["state"]) == (202, "PENDING"), answer.text
    return f"{BTC}/proposals/{answer.body['id']}"


async def test_a_change_that_risks_more_waits_and_changes_nothing_yet(alice: Person, desk: FakeDesk) -> None:
    answer = await alice.ask("PUT", BTC, LOOSER)
    assert answer.status == 202
    assert answer.body["changes"] == [{"field": "max_loss_usdt", "before": "500.0", "after": "600"}]
    assert (answer.body["loosens"], answer.body["author"]) == (["max_loss_usdt"], "alice")
    assert (await alice.ask("GET", BTC)).body["max_loss_usdt"] == "500.0"
    assert desk.trail[-1].after is not None
    assert "proposal" in desk.trail[-1].after


async def test_a_dry_run_says_that_a_change_would_wait_and_keeps_no_proposal(
    alice: Person, desk: FakeDesk, kept: KeptProposals
) -> None:
    answer = await alice.ask("PUT", BTC, {**LOOSER, "dry_run": True})
    assert (answer.status, answer.body["id"], answer.body["loosens"]) == (202, 0, ["max_loss_usdt"])
    assert (await alice.ask("GET", "/v1/mm/proposals")).body["items"] == []
    assert desk.trail == []


async def test_a_second_person_makes_it_the_next_version_which_names_both(alice: Person, bob: Person) -> None:
    answer = await bob.ask("POST", f"{await proposed(alice)}/approve", WHY)
    assert (answer.status, answer.body["version"]) == (200, 2)
    assert answer.body["proposal"]["decided_by"] == "bob"
    newest = (await bob.ask("GET", f"{BTC}/versions")).body["items"][0]
    assert (newest["author"], newest["config"]["max_loss_usdt"]) == ("alice", "600")
    assert newest["reason"] == "more room (approved by bob: looked at it)"


async def test_nobody_approves_his_own_change_and_the_attempt_is_recorded(
    alice: Person, desk: FakeDesk
) -> None:
    answer = await alice.ask("POST", f"{await proposed(alice)}/approve", WHY)
    assert (answer.status, answer.code) == (403, "OWN_PROPOSAL")
    assert desk.trail[-1].why == "denied: alice has proposed it"
    assert (await alice.ask("GET", BTC)).body["max_loss_usdt"] == "500.0"


async def test_tightening_pausing_and_killing_wait_for_nobody(alice: Person, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", state=State.ACTIVE)
    for body in ({"max_loss_usdt": "400"}, {"base_spread_bps": "30"}, {"enabled": False}):
        assert (await alice.ask("PUT", BTC, body)).status == 200
    assert (await alice.ask("POST", f"{BTC}/pause")).status == 409  # paused already
    carol = Person(alice.api, "carol mm:emergency")
    assert (await carol.ask("POST", "/v1/mm/emergency/kill", {"reason": "now"})).status == 200


async def test_a_change_that_tightens_and_loosens_waits_as_a_whole(alice: Person) -> None:
    answer = await alice.ask("PUT", BTC, {"max_position_usdt": "5000", "base_spread_bps": "5"})
    assert (answer.status, answer.body["loosens"]) == (202, ["base_spread_bps"])
    assert (await alice.ask("GET", BTC)).body["max_position_usdt"] == "10000.0"


async def test_a_proposal_onto_a_configuration_that_changed_meanwhile_is_refused(
    alice: Person, bob: Person
) -> None:
    path = await proposed(alice)
    await bob.ask("PUT", BTC, {"max_position_usdt": "4000"})
    answer = await bob.ask("POST", f"{path}/approve", WHY)
    assert (answer.status, answer.code) == (409, "SUPERSEDED")
    assert (await alice.ask("GET", BTC)).body["max_loss_usdt"] == "500.0"


async def test_a_superseded_proposal_says_so_and_can_neither_be_approved_nor_rejected(
    alice: Person, bob: Person, kept: KeptProposals
) -> None:
    path = await proposed(alice)
    kept.rows = [replace(row, is_superseded=True) for row in kept.rows]
    assert (await bob.ask("GET", "/v1/mm/proposals")).body["items"] == []
    [row] = (await bob.ask("GET", "/v1/mm/proposals?pending=false")).body["items"]
    assert row["state"] == "SUPERSEDED"
    for verb in ("approve", "reject"):
        assert (await bob.ask("POST", f"{path}/{verb}", WHY)).code == "SUPERSEDED"


async def test_a_proposal_expires(alice: Person, bob: Person, kept: KeptProposals) -> None:
    path = await proposed(alice)
    kept.rows = [replace(row, expires_at=row.created_at - timedelta(seconds=1)) for row in kept.rows]
    assert (await bob.ask("POST", f"{path}/approve", WHY)).code == "PROPOSAL_CLOSED"
    assert (await bob.ask("GET", "/v1/mm/proposals")).body["items"] == []
    assert (await bob.ask("GET", "/v1/mm/proposals/1")).body["state"] == "EXPIRED"


async def test_who_approves_a_second_time_is_told_that_it_has_taken_place(alice: Person, bob: Person) -> None:
    path = await proposed(alice)
    await bob.ask("POST", f"{path}/approve", WHY)
    answer = await bob.ask("POST", f"{path}/approve", WHY)
    assert answer.body["detail"] == "proposal 1 is APPROVED: it has taken place"


async def test_a_rejected_proposal_is_over(alice: Person, bob: Person) -> None:
    path = await proposed(alice)
    assert (await alice.ask("POST", f"{path}/reject", WHY)).body["state"] == "REJECTED"
    assert (await bob.ask("POST", f"{path}/approve", WHY)).code == "PROPOSAL_CLOSED"
    [row] = (await bob.ask("GET", "/v1/mm/proposals?pending=false")).body["items"]
    assert (row["state"], row["decided_by"]) == ("REJECTED", "alice")


async def test_going_back_to_a_version_that_risks_more_waits_too(alice: Person) -> None:
    await alice.ask("PUT", BTC, {"max_loss_usdt": "100"})
    answer = await alice.ask("POST", f"{BTC}/rollback", {"version": 1, "reason": "x"})
    assert (answer.status, answer.body["loosens"]) == (202, ["max_loss_usdt"])


async def test_enable_starts_only_what_a_second_person_has_approved(
    alice: Person, bob: Person, desk: FakeDesk
) -> None:
    answer = await alice.ask("POST", f"{BTC}/enable")
    assert (answer.status, answer.body["problems"][0]["code"]) == (409, "APPROVAL_NEEDED")
    path = await proposed(alice, {"enabled": True, "reason": "open"})
    assert (await bob.ask("POST", f"{path}/approve", WHY)).body["config"]["enabled"] is True
    assert (await alice.ask("GET", f"{BTC}/status")).body["state"]["value"] == "PAUSED"
    assert (await alice.ask("POST", f"{BTC}/enable")).body["state"] == "ACTIVE"


async def test_of_several_symbols_only_the_approved_are_enabled(alice: Person, desk: FakeDesk) -> None:
    desk.change("ETH-USDT", config=replace(desk.views["ETH-USDT"].config, enabled=True))
    answer = await alice.ask("POST", "/v1/mm/enable", {"reason": "open"})
    assert [(one["symbol"], one["accepted"]) for one in answer.body["results"]] == [
        ("BTC-USDT", False),
        ("ETH-USDT", True),
    ]


async def test_a_symbol_is_not_created_enabled_where_enabling_waits(alice: Person) -> None:
    answer = await alice.ask("POST", "/v1/mm-configs", {"symbol": "SOL-USDT", "enabled": True})
    assert (answer.status, answer.code) == (409, "APPROVAL_NEEDED")
    assert (await alice.ask("POST", "/v1/mm-configs", {"symbol": "SOL-USDT"})).status == 201


async def test_a_limit_is_raised_by_its_owner_alone(desk: FakeDesk) -> None:
    async with in_process(desk, ByName(), approval=Approval(None, limit_owner=Role.RISK)) as api:
        alice, rita = Person(api, "alice mm:operate"), Person(api, "rita mm:risk")
        assert (await alice.ask("PUT", BTC, LOOSER)).code == "LIMIT_OWNER"
        assert (await alice.ask("PUT", BTC, {"max_loss_usdt": "400"})).status == 200
        assert (await rita.ask("PUT", BTC, LOOSER)).status == 200
        await alice.ask("DELETE", BTC)
        again = {"symbol": "BTC-USDT", "max_loss_usdt": "700"}
        desk.listed |= {"BTC-USDT"}
        assert (await alice.ask("POST", "/v1/mm-configs", again)).code == "LIMIT_OWNER"


async def test_a_raised_limit_is_approved_by_its_owner_alone(desk: FakeDesk, kept: KeptProposals) -> None:
    async with in_process(desk, ByName(), approval=Approval(kept, limit_owner=Role.RISK)) as api:
        alice, bob = Person(api, "alice mm:operate"), Person(api, "bob mm:operate")
        path = await proposed(alice)
        assert kept.rows[0].loosens == ("max_loss_usdt",)
        assert (await bob.ask("POST", f"{path}/approve", WHY)).code == "LIMIT_OWNER"
        assert (await Person(api, "rita mm:risk").ask("POST", f"{path}/approve", WHY)).status == 200


async def test_where_nothing_needs_approval_the_list_of_proposals_is_empty_and_says_so(
    desk: FakeDesk,
) -> None:
    async with in_process(desk, ByName()) as api:
        reader = Person(api, "alice mm:read")
        answer = await reader.ask("GET", "/v1/mm/proposals")
        assert answer.body == {"approval_needed": False, "items": [], "next_cursor": None}
        assert (await reader.ask("GET", "/v1/mm/proposals/1")).code == "NO_PROPOSALS"
