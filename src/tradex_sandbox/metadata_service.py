"""The Metadata Service: the instruments that the exchange lists, over gRPC."""

import asyncio
from typing import Any

import grpc

from tradex_contracts import metadata_pb2
from tradex_contracts.metadata_pb2_grpc import MetadataServiceServicer
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.faults import FaultKind, FaultTable, Operation
from tradex_sandbox.instruments import Instrument, InstrumentStatus
from tradex_sandbox.messages import instrument_fields

STATUSES = {
    InstrumentStatus.TRADING: metadata_pb2.INSTRUMENT_STATUS_TRADING,
    InstrumentStatus.HALTED: metadata_pb2.INSTRUMENT_STATUS_HALTED,
    InstrumentStatus.DELISTED: metadata_pb2.INSTRUMENT_STATUS_DELISTED,
}

Context = grpc.aio.ServicerContext[Any, Any]


class MetadataService(MetadataServiceServicer):
    """`tradex.metadata.v1.MetadataService`."""

    def __init__(self, exchange: Exchange, faults: FaultTable) -> None:
        self._exchange = exchange
        self._faults = faults

    async def GetInstrument(  # noqa: N802 - the name that gRPC calls
        self, request: metadata_pb2.GetInstrumentRequest, context: Context
    ) -> metadata_pb2.GetInstrumentResponse:
        """One instrument; NOT_FOUND for a symbol that is not listed."""
        await self._misbehave(context, request.symbol)
        if request.symbol not in self._exchange.symbols():
            await context.abort(grpc.StatusCode.NOT_FOUND, f"symbol {request.symbol!r} is not listed")
        instrument = self._exchange.instrument(request.symbol)
        return metadata_pb2.GetInstrumentResponse(instrument=_on_the_wire(instrument))

    async def ListInstruments(  # noqa: N802 - the name that gRPC calls
        self, _request: metadata_pb2.ListInstrumentsRequest, context: Context
    ) -> metadata_pb2.ListInstrumentsResponse:
        """Every instrument, in the order of listing."""
        await self._misbehave(context, None)
        listed = [self._exchange.instrument(symbol) for symbol in self._exchange.symbols()]
        return metadata_pb2.ListInstrumentsResponse(instruments=[_on_the_wire(item) for item in listed])

    async def _misbehave(self, context: Context, symbol: str | None) -> None:
        for fault in self._faults.take(Operation.METADATA, symbol):
            await asyncio.sleep(fault.delay_ms / 1000)
            if fault.kind is FaultKind.ERROR:
                await context.abort(grpc.StatusCode.UNAVAILABLE, fault.message)


def _on_the_wire(instrument: Instrument) -> metadata_pb2.Instrument:
    fields = instrument_fields(instrument)
    return metadata_pb2.Instrument(**{**fields, "status": STATUSES[instrument.status]})
