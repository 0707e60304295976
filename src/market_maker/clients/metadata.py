"""The Metadata Service's client: instruments over gRPC, checked before anything is quoted on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
import grpc.aio

from market_maker.clients.json_fields import parse_decimal
from market_maker.core.instrument import Instrument, InstrumentStatus
from tradex_contracts import metadata_pb2 as pb

DEADLINE_S: Final = 2.0
_SERVICE: Final = "/tradex.metadata.v1.MetadataService"
_STATUSES: Final = {
    pb.INSTRUMENT_STATUS_TRADING: InstrumentStatus.TRADING,
    pb.INSTRUMENT_STATUS_HALTED: InstrumentStatus.HALTED,
    pb.INSTRUMENT_STATUS_DELISTED: InstrumentStatus.DELISTED,
}
_SHOWN_MAX: Final = 60


class MetadataError(Exception):
    """No usable instrument from the Metadata Service."""


class UnknownSymbolError(MetadataError):
    """The exchange does not list the symbol."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        super().__init__(f"symbol: the Metadata Service does not list {symbol!r}; use a listed symbol")


class MetadataUnavailableError(MetadataError):
    """The Metadata Service did not answer, or not with success."""


class MetadataInvalidError(MetadataError):
    """An instrument came that nothing can be quoted on; names the field, the value and the fix."""

    def __init__(self, symbol: str, field: str, value: str, fix: str) -> None:
        self.symbol, self.field, self.value, self.fix = symbol[:_SHOWN_MAX], field, value, fix
        super().__init__(f"instrument {self.symbol!r}: {field} is {value!r}; {fix}")


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that the Metadata Service lists."""

    instruments: Sequence[Instrument]
    unusable: Sequence[MetadataInvalidError]
    """What is wrong with the others, the first fault of each."""


class MetadataClient:
    """Asks for instruments. Make and use it on its event loop; `close` it in the end.

    `address` is host:port. Every call has a deadline, in seconds. With `tls` the server's certificate must
    come from those of `ca_file`, or from those that gRPC brings along.
    """

    def __init__(
        self,
        address: str,
        deadline_s: float = DEADLINE_S,
        *,
        tls: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self._address = address
        self._deadline_s = deadline_s
        self._channel = _channel(address, tls=tls, ca_file=ca_file)
        self._get = self._channel.unary_unary(
            f"{_SERVICE}/GetInstrument",
            request_serializer=pb.GetInstrumentRequest.SerializeToString,
            response_deserializer=pb.GetInstrumentResponse.FromString,
        )
        self._list = self._channel.unary_unary(
            f"{_SERVICE}/ListInstruments",
            request_serializer=pb.ListInstrumentsRequest.SerializeToString,
            response_deserializer=pb.ListInstrumentsResponse.FromString,
        )

    async def get_instrument(self, symbol: str) -> Instrument:
        """The instrument as it stands now.

        Raises UnknownSymbolError, MetadataUnavailableError or MetadataInvalidError.
        """
        try:
            answer = await self._get(pb.GetInstrumentRequest(symbol=symbol), timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise UnknownSymbolError(symbol) from error
            self._unavailable(error)
        if answer.instrument.symbol != symbol:
            raise MetadataInvalidError(
                symbol,
                "symbol",
                answer.instrument.symbol,
                "the Metadata Service must answer with what was asked",
            )
        return read_instrument(answer.instrument)

    async def list_instruments(self) -> Offer:
        """Every listed instrument, and which of them nothing can be quoted on.

        Raises MetadataUnavailableError.
        """
        try:
            answer = await self._list(pb.ListInstrumentsRequest(), timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            self._unavailable(error)
        instruments: list[Instrument] = []
        unusable: list[MetadataInvalidError] = []
        for listed in answer.instruments:
            try:
                instruments.append(read_instrument(listed))
            except MetadataInvalidError as error:
                unusable.append(error)
        return Offer(instruments, unusable)

    async def health(self) -> str | None:
        """Why the Metadata Service does not answer; None when it does."""
        try:
            await self._list(pb.ListInstrumentsRequest(), timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            return _described(error)
        return None

    async def close(self) -> None:
        """Close the channel; calls under way end."""
        await self._channel.close(grace=None)

    def _unavailable(self, error: grpc.aio.AioRpcError) -> NoReturn:
        raise MetadataUnavailableError(
            f"METADATA_SERVICE_GRPC_URL: no answer from {self._address} ({_described(error)}); "
            f"check that the Metadata Service runs there"
        ) from error


def _channel(address: str, *, tls: bool, ca_file: str | None) -> grpc.aio.Channel:
    options = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.enable_http_proxy", 0))
    if not tls:
        return grpc.aio.insecure_channel(address, options=options)
    authorities = Path(ca_file).read_bytes() if ca_file is not None else None
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(authorities), options=options)


def read_instrument(message: pb.Instrument) -> Instrument:
    """The instrument in a message; MetadataInvalidError names what is wrong with it."""
    symbol = message.symbol
    if not symbol:
        raise MetadataInvalidError(symbol, "symbol", "", "it must name the instrument")
    if message.status not in _STATUSES:
        raise MetadataInvalidError(
            symbol, "status", str(message.status), "it must be TRADING, HALTED or DELISTED"
        )
    return Instrument(
        symbol=symbol,
        base_currency=message.base_currency,
        quote_currency=message.quote_currency,
        tick_size=_decimal(symbol, "tick_size", message.tick_size),
        lot_size=_decimal(symbol, "lot_size", message.lot_size),
        min_notional=_decimal(symbol, "min_notional", message.min_notional, zero_allowed=True),
        status=_STATUSES[message.status],
        version=message.version,
    )


def _decimal(symbol: str, field: str, text: str, *, zero_allowed: bool = False) -> Decimal:
    fix = f"it must be a {'decimal, zero or more' if zero_allowed else 'positive decimal'}, such as 0.01"
    value = parse_decimal(text, zero_allowed=zero_allowed)
    if value is None:
        raise MetadataInvalidError(symbol, field, text[:_SHOWN_MAX], fix)
    return value


def _described(error: grpc.aio.AioRpcError) -> str:
    code: Any = error.code()
    return f"{code.name}: {error.details()}"
