"""Starting and stopping symbols: their instrument, their restored state, their actor."""

import asyncio
import time
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tenure import Tenure
from market_maker.bootstrap.restore import Restorer
from market_maker.clients.metadata import (
    MetadataClient,
    MetadataError,
    MetadataInvalidError,
    MetadataUnavailableError,
    UnknownSymbolError,
)
from market_maker.core.config import SymbolConfig
from market_maker.core.events import Fault, InstrumentUpdated
from market_maker.core.instrument import Instrument
from market_maker.core.states import KillReason
from market_maker.repositories.configs import ConfigRepository
from market_maker.repositories.executor import Database
from market_maker.streams.instrument_table import InstrumentTable

REFRESH_RETRY_S: Final = 1.0

_log = structlog.get_logger()


class Fleet:
    """The symbols of this process, and the grids on which the poll thread reads their books."""

    def __init__(
        self,
        supervisor: Supervisor,
        metadata: MetadataClient,
        table: InstrumentTable,
        database: Database,
    ) -> None:
        self._supervisor = supervisor
        self._metadata = metadata
        self._table = table
        self._configs = ConfigRepository(database)
        self._restorer = Restorer(database)
        self._shown: dict[str, Instrument] = {}

    async def start_all(self) -> None:
        """Start every configured symbol.

        One that Metadata does not know, or describes wrongly, is left out and reported. Raises
        MetadataUnavailableError and DatabaseError.
        """
        for record in await self._configs.list():
            symbol = record.config.symbol
            try:
                instrument = await self._metadata.get_instrument(symbol)
            except (UnknownSymbolError, MetadataInvalidError) as error:
                _log.error("symbol_left_out", symbol=symbol, reason=str(error))
                continue
            await self.start(record.config, instrument)

    async def instrument(self, symbol: str) -> Instrument:
        """The instrument as Metadata describes it. Raises MetadataError."""
        return await self._metadata.get_instrument(symbol)

    async def refresh_instruments(self) -> None:
        """Ask Metadata for every symbol again, until it has answered for each.

        For when partitions were just assigned: what was told of an instrument before that was not heard.
        """
        waiting = {worker.name for worker in self._supervisor}
        while waiting:
            for symbol in sorted(waiting):
                if await self._refresh(symbol):
                    waiting.discard(symbol)
            if waiting:
                await asyncio.sleep(REFRESH_RETRY_S)

    async def _refresh(self, symbol: str) -> bool:
        """Whether there is nothing more to ask for the symbol."""
        try:
            instrument = await self._metadata.get_instrument(symbol)
        except MetadataUnavailableError as error:
            _log.warning("instrument_not_refreshed", symbol=symbol, reason=str(error))
            return False
        except MetadataError as error:
            detail = f"metadata: {error}"
            self._supervisor.tell(symbol, Fault(time.monotonic_ns(), KillReason.MARKET_HALT, detail))
            return True
        self._supervisor.tell(symbol, InstrumentUpdated(time.monotonic_ns(), instrument, "metadata"))
        return True

    async def start(self, config: SymbolConfig, instrument: Instrument) -> None:
        """Restore a symbol and start its actor. Raises DatabaseError."""
        restored, open_orders = await self._restorer.restore(config, instrument)
        self._supervisor.start(restored, Tenure(None, None), open_orders)
        self.show_grids()

    async def stop(self, symbol: str) -> None:
        """End a symbol's actor."""
        await self._supervisor.stop(symbol)
        self.show_grids()

    def show_grids(self) -> None:
        """Let the poll thread read books on the grids that the engines now work on."""
        instruments = {worker.name: worker.engine.symbol.instrument for worker in self._supervisor}
        if instruments != self._shown:
            self._shown = instruments
            self._table.replace(instruments.values())
