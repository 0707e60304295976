"""Where the result comes from, on the real stack: API, PostgreSQL and a replay of the record say the same."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.operator import until
from tests.support.service import SOON_FORGOTTEN, Site

from market_maker.core.commands import Command, RecordMarkouts
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.results import Markout
from market_maker.replay.record import RecordReader
from market_maker.repositories.executor import Database
from market_maker.repositories.positions import PositionRepository

BTC = "BTCUSDT"
FILLS = 4
StartSite = Callable[..., Awaitable[Site]]


async def test_live_figures_are_those_of_the_database_and_of_a_replay(
    start_site: StartSite, tmp_path: Path
) -> None:
    site = await start_site(**SOON_FORGOTTEN, MM_RECORD_DIR=str(tmp_path / "records"))
    await site.operator.configure(BTC, num_levels=2)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    await site.trade_against(BTC, fills=FILLS)
    await until("early markouts are stored", lambda: _measured(site))
    await _require_parts(site)
    await site.operator.emergency("kill", BTC)
    await site.operator.clear(BTC)
    await _require_parts(site)
    await site.operator.emergency("reset", BTC, rebase_pnl=True)
    await site.operator.until(BTC, "rebased", lambda status: not status["pnl"]["rebase_pending"])
    await _require_parts(site)
    last = (await site.operator.status(BTC))["pnl"]["parts"]
    assert site.service.terminate() == 0
    (path,) = (tmp_path / "records").glob(f"{BTC}-*.jsonl")
    engine, markouts = await asyncio.to_thread(_replayed, path)
    pool = await asyncpg.create_pool(site.service.environment["POSTGRES_URL"], min_size=1, max_size=1)
    try:
        assert await PositionRepository(Database(pool)).get(BTC) == engine.symbol.inventory.to_row()
        rows = await pool.fetch("SELECT trade_id, side, horizon_ms, mid, missing FROM mm_markouts")
    finally:
        await pool.close()
    stored = {(row["trade_id"], row["side"], row["horizon_ms"]): (row["mid"], row["missing"]) for row in rows}
    assert stored == {
        (one.trade_id, one.side.value, one.horizon_ms): (one.mid, one.missing and one.missing.value)
        for one in markouts
    }
    assert engine.symbol.parts.total == engine.symbol.total_pnl
    assert str(engine.symbol.parts.spread.normalize()) == str(Decimal(last["spread_usdt"]).normalize())


async def _measured(site: Site) -> bool:
    """Whether each fill has its first markout."""
    fills = await site.operator.rows(BTC, "fills")
    return len(fills) >= FILLS and all(fill["markouts"][1]["missing"] != "DUE" for fill in fills)


async def _require_parts(site: Site) -> None:
    pnl: dict[str, Any] = (await site.operator.status(BTC))["pnl"]
    parts = {name: Decimal(value) for name, value in pnl["parts"].items()}
    total = parts["spread_usdt"] + parts["inventory_usdt"] - parts["fees_usdt"]
    assert total == parts["total_usdt"] == Decimal(pnl["total"])


def _replayed(path: Path) -> tuple[SymbolEngine, list[Markout]]:
    """The engine after everything that the record holds, and the markouts that it told."""
    with RecordReader(path) as record:
        assert record.head.begin is not None
        engine, said = record.head.begin.start()
        steps = record.steps()
        next(steps)
        markouts = _markouts(said)
        for step in steps:
            markouts += _markouts(engine.handle(step.event()))
    assert isinstance(engine.symbol.inventory, Inventory)
    return engine, markouts


def _markouts(said: list[Command]) -> list[Markout]:
    return [one for command in said if isinstance(command, RecordMarkouts) for one in command.markouts]
