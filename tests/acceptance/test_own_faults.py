"""The service itself fails: it stands still, or a symbol's worker raises."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, Site

BTC, ETH = "BTCUSDT", "ETHUSDT"
StartSite = Callable[..., Awaitable[Site]]

DEFECT = """
import os
from market_maker.core.engine import clearing

sound = clearing.advance

def advance(symbol, out):
    sound(symbol, out)
    if symbol.name == "BTCUSDT" and os.path.exists({flag!r}):
        if {once}:
            os.remove({flag!r})
        raise RuntimeError("a defect")

clearing.advance = advance
"""
"""Read by the interpreter before the service starts: BTCUSDT's steps, or one, raise while a file is there."""


async def _quote(site: Site) -> None:
    for symbol in (BTC, ETH):
        await site.operator.configure(symbol)
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
        await site.trade_against(symbol)


async def _require_aftermath(site: Site) -> None:
    """BTCUSDT is out of the market with every fill counted, ETHUSDT still in it; a reset leads back."""
    await site.operator.clear(BTC)
    assert await site.orders_at_exchange(BTC) == 0
    for symbol in (BTC, ETH):
        await site.require_equal_fills(symbol)
    assert (await site.operator.emergency("reset", BTC)).status == 200
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)


async def test_a_process_that_stood_still_halts_for_that_and_does_not_blame_the_exchange(
    start_site: StartSite,
) -> None:
    site = await start_site(KILL_SWITCH_RESPONSE_TIMEOUT_MS="2000")
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    await site.exchange.fault("place", "delay", symbol=BTC, count=1, phase="before", delay_ms=4_000)
    await site.operator.change(BTC, base_spread_bps="30")

    def waits(status: dict[str, Any]) -> bool:
        return any(order["status"] == "pending_new" for order in status["orders"])

    await site.operator.until(BTC, "an order without an answer", waits)
    site.service.freeze()
    await asyncio.sleep(1.5)  # longer than half of an answer's time: time itself is what is tested
    site.service.thaw()
    await site.operator.halted(BTC, "EVENT_LOOP_STALL")
    await site.operator.clear(BTC)
    assert await site.orders_at_exchange(BTC) == 0
    await site.require_equal_fills(BTC)


def _defective(directory: Path, *, once: bool) -> str:
    """A PYTHONPATH with the defect in front; it strikes once the directory holds `flag`."""
    (directory / "sitecustomize.py").write_text(DEFECT.format(flag=str(directory / "flag"), once=once))
    return os.pathsep.join([str(directory), *filter(None, [os.environ.get("PYTHONPATH")])])


async def test_a_worker_that_raises_halts_its_symbol_only_and_leaves_nothing_open(
    start_site: StartSite, tmp_path: Path
) -> None:
    site = await start_site(PYTHONPATH=_defective(tmp_path, once=True))
    await _quote(site)
    (tmp_path / "flag").touch()
    await site.operator.halted(BTC, "WORKER_FAILURE")
    status = await site.operator.status(BTC)
    assert "a defect" in status["kill"]["measured"]
    assert (await site.operator.status(ETH))["state"]["value"] == "ACTIVE"
    await _require_aftermath(site)


async def test_a_worker_that_cannot_even_halt_is_cleared_without_its_engine(
    start_site: StartSite, tmp_path: Path
) -> None:
    site = await start_site(PYTHONPATH=_defective(tmp_path, once=False), **SOON_FORGOTTEN)
    await _quote(site)
    (tmp_path / "flag").touch()
    await site.empty_at_exchange(BTC)
    await until("it is on record", lambda: _logged(site, "worker_beyond_repair"))
    # The others go on, however much is told to a symbol that can hear nothing any more.
    for _ in range(3):
        await site.exchange.trade(BTC, "sell", "0.001")
        await site.trade_against(ETH, fills=2)
    await site.require_equal_fills(ETH)
    (tmp_path / "flag").unlink()
    site.service.terminate()
    await site.start()
    await site.operator.halted(BTC, "WORKER_FAILURE")
    await site.operator.enable(ETH)
    await _require_aftermath(site)


async def _logged(site: Site, words: str) -> bool:
    return words in site.service.log_tail()
