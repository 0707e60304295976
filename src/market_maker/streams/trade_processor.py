"""Public trades, mark prices, and what the matching engine says of our own account."""

from collections.abc import Callable, Mapping

from confluent_kafka import Message

from market_maker.core.events import MarkPrice, PublicTrade
from market_maker.core.side import Side
from market_maker.streams import envelope
from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.engine_events import EngineEventReader
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.topics import ENGINE_EVENT, MARK, TRADES

_TAKERS = {side.value: side for side in Side}


class TradeProcessor:
    """`md.trades.v1`, `md.mark.v1` and `engine.event.v1` to PublicTrade, MarkPrice, Execution, OrderEvent."""

    def __init__(
        self, decoder: AvroDecoder, engine_events: EngineEventReader, instruments: InstrumentTable
    ) -> None:
        self._decoder = decoder
        self._instruments = instruments
        self._by_topic: Mapping[str, Callable[[Message, envelope.Record, Arrival, Batch], None]] = {
            TRADES: self._trade,
            MARK: self._mark,
            ENGINE_EVENT: engine_events.read,
        }

    def process(self, message: Message, arrival: Arrival, batch: Batch) -> None:
        """Append the events that the message means for us."""
        record = self._decoder.read(message.value())
        self._by_topic[message.topic() or ""](message, record, arrival, batch)

    def _trade(self, message: Message, record: envelope.Record, arrival: Arrival, batch: Batch) -> None:
        def made(data: envelope.Record, data_ns: int, trace: str | None) -> PublicTrade:
            price, trade_id = envelope.positive(data, "price"), envelope.text(data, "trade_id")
            side = _TAKERS.get((envelope.optional_text(data, "side") or "").upper())
            at_us = envelope.integer(record, "timestamp")
            return PublicTrade(arrival.at_ns, data_ns, price, trade_id, trace, side, at_us)

        self._priced(made, message, record, arrival, batch)

    def _mark(self, message: Message, record: envelope.Record, arrival: Arrival, batch: Batch) -> None:
        def made(data: envelope.Record, data_ns: int, trace: str | None) -> MarkPrice:
            return MarkPrice(arrival.at_ns, data_ns, envelope.positive(data, "mark_price"), trace)

        self._priced(made, message, record, arrival, batch)

    def _priced(
        self,
        made: Callable[[envelope.Record, int, str | None], PublicTrade | MarkPrice],
        message: Message,
        record: envelope.Record,
        arrival: Arrival,
        batch: Batch,
    ) -> None:
        data = envelope.part(record, "data")
        symbol = envelope.text(data, "symbol")
        if self._instruments.reader(symbol.encode()) is None:
            return
        try:
            data_ns = envelope.data_ns(arrival, envelope.integer(record, "timestamp"))
            trace_id = envelope.optional_text(record, "trace_id") or ""
            event = made(data, data_ns, envelope.trace_of(message.headers(), trace_id))
        except DecodeError as error:
            raise DecodeError(str(error), symbol) from error
        batch.items.append((symbol, event))
