"""Starting and stopping symbols: their configuration, their instrument, their restored state, their actor."""

import asyncio
import time
from collections.abc import Mapping, Set
from contextlib import suppress
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.bootstrap.checkpoints import Checkpoints
from market_maker.bootstrap.restore import Restorer
from market_maker.clients.metadata import (
    MetadataClient,
    MetadataError,
    MetadataInvalidError,
    MetadataUnavailableError,
    Offer,
    UnknownSymbolError,
)
from market_maker.core.config import SymbolConfig
from market_maker.core.events import ConfigChanged, Fault, InstrumentUpdated
from market_maker.core.instrument import Instrument
from market_maker.core.obligations import Programme
from market_maker.core.states import KillReason
from market_maker.repositories.configs import ConfigRecord, ConfigRepository
from market_maker.repositories.executor import Database
from market_maker.streams.instrument_table import InstrumentTable

RETRY_S: Final = 1.0

_log = structlog.get_logger()


class Markets:
    """All configured symbols, and the actors of those that are ours.

    It also keeps the grids on which the poll thread reads their books.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        metadata: MetadataClient,
        table: InstrumentTable,
        database: Database,
        programmes: Mapping[str, tuple[Programme, ...]],
        checkpoints: Checkpoints,
    ) -> None:
        """`programmes` are what each symbol has to keep."""
        self._supervisor = supervisor
        self._metadata = metadata
        self._table = table
        self._configs = ConfigRepository(database)
        self._checkpoints = checkpoints
        self._restorer = Restorer(database, programmes, checkpoints.counted)
        self._shown: dict[str, Instrument] = {}
        self._known: dict[str, ConfigRecord] = {}
        self._fingerprint: object = None

    # --- configurations -------------------------------------------------------------------------

    @property
    def symbols(self) -> Set[str]:
        """Every configured symbol, whoever owns it, as of the last look."""
        return self._known.keys()

    @property
    def configs(self) -> dict[str, SymbolConfig]:
        """Every configuration, as of the last look."""
        return {symbol: record.config for symbol, record in self._known.items()}

    async def read_configs(self) -> bool:
        """Read the configurations if any has changed; returns whether any had. Raises DatabaseError.

        A symbol of ours is told of its new configuration.
        """
        fingerprint = await self._configs.fingerprint()
        if fingerprint == self._fingerprint:
            return False
        records = await self._configs.refreshed(self._known)
        for record in records.values():
            known = self._known.get(record.config.symbol)
            if known is None or record.updated_at > known.updated_at:
                self.changed(record)
        self._known = records
        self._fingerprint = fingerprint
        return True

    def changed(self, record: ConfigRecord) -> None:
        """A configuration was written: the newest one that is known goes to its engine."""
        symbol = record.config.symbol
        known = self._known.get(symbol)
        if known is None or record.updated_at >= known.updated_at:
            self._known[symbol] = record
            self._supervisor.tell(symbol, ConfigChanged(time.monotonic_ns(), record.config, "desk"))

    def removed(self, symbol: str) -> None:
        """A configuration was deleted."""
        self._known.pop(symbol, None)

    async def is_configured(self, symbol: str) -> bool:
        """Whether the symbol has a configuration at this moment. Raises DatabaseError."""
        return await self._configs.get(symbol) is not None

    async def require_metadata(self) -> None:
        """Raises MetadataUnavailableError when symbols are configured and nobody can describe them."""
        for symbol in sorted(self._known)[:1]:
            with suppress(UnknownSymbolError, MetadataInvalidError):
                await self._metadata.get_instrument(symbol)

    # --- instruments ----------------------------------------------------------------------------

    async def instrument(self, symbol: str) -> Instrument:
        """The instrument as Metadata describes it. Raises MetadataError."""
        return await self._metadata.get_instrument(symbol)

    async def instruments(self) -> Offer:
        """Every instrument that Metadata offers. Raises MetadataError."""
        return await self._metadata.list_instruments()

    async def refresh(self, symbol: str) -> None:
        """Ask Metadata for a symbol again until it has answered, and tell the symbol's actor.

        For when its partitions were just assigned: what was told of an instrument before that was not heard.
        """
        while True:
            try:
                instrument = await self._metadata.get_instrument(symbol)
            except MetadataUnavailableError as error:
                _log.warning("instrument_not_refreshed", symbol=symbol, reason=str(error))
                await asyncio.sleep(RETRY_S)
            except MetadataError as error:
                detail = f"metadata: {error}"
                self._supervisor.tell(symbol, Fault(time.monotonic_ns(), KillReason.MARKET_HALT, detail))
                return
            else:
                self._table.supersede(instrument)  # what is read from here on is newer than the event
                self._supervisor.tell(symbol, InstrumentUpdated(time.monotonic_ns(), instrument, "metadata"))
                return

    # --- actors ---------------------------------------------------------------------------------

    async def start(self, symbol: str, instrument: Instrument, tenure: Tenure) -> Worker | None:
        """Restore a symbol and start its actor; None when it is not configured any more.

        Raises DatabaseError.
        """
        record = await self._configs.get(symbol)
        if record is None:
            self.removed(symbol)
            return None
        restored, open_orders = await self._restorer.restore(record.config, instrument, tenure.epoch)
        self._known[symbol] = record
        worker = self._supervisor.start(restored, tenure, open_orders)
        self.show_grids()
        return worker

    async def stop(self, symbol: str) -> None:
        """End a symbol's actor."""
        await self._supervisor.stop(symbol)
        self.show_grids()

    async def before_release(self, symbol: str) -> None:
        """Write down what spares the symbol's next owner work; never raises for a database that is away."""
        await self._checkpoints.before_release(symbol)

    def show_grids(self) -> None:
        """Let the poll thread read books on the grids that the engines now work on."""
        instruments = {worker.name: worker.engine.symbol.instrument for worker in self._supervisor}
        if instruments != self._shown:
            self._shown = instruments
            self._table.replace(instruments.values())
