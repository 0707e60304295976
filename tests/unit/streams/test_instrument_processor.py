from decimal import Decimal
from typing import Any

import pytest
from tests.support.kafka import Wire, instrument, message

from market_maker.core.events import InstrumentUpdated
from market_maker.core.instrument import Instrument, InstrumentStatus
from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_processor import InstrumentProcessor
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import (
    INSTRUMENT_CREATED,
    INSTRUMENT_HALT,
    INSTRUMENT_RESUME,
    INSTRUMENT_TOPICS,
    INSTRUMENT_UPDATED,
)


class Desk:
    """A processor and the table that it guards."""

    def __init__(self, registry: SchemaRegistry, wire_format: Wire) -> None:
        self.table = InstrumentTable([instrument()])
        self.processor = InstrumentProcessor(AvroDecoder(registry), self.table)
        self.wire = wire_format

    def take(self, topic: str, **details: Any) -> InstrumentUpdated:
        data = {
            "symbol": "BTCUSDT",
            "base_currency": "BTC",
            "quote_currency": "USDT",
            "tick_size": "0.01",
            "lot_size": "0.00001",
            "min_notional": "5",
            "status": "TRADING",
            "version": 3,
            "reason": None,
        }
        batch = Batch()
        value = self.wire.value(topic, data | details)
        self.processor.process(message(topic, value), Arrival.now(), batch)
        [item] = batch.items
        assert isinstance(item, tuple)
        assert item[0] == (data | details)["symbol"]
        assert isinstance(item[1], InstrumentUpdated)
        return item[1]

    def reads_books(self, symbol: bytes = b"BTCUSDT") -> bool:
        reader = self.table.reader(symbol)
        return reader is not None and not reader.superseded


@pytest.fixture
def desk(registry: SchemaRegistry, wire_format: Wire) -> Desk:
    return Desk(registry, wire_format)


@pytest.mark.parametrize("topic", INSTRUMENT_TOPICS)
def test_every_lifecycle_topic_tells_the_whole_instrument(desk: Desk, topic: str) -> None:
    event = desk.take(topic, status="HALTED", reason="maintenance")
    assert event.reason == "maintenance"
    assert event.instrument == Instrument(
        "BTCUSDT",
        "BTC",
        "USDT",
        Decimal("0.01"),
        Decimal("0.00001"),
        Decimal(5),
        InstrumentStatus.HALTED,
        3,
    )


def test_a_halt_halts_whatever_its_status_says(desk: Desk) -> None:
    assert desk.take(INSTRUMENT_HALT, status="TRADING").instrument.status is InstrumentStatus.HALTED
    assert desk.take(INSTRUMENT_HALT, status="DELISTED").instrument.status is InstrumentStatus.DELISTED
    assert desk.take(INSTRUMENT_RESUME, status="TRADING").instrument.status is InstrumentStatus.TRADING
    assert desk.take(INSTRUMENT_RESUME, status="HALTED").instrument.status is InstrumentStatus.HALTED


def test_a_new_grid_stops_the_reading_of_books_until_the_shell_has_it(desk: Desk) -> None:
    desk.take(INSTRUMENT_UPDATED, min_notional="10")
    assert desk.reads_books()
    desk.take(INSTRUMENT_UPDATED, tick_size="0.02")
    assert not desk.reads_books()


def test_an_instrument_that_we_do_not_trade_is_passed_on(desk: Desk) -> None:
    assert desk.take(INSTRUMENT_CREATED, symbol="NEWUSDT").instrument.symbol == "NEWUSDT"
    assert desk.reads_books()


@pytest.mark.parametrize(
    ("field", "value"), [("tick_size", "0"), ("lot_size", "-1"), ("tick_size", "x"), ("min_notional", "-5")]
)
def test_an_impossible_instrument_is_bad_input_of_its_symbol(desk: Desk, field: str, value: str) -> None:
    with pytest.raises(DecodeError, match=field) as caught:
        desk.take(INSTRUMENT_UPDATED, **{field: value})
    assert caught.value.symbol == "BTCUSDT"
    assert desk.reads_books()
