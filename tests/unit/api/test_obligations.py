from decimal import Decimal

import pytest

from lab.api import Api
from lab.desk import FakeDesk
from market_maker.core.obligations import Measure, Programme, Tier

TIER = Tier("5bps", Decimal(10), Decimal(40_000), in_base=False, min_share_pct=Decimal(50))
PROGRAMME = Programme("spot", "BTC-USDT", (TIER,), Measure.SAMPLES, sample_us=10_000_000)


async def test_a_day_shows_presence_and_what_may_still_be_absent(api: Api, desk: FakeDesk) -> None:
    desk.promised = [(PROGRAMME, TIER, 1_080)]
    body = (await api.get("/v1/mm/obligations?day=2026-11-20")).body
    (item,) = body["items"]
    assert body["day"] == "2026-11-20"
    assert item == {
        "programme": "spot",
        "symbol": "BTC-USDT",
        "tier": "5bps",
        "max_spread_bps": "10",
        "min_size": "40000",
        "size_currency": "quote",
        "min_share_pct": "50",
        "measure": "samples",
        "since": "2026-11-20T00:00:00.000000Z",
        "until": "2026-11-21T00:00:00.000000Z",
        "present": 1_080,
        "elapsed": 4_320,
        "total": 8_640,
        "share_pct": "25.0000",
        "slack": 1_080,
        "met": None,
    }


async def test_without_programmes_there_is_nothing_to_keep(api: Api) -> None:
    assert (await api.get("/v1/mm/obligations")).body["items"] == []


@pytest.mark.parametrize("asked", ["0001-01-01", "1999-12-31", "3000-01-01", "9999-12-31", "9999"])
async def test_a_day_out_of_range_is_refused_and_the_range_is_named(api: Api, asked: str) -> None:
    answer = await api.get(f"/v1/mm/obligations?day={asked}")
    assert (answer.status, answer.fields) == (422, {"day"})
    assert "from 2000-01-01 to 2999-12-31" in answer.body["detail"]


async def test_a_day_that_is_none_names_the_parameter(api: Api) -> None:
    answer = await api.get("/v1/mm/obligations?day=yesterday")
    assert (answer.status, answer.fields) == (422, {"day"})
