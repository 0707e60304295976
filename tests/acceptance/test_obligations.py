"""Presence on the real stack: what no process saw was absent."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, Site

BTC = "BTCUSDT"
RECORD_EVERY_S = 5.0
"""What a process that is killed may lose."""
PROGRAMMES = f"""
programmes:
  - name: always
    symbols: [{BTC}]
    measure: time
    tiers:
      - {{name: any, max_spread_bps: 500, min_size_quote: 1, min_share_pct: 50}}
"""

StartSite = Callable[..., Awaitable[Site]]


async def _standing(site: Site) -> dict[str, Any]:
    body = await site.operator.get("/v1/mm/obligations")
    (item,) = body["items"]
    assert isinstance(item, dict)
    return item


async def _present_s(site: Site) -> float:
    return float((await _standing(site))["present"]) / 1e6


async def _quote(site: Site) -> None:
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)


@pytest.mark.long
async def test_time_after_kill_9_in_which_no_process_runs_is_absent(
    start_site: StartSite, tmp_path: Path
) -> None:
    file = tmp_path / "programmes.yaml"
    file.write_text(PROGRAMMES)
    site = await start_site(**SOON_FORGOTTEN, MM_PROGRAMMES_FILE=str(file))
    await site.operator.configure(BTC)
    await _quote(site)
    await until("some presence is stored", lambda: _at_least(site, 2 * RECORD_EVERY_S), 30)
    before = await _standing(site)
    site.service.kill()
    down_s = 12.0
    await asyncio.sleep(down_s)  # the time that is to be missing
    await site.start()
    after = await _standing(site)
    elapsed_s = (after["elapsed"] - before["elapsed"]) / 1e6
    gained_s = (after["present"] - before["present"]) / 1e6
    assert elapsed_s > down_s
    assert gained_s <= elapsed_s - down_s
    assert gained_s <= RECORD_EVERY_S, "what was recorded between the look and the kill"
    await site.operator.clear(BTC)
    await _quote(site)
    await until("presence grows again", lambda: _at_least(site, after["present"] / 1e6 + 1), 30)


async def _at_least(site: Site, seconds: float) -> bool:
    return await _present_s(site) >= seconds
