"""Instrument lifecycle: created, updated, halted, resumed."""

from confluent_kafka import Message

from market_maker.core.events import InstrumentUpdated
from market_maker.core.instrument import Instrument, InstrumentStatus
from market_maker.streams import envelope
from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.batch import Arrival, Batch
from market_maker.streams.errors import DecodeError
from market_maker.streams.instrument_table import InstrumentTable
from market_maker.streams.topics import INSTRUMENT_HALT


class InstrumentProcessor:
    """`md.instrument.*.v1` to InstrumentUpdated.

    A message on the halt topic halts, whatever its status field says.
    """

    def __init__(self, decoder: AvroDecoder, instruments: InstrumentTable) -> None:
        self._decoder = decoder
        self._instruments = instruments

    def process(self, message: Message, arrival: Arrival, batch: Batch) -> None:
        """Append an InstrumentUpdated, and stop reading the symbol's book when its grid changed."""
        data = envelope.part(self._decoder.read(message.value()), "data")
        symbol = envelope.text(data, "symbol")
        try:
            instrument = _instrument(symbol, data, halted=message.topic() == INSTRUMENT_HALT)
            reason = envelope.optional_text(data, "reason") or ""
        except ValueError as error:
            raise DecodeError(str(error), symbol) from error
        self._instruments.supersede(instrument)
        batch.items.append((symbol, InstrumentUpdated(arrival.at_ns, instrument, reason)))


def _instrument(symbol: str, data: envelope.Record, *, halted: bool) -> Instrument:
    status = InstrumentStatus(envelope.text(data, "status"))
    if halted and status is InstrumentStatus.TRADING:
        status = InstrumentStatus.HALTED
    return Instrument(
        symbol=symbol,
        base_currency=envelope.text(data, "base_currency"),
        quote_currency=envelope.text(data, "quote_currency"),
        tick_size=envelope.positive(data, "tick_size"),
        lot_size=envelope.positive(data, "lot_size"),
        min_notional=envelope.number(data, "min_notional"),
        status=status,
        version=envelope.integer(data, "version"),
    )
