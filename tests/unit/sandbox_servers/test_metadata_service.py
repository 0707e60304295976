from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random
from typing import Any

import grpc
import pytest

from tradex_contracts import metadata_pb2
from tradex_contracts.metadata_pb2_grpc import MetadataServiceStub, add_MetadataServiceServicer_to_server
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.faults import Fault, FaultTable
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.metadata_service import MetadataService


@pytest.fixture
def exchange() -> Exchange:
    exchange = Exchange()
    exchange.add_simulated(parse_instrument("BTCUSDT:0.01:0.00001:5"), Decimal(60000), seed=1)
    exchange.add_simulated(parse_instrument("ETHUSDT:0.01:0.0001:5"), Decimal(2500), seed=1)
    exchange.start(0)
    return exchange


@pytest.fixture
def faults() -> FaultTable:
    return FaultTable(Random(1))  # noqa: S311 - chance of a test


@pytest.fixture
async def stub(exchange: Exchange, faults: FaultTable) -> AsyncIterator[Any]:
    server = grpc.aio.server()
    service = MetadataService(exchange, faults)
    add_MetadataServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call] # generated
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield MetadataServiceStub(channel)  # type: ignore[no-untyped-call] # generated
    await server.stop(None)


async def test_an_instrument_is_given_with_its_grid_as_decimal_strings(stub: Any) -> None:
    answer = await stub.GetInstrument(metadata_pb2.GetInstrumentRequest(symbol="BTCUSDT"))
    instrument = answer.instrument
    assert (instrument.base_currency, instrument.quote_currency) == ("BTC", "USDT")
    assert (instrument.tick_size, instrument.lot_size, instrument.min_notional) == ("0.01", "0.00001", "5")
    assert instrument.status == metadata_pb2.INSTRUMENT_STATUS_TRADING
    assert instrument.version == 1


async def test_all_instruments_are_listed(stub: Any) -> None:
    answer = await stub.ListInstruments(metadata_pb2.ListInstrumentsRequest())
    assert [instrument.symbol for instrument in answer.instruments] == ["BTCUSDT", "ETHUSDT"]


async def test_a_halted_instrument_is_given_as_halted_with_its_next_version(
    stub: Any, exchange: Exchange
) -> None:
    exchange.halt(1, "BTCUSDT", "test")
    answer = await stub.GetInstrument(metadata_pb2.GetInstrumentRequest(symbol="BTCUSDT"))
    assert answer.instrument.status == metadata_pb2.INSTRUMENT_STATUS_HALTED
    assert answer.instrument.version == 2


async def test_an_unknown_symbol_is_not_found(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="'NOPE' is not listed") as refused:
        await stub.GetInstrument(metadata_pb2.GetInstrumentRequest(symbol="NOPE"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_service_can_be_told_to_be_out(stub: Any, faults: FaultTable) -> None:
    faults.add(Fault.model_validate({"operation": "metadata", "kind": "error", "count": 1}))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ListInstruments(metadata_pb2.ListInstrumentsRequest())
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    await stub.ListInstruments(metadata_pb2.ListInstrumentsRequest())
