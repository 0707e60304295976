from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from lab.desk_records import NOW_NS, instrument, order_view
from market_maker.core.commands import OrderStatus, Problem
from market_maker.core.config import SymbolConfig
from market_maker.core.pricing.quoting import QuotingEngine
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.core.view import BookView, KillView

QUOTES = "/v1/mm-configs/BTC-USDT/quotes"
GRID = instrument("BTC-USDT")


def quoting(desk: FakeDesk) -> None:
    """Two levels around 100.05, flat, with one order resting and one refused."""
    config = SymbolConfig("BTC-USDT", num_levels=2, order_size_usdt=Decimal(50))
    mid = ReferenceMid(20_010, 2, MidSource.BOOK)
    quote = QuotingEngine(config, GRID).quote(mid, Decimal(0), 1_000_000, 10_000, 10_010)
    desk.change(
        "BTC-USDT",
        state=State.ACTIVE,
        config=config,
        quote=quote,
        no_quote_reason="",
        orders=(order_view(Side.BUY, "100.00"),),
        verdicts=((Side.BUY, 0, "resting"), (Side.SELL, 1, "rate_limit")),
    )


async def test_each_level_tells_its_way_from_the_mid_to_the_price(api: Api, desk: FakeDesk) -> None:
    quoting(desk)
    body = (await api.get(QUOTES)).body
    assert [reason["code"] for reason in body["why_not"]] == ["RATE_LIMIT"]
    assert "1 of 2 levels: MAX_ORDERS_PER_SECOND" in body["why_not"][0]["detail"]
    assert (body["quote"]["mid"], body["quote"]["mid_source"]) == ("100.05", "book")
    levels = {(level["side"], level["level"]): level for level in body["quote"]["levels"]}
    assert len(levels) == 4
    inner = levels["BUY", 0]
    assert (inner["raw_price"], inner["rounded_price"], inner["price"]) == ("99.999975", "99.99", "99.99")
    assert (inner["verdict"], inner["outcome"]) == ("quoted", "resting")
    assert inner["resting"]["remaining"] == "0.75"
    assert "rounded down to 99.99" in inner["detail"]
    assert (levels["SELL", 1]["outcome"], levels["SELL", 1]["verdict"]) == ("rate_limit", "rate_limit")
    assert levels["SELL", 1]["detail"].endswith(
        "; not quoted: MAX_ORDERS_PER_SECOND is used up: it is sent within a second"
    )
    assert levels["SELL", 1]["resting"] is None


async def test_an_order_that_stays_is_shown_rather_than_one_on_its_way_out(api: Api, desk: FakeDesk) -> None:
    quoting(desk)
    stays = order_view(Side.BUY, "99.95")
    leaves = replace(order_view(Side.BUY, "100.00"), status=OrderStatus.PENDING_CANCEL)
    desk.change("BTC-USDT", orders=(stays, leaves))
    levels = (await api.get(QUOTES)).body["quote"]["levels"]
    assert [level["resting"]["price"] for level in levels if level["resting"]] == ["99.95"]


async def test_a_paused_symbol_says_why_it_does_not_quote(api: Api) -> None:
    body = (await api.get(QUOTES)).body
    assert (body["quote"], body["state"]) == (None, "PAUSED")
    assert [reason["code"] for reason in body["why_not"]] == ["NOT_ACTIVE"]


async def test_a_halted_symbol_names_its_kill_switch_first(api: Api, desk: FakeDesk) -> None:
    kill = KillView(KillReason.LOSS_BREACH, "-501", "-500", NOW_NS)
    desk.change("BTC-USDT", state=State.HALTED, kill=kill)
    why_not = (await api.get(QUOTES)).body["why_not"]
    assert why_not[0]["code"] == "KILL_SWITCH"
    assert why_not[0]["detail"] == "LOSS_BREACH: measured -501, limit -500"


async def test_an_active_symbol_with_a_broken_book_says_so(api: Api, desk: FakeDesk) -> None:
    broken = BookView(
        valid=False,
        invalid_reason="gap after 41",
        sequence=41,
        best_bid=None,
        best_ask=None,
        data_ns=None,
    )
    desk.change("BTC-USDT", state=State.ACTIVE, book=broken, no_quote_reason="book_invalid")
    [reason] = (await api.get(QUOTES)).body["why_not"]
    assert reason["code"] == "BOOK_INVALID"
    assert "gap after 41" in reason["detail"]


