import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import grpc
import pytest

from market_maker.clients.metadata import (
    MetadataClient,
    MetadataInvalidError,
    MetadataUnavailableError,
    UnknownSymbolError,
)
from market_maker.core.instrument import Instrument, InstrumentStatus
from tradex_contracts import metadata_pb2 as pb

Context = grpc.aio.ServicerContext[Any, Any]
Get = Callable[[pb.GetInstrumentRequest, Context], Awaitable[pb.GetInstrumentResponse]]


def on_the_wire(**changes: Any) -> pb.Instrument:
    fields: dict[str, Any] = {
        "symbol": "BTC-USDT",
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "tick_size": "0.01",
        "lot_size": "1E-5",
        "min_notional": "5",
        "status": pb.INSTRUMENT_STATUS_TRADING,
        "version": 7,
    }
    return pb.Instrument(**{**fields, **changes})


def always(instrument: pb.Instrument) -> Get:
    async def get(_request: pb.GetInstrumentRequest, _context: Context) -> pb.GetInstrumentResponse:
        return pb.GetInstrumentResponse(instrument=instrument)

    return get


async def not_listed(request: pb.GetInstrumentRequest, context: Context) -> pb.GetInstrumentResponse:
    await context.abort(grpc.StatusCode.NOT_FOUND, f"no {request.symbol}")


async def internal_error(_request: pb.GetInstrumentRequest, context: Context) -> pb.GetInstrumentResponse:
    await context.abort(grpc.StatusCode.INTERNAL, "out of order")


@asynccontextmanager
async def metadata_service(
    get: Get, listed: tuple[pb.Instrument, ...] = (), deadline_s: float = 5
) -> AsyncIterator[MetadataClient]:
    async def list_all(_request: pb.ListInstrumentsRequest, _context: Context) -> pb.ListInstrumentsResponse:
        return pb.ListInstrumentsResponse(instruments=listed)

    handlers = {
        "GetInstrument": grpc.unary_unary_rpc_method_handler(
            get,
            request_deserializer=pb.GetInstrumentRequest.FromString,
            response_serializer=pb.GetInstrumentResponse.SerializeToString,
        ),
        "ListInstruments": grpc.unary_unary_rpc_method_handler(
            list_all,
            request_deserializer=pb.ListInstrumentsRequest.FromString,
            response_serializer=pb.ListInstrumentsResponse.SerializeToString,
        ),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("tradex.metadata.v1.MetadataService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    client = MetadataClient(f"127.0.0.1:{port}", deadline_s)
    try:
        yield client
    finally:
        await client.close()
        await server.stop(grace=None)


async def test_an_instrument_comes_with_its_exact_grid() -> None:
    async with metadata_service(always(on_the_wire())) as client:
        assert await client.get_instrument("BTC-USDT") == Instrument(
            "BTC-USDT",
            "BTC",
            "USDT",
            Decimal("0.01"),
            Decimal("0.00001"),
            Decimal(5),
            InstrumentStatus.TRADING,
            7,
        )


async def test_every_listed_instrument_is_given_whatever_its_status() -> None:
    listed = (
        on_the_wire(symbol="A", min_notional="0"),
        on_the_wire(symbol="B", status=pb.INSTRUMENT_STATUS_HALTED),
        on_the_wire(symbol="C", status=pb.INSTRUMENT_STATUS_DELISTED),
    )
    async with metadata_service(not_listed, listed) as client:
        instruments = (await client.list_instruments()).instruments
        assert await client.health() is None
    assert [(instrument.symbol, instrument.status) for instrument in instruments] == [
        ("A", InstrumentStatus.TRADING),
        ("B", InstrumentStatus.HALTED),
        ("C", InstrumentStatus.DELISTED),
    ]


async def test_a_symbol_that_is_not_listed_is_unknown() -> None:
    async with metadata_service(not_listed) as client:
        with pytest.raises(UnknownSymbolError, match="does not list 'DOGE-USDT'"):
            await client.get_instrument("DOGE-USDT")


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("tick_size", "0", "must be a positive decimal"),
        ("tick_size", "", "must be a positive decimal"),
        ("tick_size", "-0.01", "must be a positive decimal"),
        ("tick_size", "NaN", "must be a positive decimal"),
        ("tick_size", "0,01", "must be a positive decimal"),
        ("lot_size", "Infinity", "must be a positive decimal"),
        ("lot_size", "1e999999", "must be a positive decimal"),
        ("min_notional", "-1", "must be a decimal, zero or more"),
        ("min_notional", "five", "must be a decimal, zero or more"),
        ("status", 0, "must be TRADING, HALTED or DELISTED"),
        ("status", 17, "must be TRADING, HALTED or DELISTED"),
        ("symbol", "ETH-USDT", "must answer with what was asked"),
        ("symbol", "", "must answer with what was asked"),
    ],
)
async def test_an_instrument_that_cannot_be_quoted_on_names_field_value_and_fix(
    field: str, value: object, fix: str
) -> None:
    async with metadata_service(always(on_the_wire(**{field: value}))) as client:
        with pytest.raises(MetadataInvalidError) as caught:
            await client.get_instrument("BTC-USDT")
    assert (caught.value.field, caught.value.value) == (field, str(value))
    assert fix in caught.value.fix
    assert "BTC-USDT" in str(caught.value)


async def test_the_good_instruments_of_a_list_are_given_and_the_bad_ones_named() -> None:
    listed = (on_the_wire(symbol=""), on_the_wire(), on_the_wire(symbol="X", tick_size="0"))
    async with metadata_service(not_listed, listed) as client:
        offer = await client.list_instruments()
    assert [instrument.symbol for instrument in offer.instruments] == ["BTC-USDT"]
    assert [(error.symbol, error.field) for error in offer.unusable] == [("", "symbol"), ("X", "tick_size")]


async def test_an_error_of_the_service_means_unavailable() -> None:
    async with metadata_service(internal_error) as client:
        with pytest.raises(MetadataUnavailableError, match="INTERNAL: out of order"):
            await client.get_instrument("BTC-USDT")


async def test_a_service_that_is_not_there_means_unavailable_and_names_the_setting() -> None:
    client = MetadataClient("127.0.0.1:1", deadline_s=5)
    with pytest.raises(MetadataUnavailableError, match=r"METADATA_SERVICE_GRPC_URL: .* 127\.0\.0\.1:1 "):
        await client.get_instrument("BTC-USDT")
    with pytest.raises(MetadataUnavailableError):
        await client.list_instruments()
    health = await client.health()
    await client.close()
    assert "UNAVAILABLE" in (health or "")


async def test_a_service_that_hangs_is_given_up_at_the_deadline() -> None:
    given_up = asyncio.Event()

    async def hang(_request: pb.GetInstrumentRequest, _context: Context) -> pb.GetInstrumentResponse:
        await given_up.wait()
        return pb.GetInstrumentResponse()

    async with metadata_service(hang, deadline_s=0.1) as client:
        with pytest.raises(MetadataUnavailableError, match="DEADLINE_EXCEEDED"):
            await client.get_instrument("BTC-USDT")
        given_up.set()
