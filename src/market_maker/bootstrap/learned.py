"""Writes down each minute what quoting models have learned, and reads it back at a start.

A model that must see ten minutes of a market before it quotes would else lose them with every restart. What
is written is the model's own text, under the owner's epoch. At most the last minute is lost with a process.
A model judges by the exchange's times how much of its past still counts: a calibration forgets what lies
outside of its window, and while too little is left `linear_skew` quotes, as status and alert say.
"""

import time
from datetime import UTC, datetime
from typing import Final

import structlog

from market_maker.actors.supervisor import Supervisor
from market_maker.actors.worker import Worker
from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.pricing.model_quotes import ModelQuotes
from market_maker.core.pricing.models.registry import DEFAULT
from market_maker.repositories.executor import Database
from market_maker.repositories.learned import LearnedRepository

EVERY_S: Final = 60.0
AGE_S_MAX: Final = 90_000.0
"""The longest window that a model can be given: what is older is not even shown to it."""

_log = structlog.get_logger()


class LearnedWriter:
    """What the models of this instance's symbols have learned."""

    def __init__(self, database: Database, supervisor: Supervisor) -> None:
        self._learned = LearnedRepository(database)
        self._supervisor = supervisor
        self._written_s: dict[str, float] = {}

    def is_due(self, worker: Worker) -> bool:
        """Whether a minute has passed since it was written, or since it was first asked about."""
        if not worker.tenure.is_held or worker.engine.symbol.model_quotes is None:
            return False
        now_s = time.monotonic()
        return now_s - self._written_s.setdefault(worker.name, now_s) >= EVERY_S

    async def write(self, worker: Worker) -> None:
        """Write what the symbol's model has learned; nothing without one. Raises DatabaseError."""
        symbol = worker.engine.symbol
        epoch, model, instrument = worker.tenure.epoch, symbol.model_quotes, symbol.instrument
        if model is None or epoch is None or not (learned := model.learned(model.name, instrument)):
            return
        await self._learned.save(
            worker.name, epoch, model.name, instrument.tick_size, instrument.lot_size, learned
        )
        self._written_s[worker.name] = time.monotonic()


class LearnedReader:
    """Gives a start what the symbol's model can go on from."""

    def __init__(self, database: Database) -> None:
        self._learned = LearnedRepository(database)

    async def of_use(self, config: SymbolConfig, instrument: Instrument) -> str:
        """The model's text; empty when there is none, or none that it can read. Raises DatabaseError."""
        if config.model == DEFAULT:
            return ""
        record = await self._learned.get(config.symbol)
        if record is None:
            return ""
        told = {"symbol": config.symbol, "model": config.model}
        same_grid = (record.tick_size, record.lot_size) == (instrument.tick_size, instrument.lot_size)
        if record.model != config.model or not same_grid:
            _log.info("model_begins_anew", reason="it learned of another model or grid", **told)
            return ""
        age_s = (datetime.now(UTC) - record.made_at).total_seconds()
        if age_s > AGE_S_MAX:
            _log.warning("model_begins_anew", reason="what it learned is too old", age_s=round(age_s), **told)
            return ""
        try:
            ModelQuotes(config, instrument, record.learned)
        except ValueError as error:
            _log.warning("model_begins_anew", reason=str(error), **told)
            return ""
        _log.info("model_goes_on", age_s=round(age_s), **told)
        return record.learned
