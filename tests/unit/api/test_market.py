"""Depth, series and previews by the API."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from math import isnan

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import NOW_NS, order_view
from market_maker.api import rendering
from market_maker.api.answers import SymbolSummary
from market_maker.api.samples import COLUMNS, SPANS, Samples
from market_maker.core.side import Side
from market_maker.core.states import State

CONFIG = "/v1/mm-configs/BTC-USDT"
NS_PER_S = 1_000_000_000


def summary(desk: FakeDesk) -> SymbolSummary:
    return rendering.summary(desk.views["BTC-USDT"], None, desk.to_wall)


async def test_the_depth_tells_others_quantity_and_ours_apart(api: Api) -> None:
    answer = (await api.get(f"{CONFIG}/depth?levels=5")).body
    assert answer["valid"] is True
    assert answer["age_ms"] == 250
    assert answer["bids"] == [{"price": "100.00", "others": "3", "ours": "1"}]
    assert answer["asks"] == [{"price": "100.10", "others": "2", "ours": "0"}]


@pytest.mark.parametrize("levels", ["0", "101", "x"])
async def test_the_depth_is_bounded(api: Api, levels: str) -> None:
    assert (await api.get(f"{CONFIG}/depth?levels={levels}")).fields == {"levels"}


async def test_a_series_has_a_value_for_each_time_and_null_where_nothing_was_known(
    api: Api, desk: FakeDesk
) -> None:
    samples: Samples = api.app.state.samples
    samples.take_at(summary(desk), 10.0)
    answer = (await api.get(f"{CONFIG}/series?span=1h")).body
    assert (answer["span"], answer["step_s"], len(answer["times"])) == ("1h", 10.0, 1)
    assert set(answer["columns"]) == set(COLUMNS)
    assert answer["columns"]["mid"] == [100.05]
    assert answer["columns"]["our_bid"] == [None]
    assert answer["columns"]["others_ask"] == [100.1]


async def test_while_a_symbol_is_halted_a_series_has_gaps_instead_of_the_last_prices(
    api: Api, desk: FakeDesk
) -> None:
    pnl = replace(
        desk.views["BTC-USDT"].pnl,
        position=Decimal(1),
        inventory_usdt=Decimal("100.05"),
        price_data_ns=NOW_NS,
    )
    samples: Samples = api.app.state.samples
    for second, state in enumerate((State.PAUSED, State.HALTED, State.PAUSED)):
        desk.change("BTC-USDT", state=state, pnl=pnl, at_ns=NOW_NS + second * NS_PER_S)
        samples.take_at(summary(desk), float(second))
    columns = (await api.get(f"{CONFIG}/series")).body["columns"]
    known = {
        name: [value is not None for value in columns[name]]
        for name in ("mid", "others_bid", "others_ask", "inventory", "pnl", "realized")
    }
    assert known.pop("realized") == [True, True, True]
    assert {*map(tuple, known.values())} == {(True, False, True)}


@pytest.mark.parametrize("age_ms", [5_001, None])
def test_what_an_old_price_says_is_a_gap_and_without_a_position_the_result_stays_known(
    desk: FakeDesk, age_ms: int | None
) -> None:
    samples = Samples(stale_ms=5_000)
    data_ns = None if age_ms is None else NOW_NS - age_ms * 1_000_000
    desk.change("BTC-USDT", book=replace(desk.views["BTC-USDT"].book, data_ns=data_ns))
    samples.take_at(summary(desk), 0.0)
    _, *columns = samples.columns("BTC-USDT", "5m", desk.to_wall(NOW_NS).timestamp())
    found = dict(zip(COLUMNS, (column[0] for column in columns), strict=True))
    assert [name for name, value in found.items() if not isnan(value)] == [
        "inventory",
        "pnl",
        "realized",
        "fees",
    ]


def test_a_time_without_samples_is_a_gap(desk: FakeDesk) -> None:
    samples = Samples()
    for second in (0, 1, 2, 60, 61):
        desk.change("BTC-USDT", at_ns=NOW_NS + second * NS_PER_S)
        samples.take_at(summary(desk), float(second))
    times, *_, fees = samples.columns("BTC-USDT", "5m", desk.to_wall(NOW_NS).timestamp())
    assert [round(at - times[0]) for at in times] == [0, 1, 2, 3, 60, 61]
    assert [isnan(fee) for fee in fees] == [False, False, False, True, False, False]


async def test_the_last_five_minutes_are_five_minutes_however_few_samples_they_have(
    api: Api, desk: FakeDesk
) -> None:
    samples: Samples = api.app.state.samples
    for second in range(0, 900, 2):
        desk.change("BTC-USDT", at_ns=NOW_NS + second * NS_PER_S)
        samples.take_at(summary(desk), float(second))
    times = (await api.get(f"{CONFIG}/series?span=5m")).body["times"]
    assert times[-1] - times[0] == 300


@pytest.mark.parametrize("before", [7, 500])
def test_points_stand_in_order_and_are_found_after_the_wall_clock_was_set_back(
    desk: FakeDesk, before: int
) -> None:
    samples, one = Samples(), summary(desk)
    start = one.at
    for second in range(before):
        samples.take_at(one.model_copy(update={"at": start + timedelta(seconds=second)}), float(second))
    set_back = start + timedelta(seconds=before - 5)
    for second in range(4):
        again = one.model_copy(update={"at": set_back + timedelta(seconds=second)})
        samples.take_at(again, float(before + second))
    until = set_back + timedelta(seconds=3)
    times = samples.columns("BTC-USDT", "5m", until.timestamp())[0]
    assert times == sorted(set(times))
    assert times[-4:] == [(set_back + timedelta(seconds=second)).timestamp() for second in range(4)]
    assert len(times) == min(before - 1, 299)


async def test_a_series_of_an_unknown_span_is_refused(api: Api) -> None:
    assert (await api.get(f"{CONFIG}/series?span=1y")).fields == {"span"}


def test_a_series_keeps_what_its_span_can_show_and_the_oldest_goes_first(desk: FakeDesk) -> None:
    samples = Samples()
    for second in range(1_000):
        desk.change("BTC-USDT", at_ns=second * 1_000_000_000)
        samples.take_at(summary(desk), float(second))
    for span, (every_s, count) in SPANS.items():
        times = samples.columns("BTC-USDT", span, 1_000.0)[0]
        assert len(times) == min(count, -(-1_000 // int(every_s)))
        assert times == sorted(times)
    newest = samples.columns("BTC-USDT", "5m", 1_000.0)[0]
    assert newest[-1] - newest[0] == 299


def test_a_symbol_that_has_gone_is_forgotten_after_a_day(desk: FakeDesk) -> None:
    samples = Samples()
    samples.take_at(summary(desk), 0.0)
    other = summary(desk).model_copy(update={"symbol": "ETH-USDT"})
    samples.take_at(other, 90_000.0)
    assert samples.columns("BTC-USDT", "1d", 0.0)[0] == []


async def test_a_preview_changes_nothing_and_says_what_would_go_and_come(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", orders=(order_view(Side.BUY, "99.99"),))
    before = desk.views["BTC-USDT"]
    answer = await api.post(f"{CONFIG}/preview", {"base_spread_bps": "25"})
    assert answer.status == 200
    assert answer.body["config"]["base_spread_bps"] == "25"
    assert answer.body["config"]["num_levels"] == before.config.num_levels
    assert [order["price"] for order in answer.body["cancelled"]] == ["99.99"]
    assert answer.body["placed"] == [{"side": "BUY", "level": 0}]
    assert "one side of the book is empty" in answer.body["why_not"]
    assert desk.views["BTC-USDT"] is before
    assert (desk.controls, desk.changed_by, desk.trail) == ([], [], [])


async def test_a_preview_names_what_would_need_confirm(api: Api) -> None:
    answer = (await api.post(f"{CONFIG}/preview", {"max_loss_usdt": "99999"})).body
    assert [error["field"] for error in answer["needs_confirm"]] == ["max_loss_usdt"]


async def test_a_preview_refuses_what_saving_would_refuse(api: Api) -> None:
    small = {"max_position_usdt": "1"}
    assert (await api.post(f"{CONFIG}/preview", small)).fields == {"max_position_usdt"}
    assert (await api.post(f"{CONFIG}/preview", {"num_levels": 0})).fields == {"num_levels"}
    assert (await api.post("/v1/mm-configs/SOL-USDT/preview", {})).status == 404


async def test_a_summary_shows_our_innermost_quotes_beside_the_others_and_the_limits(
    api: Api, desk: FakeDesk
) -> None:
    orders = (
        order_view(Side.BUY, "99.98"),
        order_view(Side.BUY, "99.99", 1),
        order_view(Side.SELL, "100.20"),
    )
    desk.change("BTC-USDT", orders=orders)
    market = (await api.get("/v1/mm/status")).body["symbols"][0]["market"]
    assert (market["our_bid"], market["our_ask"]) == ("99.99", "100.20")
    assert (market["others_bid"], market["others_ask"]) == ("100.00", "100.10")
    assert Decimal(market["max_loss_usdt"]) == desk.views["BTC-USDT"].config.max_loss_usdt


async def test_a_preview_of_another_symbol_than_that_of_the_path_is_refused(api: Api) -> None:
    answer = await api.post(f"{CONFIG}/preview", {"symbol": "ETH-USDT"})
    assert (answer.status, answer.fields) == (422, {"symbol"})
    assert (await api.post(f"{CONFIG}/preview", {"symbol": "BTC-USDT"})).status == 200
