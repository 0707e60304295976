"""The service's side: `python -m benchmarks.peers.ours`, the parts as the service puts them together."""

import time
from decimal import Decimal
from functools import partial
from typing import Final

import uvloop
from confluent_kafka import Message

from benchmarks.bench_decode import LocalRegistry
from benchmarks.bench_engine import active_engine, answer
from benchmarks.bench_orders import Always, order
from benchmarks.peers.rule import HALF_SPREAD, ORDER_USDT
from benchmarks.peers.tape import Opening, Tape
from benchmarks.peers.worker import send_all, serve
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient
from market_maker.core.book.grid import GridCache
from market_maker.core.book.order_book import OrderBook
from market_maker.core.commands import PlaceOrder
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.events import BookDelta, BookSnapshot, Event, Levels, RequestOutcome
from market_maker.core.instrument import Instrument
from market_maker.streams.batch import Arrival, Undecodable
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.message_decoder import MessageDecoder, make_processors
from market_maker.streams.topics import ORDER_BOOK_DELTA
from market_maker.telemetry.loop_lag import LoopLagMonitor

BPS: Final = 10_000
START_US: Final = 1_000_000_000
FIRST_NS: Final = START_US * 1000
"""The monotonic clock of the tape stands at its wall clock."""
ANSWER_NS: Final = 1_000_000_000
LIMITS: Final = EngineLimits(
    quote_update_interval_ns=10_000_000,
    max_orders_per_second=1_000_000,
    max_order_notional_usdt=Decimal(10**6),
)


def config(symbol: str) -> SymbolConfig:
    """The rule of `rule`."""
    return SymbolConfig(
        symbol,
        enabled=True,
        base_spread_bps=Decimal(str(2 * HALF_SPREAD * BPS)),
        order_size_usdt=Decimal(str(ORDER_USDT)),
        max_position_usdt=Decimal(10**6),
        volatility_multiplier=False,
        quote_interval_ms=Decimal(10),
        price_threshold_bps=Decimal(0),
    )


def instrument_of(opening: Opening) -> Instrument:
    """The tape's instrument."""
    base, quote = opening.symbol.removesuffix("USDT"), "USDT"
    grid = (Decimal(opening.tick), Decimal(opening.lot), Decimal(opening.min_notional))
    return Instrument(opening.symbol, base, quote, *grid)


def snapshot_of(opening: Opening, instrument: Instrument) -> BookSnapshot:
    """The book before the first change."""
    grid = GridCache(instrument)

    def levels(side: list[tuple[str, str]]) -> Levels:
        return tuple((grid.ticks(Decimal(price)), grid.lots(Decimal(quantity))) for price, quantity in side)

    return BookSnapshot(FIRST_NS, FIRST_NS, opening.sequence, levels(opening.bids), levels(opening.asks))


class Reader:
    """From a message's bytes to the core's event, as on the poll thread."""

    def __init__(self, instrument: Instrument) -> None:
        table = InstrumentTable([instrument])
        self._decoder = MessageDecoder(make_processors(LocalRegistry(), table, "no account"))
        self._key = instrument.symbol.encode()

    def message(self, value: bytes, number: int) -> Message:
        """As Kafka's client gives it."""
        return Message(topic=ORDER_BOOK_DELTA, partition=0, offset=number, key=self._key, value=value)

    def event(self, message: Message, at_ns: int) -> Event:
        """One poll that brought one message."""
        [item] = self._decoder.decode([message], Arrival(at_ns, at_ns // 1000)).items
        assert not isinstance(item, Undecodable), item.detail
        return item[1]


class Ours:
    """The three measurements."""

    def book(self, tape: Tape) -> list[int]:
        """The core's book."""
        instrument = instrument_of(tape.opening)
        reader = Reader(instrument)
        book = OrderBook()
        book.apply_snapshot(snapshot_of(tape.opening, instrument))
        times = []
        for delta in [
            reader.event(reader.message(change.avro, number), FIRST_NS)
            for number, change in enumerate(tape.changes)
        ]:
            assert isinstance(delta, BookDelta)
            began_ns = time.perf_counter_ns()
            book.apply_delta(delta)
            _best = book.best_bid, book.best_ask
            times.append(time.perf_counter_ns() - began_ns)
        assert book.valid, book.invalid_reason
        assert book.deltas == len(tape.changes)
        return times

    def way(self, tape: Tape) -> tuple[list[int], list[int], int]:
        """Decoder and engine; the engine's answers and what follows from them are not measured."""
        instrument = instrument_of(tape.opening)
        reader = Reader(instrument)
        opening = snapshot_of(tape.opening, instrument)
        engine = active_engine(instrument, opening, FIRST_NS, config(tape.opening.symbol), LIMITS)
        messages = [reader.message(change.avro, number) for number, change in enumerate(tape.changes)]
        quiet: list[int] = []
        decided: list[int] = []
        orders = 0
        for change, message in zip(tape.changes, messages, strict=True):
            at_ns = FIRST_NS + change.at_ns
            began_ns = time.perf_counter_ns()
            commands = engine.handle(reader.event(message, at_ns))
            took_ns = time.perf_counter_ns() - began_ns
            placed = sum(isinstance(command, PlaceOrder) for command in commands)
            orders += placed
            (decided if placed else quiet).append(took_ns)
            answer(engine, commands, at_ns)
        assert engine.symbol.book.gaps == 0
        return quiet, decided, orders

    async def orders(self, url: str, count: int, at_once: int) -> tuple[list[int], float]:
        """The Order Service's client, gate and deadline included."""
        monitor = LoopLagMonitor()
        monitor.start()
        client = OrderServiceClient(
            url, Account("a", "u"), monitor, response_timeout_ns=ANSWER_NS, on_report=lambda _report: None
        )
        orders, gate = [order(number) for number in range(count)], Always()

        async def send(number: int) -> None:
            placed = await client.place(orders[number], None, gate, lambda _late: None)
            assert placed.outcome is RequestOutcome.OK

        await send_all(send, count // 10, at_once)
        found = await send_all(send, count, at_once)
        await client.close()
        monitor.stop()
        return found


if __name__ == "__main__":
    serve(Ours(), partial(uvloop.run))
