"""The kill latch that a restart finds."""

from dataclasses import replace

import asyncpg
from tests.support.conversation import INSTRUMENT

from lab.journal_records import entry, state
from market_maker.bootstrap.restore import Restorer
from market_maker.core.config import SymbolConfig
from market_maker.core.states import KillReason, State
from market_maker.repositories.executor import Database
from market_maker.repositories.journal_store import JournalStore


async def test_a_kill_of_before_the_restart_names_its_reason_once(pool: asyncpg.Pool) -> None:
    halted = state(State.HALTED, State.ACTIVE, KillReason.KAFKA_LAG)
    record = replace(halted, reason="KAFKA_LAG: md.mark.v1 12.000 s")
    await JournalStore(pool).write([entry(record)])
    restored, _ = await Restorer(Database(pool)).restore(SymbolConfig("BTC-USDT"), INSTRUMENT, None)
    assert restored.kill is not None
    assert (restored.kill.reason, restored.kill.measured) == (KillReason.KAFKA_LAG, "md.mark.v1 12.000 s")
