from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import pytest

from tradex_contracts import avro_schema
from tradex_sandbox import topics
from tradex_sandbox.avro import Encoder
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.market_events import (
    BookDelta,
    BookSnapshot,
    InstrumentCreated,
    InstrumentHalted,
    InstrumentResumed,
    InstrumentUpdated,
    MarketEvent,
    MarkPrice,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    PublicTrade,
    Trade,
)
from tradex_sandbox.messages import message_of
from tradex_sandbox.orders import Side

AT_US = 1_700_000_000_123_456
LATE_US = 7
ONE = ((Decimal("60000.10"), Decimal("0.0000001")),)
INSTRUMENT = parse_instrument("BTCUSDT:0.01:0.00001:5")
ORDER = ("BTCUSDT", 3, "order", "client", "account", "", AT_US)
TRADE = Trade(
    symbol="BTCUSDT",
    sequence=4,
    trade_id="t",
    price=Decimal("60000.10"),
    quantity=Decimal("1E+1"),
    taker_side=Side.SELL,
    maker_order_id="m",
    taker_order_id="k",
    maker_client_order_id="mc",
    taker_client_order_id=None,
    maker_account_id="ma",
    taker_account_id="ta",
    maker_fee=Decimal("-0.30"),
    taker_fee=Decimal("2.4"),
    is_buyer_maker=True,
    at_us=AT_US,
)
EVENTS: list[tuple[MarketEvent, str]] = [
    (BookDelta("BTCUSDT", 1, 2, ONE, (), AT_US), topics.DELTA),
    (BookSnapshot("BTCUSDT", 2, ONE, ()), topics.SNAPSHOT),
    (PublicTrade("BTCUSDT", "t", Decimal(1), Decimal(2), Side.BUY, AT_US), topics.TRADES),
    (MarkPrice("BTCUSDT", Decimal("1.5"), None, AT_US), topics.MARK),
    (MarkPrice("BTCUSDT", Decimal("1.5"), Decimal("1.25"), AT_US), topics.MARK),
    (OrderAccepted(*ORDER), topics.ENGINE),
    (OrderCanceled(*ORDER), topics.ENGINE),
    (OrderFilled(*ORDER), topics.ENGINE),
    (OrderRejected("BTCUSDT", 3, None, "client", "account", "OFF_TICK", AT_US), topics.ENGINE),
    (TRADE, topics.ENGINE),
    (InstrumentCreated(INSTRUMENT, "", AT_US), topics.INSTRUMENT_CREATED),
    (InstrumentUpdated(INSTRUMENT, "grid", AT_US), topics.INSTRUMENT_UPDATED),
    (InstrumentHalted(INSTRUMENT, "news", AT_US), topics.INSTRUMENT_HALT),
    (InstrumentResumed(INSTRUMENT, "over", AT_US), topics.INSTRUMENT_RESUME),
]


def wall_us(at_us: int) -> int:
    return at_us + LATE_US


def encoded(event: MarketEvent) -> tuple[str, Any]:
    """Topic and decoded value of an event's message, read by the declared schema alone."""
    message = message_of(event, wall_us, AT_US)
    value, _ = Encoder({message.topic: 0x01020304}).encode(message)
    assert value[:5] == b"\x00\x01\x02\x03\x04"
    return message.topic, fastavro.schemaless_reader(BytesIO(value[5:]), avro_schema(message.topic), None)


@pytest.mark.parametrize(("event", "topic"), EVENTS)
def test_every_event_fits_its_contract_and_says_when_it_happened(event: MarketEvent, topic: str) -> None:
    written_to, envelope = encoded(event)
    assert written_to == envelope["event_type"] == topic
    assert envelope["timestamp"].timestamp() * 1e6 == pytest.approx(AT_US + LATE_US, abs=0.5)
    assert envelope["data"]["symbol"] == "BTCUSDT"
    assert envelope["source_service"] == ("matching-engine" if topic == topics.ENGINE else "market-data")
    assert (envelope["version"], envelope["hmac"]) == (1, None)
    assert envelope["event_id"][14] == "7"
    assert envelope["trace_id"] == envelope["event_id"].replace("-", "")


def test_numbers_never_carry_an_exponent() -> None:
    _, delta = encoded(EVENTS[0][0])
    assert delta["data"]["bids"] == [{"price": "60000.10", "quantity": "0.0000001"}]
    _, trade = encoded(TRADE)
    assert trade["data"]["trade"]["qty"] == "10"


def test_a_trade_carries_both_sides_and_their_fees() -> None:
    _, envelope = encoded(TRADE)
    assert envelope["data"]["kind"] == "TRADE"
    assert envelope["data"]["trade"] == {
        "trade_id": "t",
        "price": "60000.10",
        "qty": "10",
        "taker_side": "SELL",
        "maker_order_id": "m",
        "taker_order_id": "k",
        "maker_client_order_id": "mc",
        "taker_client_order_id": None,
        "maker_account_id": "ma",
        "taker_account_id": "ta",
        "maker_fee": "-0.30",
        "taker_fee": "2.4",
        "is_buyer_maker": True,
    }


def test_a_message_sent_again_repeats_its_event_id() -> None:
    message = message_of(EVENTS[0][0], wall_us, AT_US)
    encoder = Encoder({topics.DELTA: 1})
    assert encoder.encode(message) == encoder.encode(message)


def test_the_trace_of_a_request_becomes_the_messages_trace() -> None:
    message = message_of(TRADE, wall_us, AT_US)
    message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    value, _ = Encoder({topics.ENGINE: 1}).encode(message)
    envelope: Any = fastavro.schemaless_reader(BytesIO(value[5:]), avro_schema(topics.ENGINE), None)
    assert envelope["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
