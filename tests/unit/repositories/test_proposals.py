from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg

from market_maker.core.config import SymbolConfig
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.executor import Database
from market_maker.repositories.proposals import ConfigProposal, Decision, ProposalRepository, ProposalState

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHANGE = {"field": "max_loss_usdt", "before": "500.0", "after": "600"}
ONE = ConfigProposal(
    0, "BTC-USDT", 3, [CHANGE], ["max_loss_usdt"], "alice", "more room", NOW, NOW + timedelta(hours=1)
)


async def test_a_proposal_comes_back_as_it_was_kept_and_is_decided_once(pool: asyncpg.Pool) -> None:
    kept = ProposalRepository(Database(pool))
    made = await kept.add(ONE)
    assert await kept.get(made) == replace(ONE, id=made)
    decision = Decision(NOW, "bob", approved=True, reason="looked at it")
    assert await kept.decide(made, decision)
    assert not await kept.decide(made, replace(decision, by="carol", approved=False))
    assert await kept.get(made) == replace(ONE, id=made, decision=decision)
    assert await kept.get(made + 1) is None


async def test_pages_hold_what_is_pending_at_a_time_or_all_newest_first(pool: asyncpg.Pool) -> None:
    kept = ProposalRepository(Database(pool))
    old = await kept.add(replace(ONE, expires_at=NOW - timedelta(hours=1)))
    decided, btc = await kept.add(ONE), await kept.add(ONE)
    eth = await kept.add(replace(ONE, symbol="ETH-USDT"))
    await kept.decide(decided, Decision(NOW, "bob", approved=False, reason="no"))

    async def ids(symbol: str | None, at: datetime | None, before: int | None = None) -> list[int]:
        return [row.id for row in await kept.page(symbol, at, before, 10)]

    assert await ids(None, NOW) == [eth, btc]
    assert await ids("BTC-USDT", NOW) == [btc]
    assert await ids(None, None) == [eth, btc, decided, old]
    assert await ids(None, None, btc) == [decided, old]


async def test_a_proposal_is_superseded_once_its_symbol_has_a_later_version(pool: asyncpg.Pool) -> None:
    kept, configs = ProposalRepository(Database(pool)), ConfigRepository(Database(pool))
    first = SymbolConfig("BTC-USDT")
    await configs.insert(first)
    made = await kept.add(replace(ONE, replaces=1))
    [row] = await kept.page(None, NOW, None, 10)
    assert (row.id, row.state(NOW)) == (made, ProposalState.PENDING)
    await configs.update(replace(first, order_size_usdt=Decimal(50)))
    assert await kept.page(None, NOW, None, 10) == []
    [row] = await kept.page(None, None, None, 10)
    assert row.state(NOW) is ProposalState.SUPERSEDED