async def test_a_reason_without_a_sentence_is_still_shown(api: Api, desk: FakeDesk) -> None:
    desk.change("BTC-USDT", state=State.ACTIVE, no_quote_reason="not evaluated yet")
    [reason] = (await api.get(QUOTES)).body["why_not"]
    assert reason == {
        "code": "NOT_EVALUATED_YET",
        "detail": "nothing has been computed yet",
    }


async def test_shadow_mode_is_said_with_the_quotes_and_in_every_status(api: Api, desk: FakeDesk) -> None:
    quoting(desk)
    desk.change("BTC-USDT", shadow_mode=True)
    quotes = (await api.get("/v1/mm-configs/BTC-USDT/quotes")).body
    assert (quotes["shadow_mode"], [one["code"] for one in quotes["why_not"]]) == (
        True,
        ["SHADOW_MODE", "RATE_LIMIT"],
    )
    assert (await api.get("/v1/mm-configs/BTC-USDT/status")).body["shadow_mode"] is True
    assert [one["shadow_mode"] for one in (await api.get("/v1/mm/status")).body["symbols"]] == [True, False]


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [
        ("resting", OrderStatus.OPEN, "within price_threshold_bps"),
        (
            "own_cross",
            OrderStatus.OPEN,
            "until its replacement may be sent: an order of ours",
        ),
        (
            "waiting_for_room",
            OrderStatus.OPEN,
            "until its replacement may be sent: an order that is",
        ),
        ("rate_limit", OrderStatus.PENDING_CANCEL, "is being cancelled"),
        ("resting", OrderStatus.UNKNOWN, "has not confirmed it yet"),
    ],
)
async def test_an_order_at_another_price_than_its_level_says_why(
    api: Api, desk: FakeDesk, outcome: str, status: OrderStatus, said: str
) -> None:
    quoting(desk)
    order = replace(order_view(Side.BUY, "99.97"), status=status)
    desk.change("BTC-USDT", orders=(order,), verdicts=((Side.BUY, 0, outcome),))
    [inner] = [one for one in (await api.get(QUOTES)).body["quote"]["levels"] if one["resting"]]
    assert said in inner["resting"]["why_here"]


async def test_a_level_whose_order_has_its_price_has_nothing_to_explain(api: Api, desk: FakeDesk) -> None:
    quoting(desk)
    desk.change("BTC-USDT", orders=(order_view(Side.BUY, "99.99"),))
    [inner] = [one for one in (await api.get(QUOTES)).body["quote"]["levels"] if one["resting"]]
    assert inner["resting"]["why_here"] == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "ACTIVE: 1 of 2 levels quoted; 1 not: MAX_ORDERS_PER_SECOND is used up"),
        ({"shadow_mode": True}, "ACTIVE (shadow mode: no order is sent): 1 of 2 levels"),
        (
            {"verdicts": ((Side.BUY, 0, "price_collar"),) * 2},
            "ACTIVE: 0 of 2 levels quoted; 2 not: the price",
        ),
        ({"quote": None, "no_quote_reason": "clearing"}, "ACTIVE, no quote: the market is being cleared"),
        ({"state": State.PAUSED, "state_reason": "lunch"}, "PAUSED: lunch; it can be enabled"),
        (
            {
                "state": State.PAUSED,
                "state_reason": "x",
                "enable_problems": (Problem("A", "no valid order book"),),
            },
            "PAUSED: x; enable waits for: no valid order book",
        ),
        ({"kill": KillView(KillReason.MANUAL, "drill", "manual", NOW_NS)}, "HALTED: killed by hand: drill"),
        (
            {"kill": KillView(KillReason.KAFKA_LAG, "a 12 s", "before the restart", NOW_NS)},
            "HALTED: KAFKA_LAG, before the restart: a 12 s",
        ),
        (
            {"kill": KillView(KillReason.MARKET_HALT, "HALTED", "TRADING", NOW_NS)},
            "HALTED: MARKET_HALT: the instrument is HALTED, not TRADING",
        ),
        (
            {"kill": KillView(KillReason.WORKER_FAILURE, "x", "no failure", NOW_NS)},
            "HALTED: WORKER_FAILURE: x",
        ),
    ],
)
async def test_every_status_says_in_one_sentence_what_the_symbol_does_and_why(
    api: Api, desk: FakeDesk, change: dict[str, Any], said: str
) -> None:
    quoting(desk)
    desk.change("BTC-USDT", **change)
    assert (await api.get("/v1/mm-configs/BTC-USDT/status")).body["summary"].startswith(said)
    assert (await api.get("/v1/mm/status")).body["symbols"][0]["summary"].startswith(said)
