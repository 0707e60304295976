"""Events of the matching engine that concern our account: executions and the fate of our orders.

Whose fill it is, the account id decides, not what this process remembers. Prices stay decimals: a
fill counts even when the grid has changed.
"""

from dataclasses import dataclass

from confluent_kafka import Message

from market_maker.core.events import Execution, OrderEvent, OrderEventKind, Source
from market_maker.core.side import Side
from market_maker.streams import envelope
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.errors import DecodeError
from market_maker.streams.topics import ENGINE_EVENT

_TRADE = "TRADE"
_BOOK_DELTA = "BOOK_DELTA"


@dataclass(frozen=True, slots=True)
class _Context:
    arrival: Arrival
    source: Source
    sequence: int
    happened_at_us: int
    trace: str | None


class EngineEventReader:
    """Reads `engine.event.v1` for one account."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id

    def read(self, message: Message, record: envelope.Record, arrival: Arrival, batch: Batch) -> None:
        """Append an Execution for each side that is ours, or an OrderEvent."""
        data = envelope.part(record, "data")
        symbol = envelope.text(data, "symbol")
        try:
            partition = message.partition() or 0
            generation = arrival.generation_of(ENGINE_EVENT, partition)
            context = _Context(
                arrival,
                Source(partition, message.offset() or 0, generation),
                envelope.integer(data, "sequence"),
                envelope.integer(record, "timestamp"),
                envelope.trace_of(message.headers(), envelope.optional_text(record, "trace_id") or ""),
            )
            events = self._ours(data, context)
        except DecodeError as error:
            raise DecodeError(str(error), symbol) from error
        for event in events:
            batch.items.append((symbol, event))
            batch.in_flight.append(context.source)

    def _ours(self, data: envelope.Record, context: _Context) -> list[Execution] | list[OrderEvent]:
        kind = envelope.text(data, "kind")
        if kind == _TRADE:
            return self._executions(envelope.part(data, "trade"), context)
        if kind == _BOOK_DELTA:
            return []
        try:
            order_kind = OrderEventKind(kind)
        except ValueError:
            raise DecodeError(f"kind: {kind!r} is not a kind of engine event") from None
        if envelope.text(data, "account_id") != self._account_id:
            return []
        return [
            OrderEvent(
                context.arrival.at_ns,
                order_kind,
                envelope.optional_text(data, "order_id"),
                envelope.optional_text(data, "client_order_id"),
                envelope.optional_text(data, "reason"),
                context.sequence,
                context.source,
                context.happened_at_us,
            )
        ]

    def _executions(self, trade: envelope.Record, context: _Context) -> list[Execution]:
        taker_side = _taker_side(trade)
        sides = (("maker", taker_side.opposite), ("taker", taker_side))
        return [
            _execution(trade, role, side, context)
            for role, side in sides
            if envelope.text(trade, f"{role}_account_id") == self._account_id
        ]


def _taker_side(trade: envelope.Record) -> Side:
    name = envelope.text(trade, "taker_side").upper()
    if name not in Side.__members__:
        raise DecodeError(f"taker_side: expected BUY or SELL, got {name!r}")
    side = Side[name]
    if envelope.flag(trade, "is_buyer_maker") is (side is Side.BUY):
        raise DecodeError(f"is_buyer_maker: contradicts taker_side {name}")
    return side


def _execution(trade: envelope.Record, role: str, side: Side, context: _Context) -> Execution:
    return Execution(
        at_ns=context.arrival.at_ns,
        trade_id=envelope.text(trade, "trade_id"),
        side=side,
        price=envelope.positive(trade, "price"),
        quantity=envelope.positive(trade, "qty"),
        fee=envelope.number(trade, f"{role}_fee"),
        order_id=envelope.text(trade, f"{role}_order_id"),
        client_order_id=envelope.optional_text(trade, f"{role}_client_order_id"),
        is_maker=role == "maker",
        sequence=context.sequence,
        executed_at_us=context.happened_at_us,
        source=context.source,
        trace=context.trace,
    )
