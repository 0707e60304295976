"""A symbol that is just taken has its book at once, if the topics prove it."""

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from tests.support.intake import GROUP, SYMBOLS, Exchange
from tests.support.kafka import RegistryServer, StoppableBroker, Wire, delta, instrument, levels, snapshot

from market_maker.core.events import BookSnapshot
from market_maker.streams import book_history
from market_maker.streams.book_history import BookHistory
from market_maker.streams.consumer_options import ConsumerOptions
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.partitioner import partition_of
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT

PARTITIONS = 4
BTC, ETH = "BTCUSDT", "ETHUSDT"
BEST = (levels(("100.10", "1")), levels(("100.20", "1")))


@pytest.fixture
def exchange(stoppable_broker: StoppableBroker, wire_format: Wire) -> Iterator[Exchange]:
    made = Exchange(stoppable_broker.address, wire_format)
    yield made
    made.close()


@pytest.fixture
def table() -> InstrumentTable:
    return InstrumentTable(instrument(symbol) for symbol in SYMBOLS)


Read = Callable[..., "asyncio.Future[dict[str, BookSnapshot]]"]


@pytest.fixture
def read(exchange: Exchange, registry: SchemaRegistry, table: InstrumentTable) -> Read:
    """Reads the books of some symbols back."""
    history = BookHistory(ConsumerOptions(exchange.broker, GROUP, fetch_wait_max_ms=5), registry, table)

    def ask(*symbols: str) -> "asyncio.Future[dict[str, BookSnapshot]]":
        wanted: dict[int, list[str]] = {}
        for symbol in symbols:
            wanted.setdefault(partition_of(symbol, PARTITIONS), []).append(symbol)
        return asyncio.ensure_future(asyncio.to_thread(history.read, wanted))

    return ask


async def chain(exchange: Exchange, first: int, last: int, symbol: str = BTC) -> None:
    """Deltas from one sequence to another."""
    for sequence in range(first, last):
        exchange.post(ORDER_BOOK_DELTA, symbol.encode(), exchange.delta(symbol, sequence + 1))
    await exchange.flush()


def units(book: BookSnapshot) -> tuple[dict[int, int], dict[int, int]]:
    return dict(book.bids), dict(book.asks)


async def test_the_last_snapshot_and_every_delta_since_make_the_book(exchange: Exchange, read: Read) -> None:
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, levels(("99.00", "7")), BEST[1]))
    await chain(exchange, 10, 20)
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(20, *BEST))
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(3, *BEST, symbol=ETH))
    await exchange.say(ORDER_BOOK_DELTA, delta(20, 21, levels(("100.15", "2")), levels(("100.20", "0"))))
    await exchange.say(ORDER_BOOK_DELTA, delta(21, 22, None, levels(("100.30", "3"))))
    found = await read(BTC, ETH)
    grid = instrument(BTC)
    assert {symbol: book.sequence for symbol, book in found.items()} == {BTC: 22, ETH: 3}
    assert units(found[BTC]) == (
        {
            grid.ticks(Decimal("100.10")): grid.lots(Decimal(1)),
            grid.ticks(Decimal("100.15")): grid.lots(Decimal(2)),
        },
        {grid.ticks(Decimal("100.30")): grid.lots(Decimal(3))},
    )
    assert found[BTC].data_ns <= found[BTC].at_ns
    assert found[BTC].exchange_us > 0


@pytest.mark.parametrize("hole", [(10, 12), (12, 13)], ids=["after the snapshot", "between deltas"])
async def test_a_hole_in_the_sequence_makes_no_book(
    exchange: Exchange, read: Read, hole: tuple[int, int]
) -> None:
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, *BEST))
    await chain(exchange, 10, hole[0])
    await chain(exchange, hole[1], 15)
    assert await read(BTC) == {}


async def test_a_delta_that_cannot_be_read_makes_no_book(exchange: Exchange, read: Read) -> None:
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, *BEST))
    exchange.post(ORDER_BOOK_DELTA, BTC.encode(), b"poison")
    await chain(exchange, 10, 12)
    assert await read(BTC) == {}


async def test_without_a_snapshot_there_is_no_book(exchange: Exchange, read: Read) -> None:
    await chain(exchange, 10, 20)
    assert await read(BTC, ETH) == {}


async def test_a_grid_that_is_being_changed_makes_no_book(
    exchange: Exchange, read: Read, table: InstrumentTable
) -> None:
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, *BEST))
    table.supersede(instrument(BTC, tick="0.5"))
    assert await read(BTC) == {}


async def test_what_a_first_look_does_not_reach_a_second_one_finds(
    exchange: Exchange, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_history, "LOOKS", ((1, 5), (10, 50)))
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, *BEST))
    await chain(exchange, 10, 30)
    found = await read(BTC)
    assert found[BTC].sequence == 30
    await chain(exchange, 30, 70)
    assert await read(BTC) == {}, "further back than it looks"


async def test_a_broker_that_is_away_makes_no_book_and_holds_nobody(
    exchange: Exchange, read: Read, stoppable_broker: StoppableBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_history, "READ_S_MAX", 0.2)
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, *BEST))
    stoppable_broker.freeze()
    async with asyncio.timeout(5):
        assert await read(BTC) == {}
    stoppable_broker.thaw()


async def test_a_registry_that_is_away_makes_no_book(
    exchange: Exchange, read: Read, registry_server: RegistryServer
) -> None:
    await exchange.say(ORDER_BOOK_SNAPSHOT, snapshot(10, *BEST))
    registry_server.down = True
    assert await read(BTC) == {}
