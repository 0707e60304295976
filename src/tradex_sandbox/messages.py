"""What the exchange tells, as the data of Kafka messages: one function per kind of event.

Decimals become plain decimal strings (no exponent), times microseconds of wall time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import uuid_utils

from tradex_sandbox import topics
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.market_events import (
    BookDelta,
    BookSnapshot,
    InstrumentCreated,
    InstrumentEvent,
    InstrumentHalted,
    InstrumentResumed,
    InstrumentUpdated,
    Levels,
    MarketEvent,
    MarkPrice,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    PublicTrade,
    Trade,
)
from tradex_sandbox.orders import Side

SIDES = {Side.BUY: "BUY", Side.SELL: "SELL"}
WallClock = Callable[[int], int]
"""Market time in microseconds to wall time in microseconds."""


@dataclass(slots=True)
class Message:
    """One message before encoding. `raw` replaces the encoded value: what a faulty feed sends."""

    topic: str
    symbol: str
    at_us: int
    """Wall time, microseconds since 1970 UTC."""
    data: dict[str, Any]
    traceparent: str | None = None
    raw: bytes | None = None
    event_id: uuid_utils.UUID | None = None
    """Given when it is first encoded, so that a message sent again repeats it."""


def message_of(event: MarketEvent, wall_us: WallClock, now_us: int) -> Message:
    """The message that tells `event`; a snapshot is of `now_us`, to which the market has moved."""
    match event:
        case BookDelta():
            return _delta(event, wall_us(event.at_us))
        case BookSnapshot():
            return _snapshot(event, wall_us(now_us))
        case PublicTrade():
            return _public_trade(event, wall_us(event.at_us))
        case MarkPrice():
            return _mark(event, wall_us(event.at_us))
        case Trade():
            return _trade(event, wall_us(event.at_us))
        case OrderEvent():
            return _order_event(event, wall_us(event.at_us))
        case _:
            return _instrument_event(event, wall_us(event.at_us))


def _delta(event: BookDelta, at_us: int) -> Message:
    data = {
        "symbol": event.symbol,
        "prev_sequence": event.prev_sequence,
        "sequence": event.sequence,
        "bids": _levels(event.bids),
        "asks": _levels(event.asks),
    }
    return Message(topics.DELTA, event.symbol, at_us, data)


def _snapshot(event: BookSnapshot, at_us: int) -> Message:
    data = {
        "symbol": event.symbol,
        "sequence": event.sequence,
        "bids": _levels(event.bids),
        "asks": _levels(event.asks),
    }
    return Message(topics.SNAPSHOT, event.symbol, at_us, data)


def _public_trade(event: PublicTrade, at_us: int) -> Message:
    data = {
        "symbol": event.symbol,
        "trade_id": event.trade_id,
        "price": plain(event.price),
        "quantity": plain(event.quantity),
        "side": SIDES[event.taker_side],
        "timestamp": at_us,
    }
    return Message(topics.TRADES, event.symbol, at_us, data)


def _mark(event: MarkPrice, at_us: int) -> Message:
    data = {
        "symbol": event.symbol,
        "mark_price": plain(event.price),
        "index_price": None if event.index_price is None else plain(event.index_price),
        "timestamp": at_us,
    }
    return Message(topics.MARK, event.symbol, at_us, data)


NOTHING_TOLD = dict.fromkeys(("order_id", "client_order_id", "account_id", "reason", "trade"))
"""The fields of the matching engine's event, of which each kind fills its own."""
ORDER_EVENT_KINDS: dict[type[OrderEvent], str] = {
    OrderAccepted: "ORDER_ACCEPTED",
    OrderCanceled: "ORDER_CANCELED",
    OrderFilled: "ORDER_FILLED",
    OrderRejected: "ORDER_REJECTED",
}


def _order_event(event: OrderEvent, at_us: int) -> Message:
    ids = {
        "order_id": event.order_id,
        "client_order_id": event.client_order_id,
        "account_id": event.account_id,
        "reason": event.reason or None,
    }
    return _engine_event(ORDER_EVENT_KINDS[type(event)], event, at_us, **ids)


def _trade(event: Trade, at_us: int) -> Message:
    trade = {
        "trade_id": event.trade_id,
        "price": plain(event.price),
        "qty": plain(event.quantity),
        "taker_side": SIDES[event.taker_side],
        "maker_order_id": event.maker_order_id,
        "taker_order_id": event.taker_order_id,
        "maker_client_order_id": event.maker_client_order_id,
        "taker_client_order_id": event.taker_client_order_id,
        "maker_account_id": event.maker_account_id,
        "taker_account_id": event.taker_account_id,
        "maker_fee": plain(event.maker_fee),
        "taker_fee": plain(event.taker_fee),
        "is_buyer_maker": event.is_buyer_maker,
    }
    return _engine_event("TRADE", event, at_us, trade=trade)


def _engine_event(kind: str, event: OrderEvent | Trade, at_us: int, **told: Any) -> Message:
    data = {"kind": kind, "symbol": event.symbol, "sequence": event.sequence, **NOTHING_TOLD, **told}
    return Message(topics.ENGINE, event.symbol, at_us, data)


INSTRUMENT_TOPICS: dict[type[InstrumentEvent], str] = {
    InstrumentCreated: topics.INSTRUMENT_CREATED,
    InstrumentUpdated: topics.INSTRUMENT_UPDATED,
    InstrumentHalted: topics.INSTRUMENT_HALT,
    InstrumentResumed: topics.INSTRUMENT_RESUME,
}


def _instrument_event(event: InstrumentEvent, at_us: int) -> Message:
    data = {**instrument_fields(event.instrument), "reason": event.reason or None}
    return Message(INSTRUMENT_TOPICS[type(event)], event.instrument.symbol, at_us, data)


def instrument_fields(instrument: Instrument) -> dict[str, Any]:
    """An instrument in the words of its Kafka messages."""
    return {
        "symbol": instrument.symbol,
        "base_currency": instrument.base_currency,
        "quote_currency": instrument.quote_currency,
        "tick_size": plain(instrument.tick_size),
        "lot_size": plain(instrument.lot_size),
        "min_notional": plain(instrument.min_notional),
        "status": instrument.status.value,
        "version": instrument.version,
    }


def plain(value: Decimal) -> str:
    """A decimal without an exponent, digits unchanged."""
    text = str(value)  # six times faster than format, which a book of thousands of levels feels
    return format(value, "f") if "E" in text else text


def _levels(levels: Levels) -> list[dict[str, str]]:
    return [{"price": plain(price), "quantity": plain(quantity)} for price, quantity in levels]
