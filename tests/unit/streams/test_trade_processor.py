import copy
from decimal import Decimal
from typing import Any

import pytest
from tests.support.kafka import (
    OURS,
    THEIRS,
    RegistryServer,
    Wire,
    envelope,
    instrument,
    message,
    order_event,
    trade_event,
    wire,
)

from market_maker.core.events import Execution, MarkPrice, OrderEvent, OrderEventKind, PublicTrade, Source
from market_maker.core.side import Side
from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.engine_events import EngineEventReader
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import ENGINE_EVENT, MARK, TRADES
from market_maker.streams.trade_processor import TradeProcessor
from tradex_contracts import avro_schema

SOURCE = Source(2, 17, 5)


class Desk:
    """A processor for our account, and the batch that it fills."""

    def __init__(self, registry: SchemaRegistry) -> None:
        reader = EngineEventReader(OURS)
        self.processor = TradeProcessor(AvroDecoder(registry), reader, InstrumentTable([instrument()]))
        self.batch = Batch()

    def take(self, topic: str, value: bytes, **details: Any) -> list[Any]:
        self.batch = Batch()
        made = message(topic, value, partition=2, offset=17, **details)
        arrival = Arrival(10**12, 1_700_000_000_000_000, {(ENGINE_EVENT, 2): 5})
        self.processor.process(made, arrival, self.batch)
        return [item[1] for item in self.batch.items if isinstance(item, tuple)]


@pytest.fixture
def desk(registry: SchemaRegistry) -> Desk:
    return Desk(registry)


def public_trade(**details: Any) -> dict[str, Any]:
    data = {"symbol": "BTCUSDT", "trade_id": "1", "price": "100.10", "quantity": "1", "side": "BUY"}
    return {**data, "timestamp": 0, **details}


def mark(price: str, symbol: str = "BTCUSDT") -> dict[str, Any]:
    return {"symbol": symbol, "mark_price": price, "index_price": None, "timestamp": 0}


def test_a_public_trade_keeps_its_price_as_published(desk: Desk, wire_format: Wire) -> None:
    value = wire_format.value(TRADES, public_trade(price="100.105"), 1_699_999_999_000_000)
    [event] = desk.take(TRADES, value)
    assert isinstance(event, PublicTrade)
    assert (event.price, event.trade_id) == (Decimal("100.105"), "1")
    assert event.at_ns - event.data_ns == 1_000_000_000
    assert desk.batch.in_flight == []


def test_a_mark_price_need_not_stand_on_a_tick(desk: Desk, wire_format: Wire) -> None:
    [event] = desk.take(MARK, wire_format.value(MARK, mark("100.123456789")))
    assert isinstance(event, MarkPrice)
    assert event.price == Decimal("100.123456789")


@pytest.mark.parametrize(
    ("price", "problem"),
    [("0", "above zero"), ("x", "is not a number"), ("NaN", "finite"), ("1e-1000000000", "exponent")],
)
def test_a_price_that_is_none_is_bad_input(desk: Desk, wire_format: Wire, price: str, problem: str) -> None:
    with pytest.raises(DecodeError, match=f"mark_price: .*{problem}") as caught:
        desk.take(MARK, wire_format.value(MARK, mark(price)))
    assert caught.value.symbol == "BTCUSDT"


def test_a_double_means_the_shortest_decimal_that_reads_back(
    desk: Desk, registry_server: RegistryServer
) -> None:
    schema = copy.deepcopy(avro_schema(MARK))
    data = next(field for field in schema["fields"] if field["name"] == "data")["type"]
    next(field for field in data["fields"] if field["name"] == "mark_price")["type"] = "double"
    number = registry_server.register(MARK, schema)
    record = envelope(MARK, {"symbol": "BTCUSDT", "mark_price": 0.1, "index_price": None, "timestamp": 0})
    [event] = desk.take(MARK, wire(number, schema, record))
    assert event.price == Decimal("0.1")


def test_trades_of_an_unknown_symbol_are_ignored(desk: Desk, wire_format: Wire) -> None:
    assert desk.take(MARK, wire_format.value(MARK, mark("1", "DOGEUSDT"))) == []


# --- executions -----------------------------------------------------------------------------------


def engine(wire_format: Wire, data: dict[str, Any]) -> bytes:
    return wire_format.value(ENGINE_EVENT, data, 1_699_999_999_500_000)


