"""Presence as it is stored; and that the stored orders come to the same figures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
from tests.support.conversation import MS, START_NS
from tests.support.folding import recomputed, stored_lives, stored_spans
from tests.support.playbook import Playbook, proven

from lab.journal_records import NOON, TRACE
from market_maker.core.commands import Record, RecordPresence
from market_maker.core.events import OrderEventKind
from market_maker.core.obligations import Measure, PresenceSpan, Programme, Tier
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.presence import PresenceRepository

BTC = "BTC-USDT"
TIER = Tier("t", Decimal(20), Decimal(90), in_base=False, min_share_pct=Decimal(50))
PROGRAMME = Programme("p", BTC, (TIER,), Measure.TIME)
BEGAN = datetime.fromtimestamp(START_NS / 1_000_000_000, UTC)
LONG = timedelta(days=1)


def entry(play: Playbook) -> JournalEntry:
    symbol = play.engine.symbol
    records = tuple(command for command in play.said.commands if isinstance(command, Record))
    return JournalEntry(BTC, records, NOON, TRACE, None, symbol.ids.wall_us(symbol.now_ns))


def some_minutes_of_quoting() -> list[JournalEntry]:
    """Orders are acknowledged, filled in part, replaced and cancelled; a pause, and quoting again."""
    play = proven(Playbook(programmes=(PROGRAMME,)))
    entries = []

    def did(*_: object) -> None:
        entries.append(entry(play))

    did(play.snapshot())
    did(play.enable())
    did(play.after(40).place_answer("c1"))
    did(play.after(30).place_answer("c2"))
    did(play.after(1_000).fill("c1", 5, "t1"))
    did(play.after(1_000).fill("c1", 15, "t2"))
    for _ in range(40):
        did(play.after(250).mid(10_000))
        for name in play.names:
            if play.status(name).value == "pending_new":
                did(play.after(20).place_answer(name))
            elif play.status(name).value == "pending_cancel":
                did(play.after(15).stream(name, OrderEventKind.CANCELED))
    did(play.after(700).mid(9_960))
    did(play.after(300).control_pause())
    did(play.after(5_000).cancel_all_answer(cancelled=2))
    return entries


def last_spans(entries: list[JournalEntry]) -> list[PresenceSpan]:
    spans: dict[tuple[str, int], PresenceSpan] = {}
    for one in entries:
        for record in one.records:
            if isinstance(record, RecordPresence):
                spans |= {(span.tier, span.from_us): span for span in record.spans}
    return list(spans.values())


async def test_presence_computed_again_from_the_stored_orders_is_the_live_figure(pool: asyncpg.Pool) -> None:
    entries = some_minutes_of_quoting()
    store = JournalStore(pool)
    for number in range(0, len(entries), 7):
        await store.write(entries[number : number + 7])
    live = last_spans(entries)
    assert await stored_spans(pool, BTC) == live
    lives = await stored_lives(pool, BTC, BEGAN - LONG, BEGAN + LONG)
    assert recomputed((PROGRAMME,), [(span.from_us, span.until_us) for span in live], lives) == live
    (span,) = live
    assert 0 < span.present_us < span.until_us - span.from_us
    assert span.until_us - span.from_us > 10_000 * MS // 1_000


async def test_a_stretch_that_goes_on_replaces_what_it_was_and_days_add_up(pool: asyncpg.Pool) -> None:
    noon_us = round(NOON.timestamp()) * 1_000_000
    first = PresenceSpan("p", "t", noon_us, noon_us + 5_000_000, 3_000_000, 0, 1)
    more = PresenceSpan("p", "t", noon_us, noon_us + 9_000_000, 6_000_000, 0, 2)
    later = PresenceSpan("p", "t", noon_us + 20_000_000, noon_us + 21_000_000, 1_000_000, 0, 0)
    store, presence = JournalStore(pool), PresenceRepository(pool)
    for span in (first, more, later, first):
        await store.write([JournalEntry(BTC, (RecordPresence((span,)),), NOON)])
    sampled = replace(PROGRAMME, measure=Measure.SAMPLES, sample_us=1_000_000)
    for day, expected in ((NOON.replace(hour=0), [7_000_000, 2]), (NOON.replace(hour=0) + LONG, [0, 0])):
        told = await presence.day((PROGRAMME, sampled), day, noon_us)
        assert [one.present for one in told] == expected
