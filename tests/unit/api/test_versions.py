"""The versions of a configuration: list, one, difference, the way back."""

from dataclasses import replace

from lab.api import Api
from lab.desk import FakeDesk
from market_maker.core.states import State

BTC = "/v1/mm-configs/BTC-USDT"


async def test_the_versions_of_a_symbol_tell_who_changed_what_and_why(api: Api) -> None:
    await api.put(BTC, {"num_levels": 2, "reason": "deeper"})
    await api.put(BTC, {"num_levels": 3, "base_spread_bps": "20", "reason": "deeper still"})
    newest, second, first = (await api.get(f"{BTC}/versions")).body["items"]
    assert (newest["version"], newest["author"], newest["reason"]) == (3, "anonymous", "deeper still")
    assert newest["changes"] == [
        {"field": "base_spread_bps", "before": "10.0", "after": "20"},
        {"field": "num_levels", "before": 2, "after": 3},
    ]
    assert (second["config"]["num_levels"], second["reason"]) == (2, "deeper")
    assert first["version"] == 1


async def test_pages_of_versions_carry_their_changes_across_the_page_break(api: Api) -> None:
    for levels in (2, 3, 4):
        await api.put(BTC, {"num_levels": levels})
    page = (await api.get(f"{BTC}/versions?limit=2")).body
    rest = (await api.get(f"{BTC}/versions?limit=2&cursor={page['next_cursor']}")).body
    items = [*page["items"], *rest["items"]]
    assert [item["version"] for item in items] == [4, 3, 2, 1]
    assert [change["before"] for item in items[:3] for change in item["changes"]] == [3, 2, 1]
    assert rest["next_cursor"] is None


async def test_one_version_is_read_and_compared_with_another_and_with_the_present(api: Api) -> None:
    await api.put(BTC, {"num_levels": 2})
    await api.put(BTC, {"num_levels": 3})
    assert (await api.get(f"{BTC}/versions/2")).body["config"]["num_levels"] == 2
    assert (await api.get(f"{BTC}/versions/1/diff")).body == {
        "symbol": "BTC-USDT",
        "from_version": 1,
        "to_version": 3,
        "changes": [{"field": "num_levels", "before": 1, "after": 3}],
    }
    assert (await api.get(f"{BTC}/versions/3/diff?to=2")).body["changes"] == [
        {"field": "num_levels", "before": 3, "after": 2}
    ]


async def test_what_there_never_was_is_not_found(api: Api) -> None:
    assert (await api.get(f"{BTC}/versions/9")).code == "UNKNOWN_VERSION"
    assert (await api.get(f"{BTC}/versions/1/diff?to=9")).code == "UNKNOWN_VERSION"
    assert (await api.get("/v1/mm-configs/NONE-USDT/versions")).code == "UNKNOWN_SYMBOL"
    assert (await api.get("/v1/mm-configs/NONE-USDT/versions?cursor=0")).code == "UNKNOWN_SYMBOL"
    assert (await api.get(f"{BTC}/versions?cursor=0")).body["items"] == []
    assert (await api.get("/v1/mm-configs/NONE-USDT/versions/1")).code == "UNKNOWN_VERSION"
    assert (await api.post(f"{BTC}/rollback", {"version": 9, "reason": "x"})).code == "UNKNOWN_VERSION"


async def test_versions_outlive_the_configuration(api: Api) -> None:
    await api.call("DELETE", BTC, body={"reason": "delisted"})
    newest = (await api.get(f"{BTC}/versions")).body["items"][0]
    assert (newest["config"], newest["reason"]) == (None, "delisted")
    assert {"field": "num_levels", "before": 1, "after": None} in newest["changes"]


async def test_rolling_back_is_a_new_version_with_the_old_settings(api: Api, desk: FakeDesk) -> None:
    await api.put(BTC, {"num_levels": 5, "reason": "deeper"})
    answer = await api.post(f"{BTC}/rollback", {"version": 1, "reason": "was a mistake"})
    assert (answer.status, answer.body["num_levels"]) == (200, 1)
    newest = (await api.get(f"{BTC}/versions")).body["items"][0]
    assert (newest["version"], newest["reason"]) == (3, "back to version 1: was a mistake")
    row = desk.trail[-1]
    assert (row.route, row.why) == ("POST /v1/mm-configs/{symbol}/rollback", newest["reason"])
    assert row.before is not None
    assert row.before["num_levels"] == 5


async def test_rolling_back_neither_enables_nor_disables(api: Api, desk: FakeDesk) -> None:
    await api.put(BTC, {"num_levels": 5})
    desk.change("BTC-USDT", config=replace(desk.views["BTC-USDT"].config, enabled=True), state=State.ACTIVE)
    answer = await api.post(f"{BTC}/rollback", {"version": 1, "reason": "x"})
    assert answer.body["enabled"] is True
    assert desk.views["BTC-USDT"].state is State.ACTIVE


async def test_rolling_back_to_a_leap_needs_to_be_confirmed(api: Api) -> None:
    await api.put(BTC, {"order_size_usdt": 5})
    body = {"version": 1, "reason": "x"}
    assert (await api.post(f"{BTC}/rollback", body)).code == "CONFIRMATION_NEEDED"
    assert (await api.post(f"{BTC}/rollback", {**body, "confirm": True})).status == 200


async def test_nothing_goes_back_to_a_removal(api: Api) -> None:
    await api.delete("/v1/mm-configs/ETH-USDT")
    await api.post("/v1/mm-configs", {"symbol": "ETH-USDT"})
    answer = await api.post("/v1/mm-configs/ETH-USDT/rollback", {"version": 2, "reason": "x"})
    assert (answer.status, answer.code) == (409, "VERSION_IS_REMOVAL")


async def test_a_change_of_a_configuration_that_somebody_else_changed_meanwhile_is_refused(api: Api) -> None:
    await api.put(BTC, {"num_levels": 2, "replaces": 1})
    answer = await api.put(BTC, {"num_levels": 3, "replaces": 1})
    assert (answer.status, answer.code) == (409, "SUPERSEDED")
    assert (await api.get(BTC)).body["num_levels"] == 2