def test_our_makers_fill_is_an_execution_with_its_fee_and_source(desk: Desk, wire_format: Wire) -> None:
    [event] = desk.take(ENGINE_EVENT, engine(wire_format, trade_event("t1")))
    assert event == Execution(
        at_ns=10**12,
        trade_id="t1",
        side=Side.BUY,
        price=Decimal("100.10"),
        quantity=Decimal("0.5"),
        fee=Decimal("-0.01"),
        order_id="maker-order",
        client_order_id="maker-client",
        is_maker=True,
        sequence=7,
        executed_at_us=1_699_999_999_500_000,
        source=SOURCE,
        trace=event.trace,
    )
    assert desk.batch.in_flight == [SOURCE]


def test_our_takers_fill_has_the_other_side_and_fee(desk: Desk, wire_format: Wire) -> None:
    [event] = desk.take(ENGINE_EVENT, engine(wire_format, trade_event("t1", maker=THEIRS, taker=OURS)))
    assert (event.side, event.fee, event.order_id) == (Side.SELL, Decimal("0.02"), "taker-order")
    assert (event.client_order_id, event.is_maker) == (None, False)


def test_a_trade_with_ourselves_is_two_executions_and_both_must_become_durable(
    desk: Desk, wire_format: Wire
) -> None:
    events = desk.take(ENGINE_EVENT, engine(wire_format, trade_event("t1", OURS, OURS)))
    assert [(event.trade_id, event.side) for event in events] == [("t1", Side.BUY), ("t1", Side.SELL)]
    assert desk.batch.in_flight == [SOURCE, SOURCE]


def test_others_trades_are_nothing_to_us(desk: Desk, wire_format: Wire) -> None:
    assert desk.take(ENGINE_EVENT, engine(wire_format, trade_event("t1", THEIRS, THEIRS))) == []
    assert desk.batch.in_flight == []


def test_a_fill_in_a_symbol_whose_instrument_is_unknown_is_still_a_fill(
    desk: Desk, wire_format: Wire
) -> None:
    [event] = desk.take(ENGINE_EVENT, engine(wire_format, trade_event("t1", symbol="NEWUSDT")))
    assert event.trade_id == "t1"


def test_a_fill_off_our_grid_is_still_a_fill(desk: Desk, wire_format: Wire) -> None:
    [event] = desk.take(ENGINE_EVENT, engine(wire_format, trade_event("t1", price="100.10555")))
    assert event.price == Decimal("100.10555")


@pytest.mark.parametrize("kind", list(OrderEventKind))
def test_the_engines_word_on_our_order_is_an_order_event(
    desk: Desk, wire_format: Wire, kind: OrderEventKind
) -> None:
    [event] = desk.take(ENGINE_EVENT, engine(wire_format, order_event(kind.value, reason="because")))
    assert event == OrderEvent(
        10**12, kind, "order-1", "client-1", "because", 8, SOURCE, 1_699_999_999_500_000
    )
    assert desk.batch.in_flight == [SOURCE]


def test_others_orders_and_the_engines_book_are_nothing_to_us(desk: Desk, wire_format: Wire) -> None:
    for data in (order_event("ORDER_ACCEPTED", THEIRS), order_event("BOOK_DELTA", OURS)):
        assert desk.take(ENGINE_EVENT, engine(wire_format, data)) == []
        assert desk.batch.in_flight == []


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (trade_event("t1", is_buyer_maker=False), "is_buyer_maker: contradicts taker_side SELL"),
        (trade_event("t1", price="0"), "price: must be above zero"),
        (trade_event("t1", qty="-1"), "qty: must be above zero"),
        (trade_event("t1", maker_fee=""), "maker_fee: '' is not a number"),
        (trade_event(""), "trade_id: expected a text"),
        (trade_event("t1") | {"trade": None}, "trade: expected a record"),
        (order_event("ORDER_CANCELED", account_id=None), "account_id: expected a text"),
    ],
)
def test_an_engine_event_that_contradicts_itself_is_bad_input_of_its_symbol(
    desk: Desk, wire_format: Wire, data: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DecodeError, match=problem) as caught:
        desk.take(ENGINE_EVENT, engine(wire_format, data))
    assert caught.value.symbol == "BTCUSDT"


def test_a_kind_of_event_that_we_do_not_know_is_bad_input(
    desk: Desk, registry_server: RegistryServer
) -> None:
    schema = copy.deepcopy(avro_schema(ENGINE_EVENT))
    data = next(field for field in schema["fields"] if field["name"] == "data")["type"]
    next(field for field in data["fields"] if field["name"] == "kind")["type"]["symbols"].append(
        "ORDER_EXPIRED"
    )
    number = registry_server.register(ENGINE_EVENT, schema)
    value = wire(number, schema, envelope(ENGINE_EVENT, order_event("ORDER_EXPIRED")))
    with pytest.raises(DecodeError, match="kind: 'ORDER_EXPIRED' is not a kind of engine event"):
        desk.take(ENGINE_EVENT, value)
