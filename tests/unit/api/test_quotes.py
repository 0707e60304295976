from decimal import Decimal

from tests.support.api import Api
from tests.support.desk import NOW_NS, FakeDesk, instrument, order_view

from market_maker.core.config import SymbolConfig
from market_maker.core.events import Side
from market_maker.core.quoting import QuotingEngine
from market_maker.core.reference_mid import MidSource, ReferenceMid
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
    assert body["why_not"] == []
    assert (body["quote"]["mid"], body["quote"]["mid_source"]) == ("100.05", "book")
    levels = {(level["side"], level["level"]): level for level in body["quote"]["levels"]}
    assert len(levels) == 4
    inner = levels["BUY", 0]
    assert (inner["raw_price"], inner["rounded_price"], inner["price"]) == ("99.999975", "99.99", "99.99")
    assert (inner["verdict"], inner["outcome"]) == ("quoted", "resting")
    assert inner["resting"]["remaining"] == "0.75"
    assert "rounded down to 99.99" in inner["detail"]
    assert levels["SELL", 1]["outcome"] == "rate_limit"
    assert levels["SELL", 1]["resting"] is None


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
        "detail": "nothing was computed: not evaluated yet",
    }


async def test_shadow_mode_is_said_with_the_quotes_and_in_every_status(api: Api, desk: FakeDesk) -> None:
    quoting(desk)
    desk.change("BTC-USDT", shadow_mode=True)
    quotes = (await api.get("/v1/mm-configs/BTC-USDT/quotes")).body
    assert (quotes["shadow_mode"], [one["code"] for one in quotes["why_not"]]) == (True, ["SHADOW_MODE"])
    assert (await api.get("/v1/mm-configs/BTC-USDT/status")).body["shadow_mode"] is True
    assert [one["shadow_mode"] for one in (await api.get("/v1/mm/status")).body["symbols"]] == [True, False]
