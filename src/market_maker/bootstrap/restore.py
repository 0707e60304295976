"""What a symbol's engine starts from: its rows, the fold of its fills, and its instrument."""

import secrets
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import structlog

from market_maker.bootstrap.checkpoints import FILLS_MAX
from market_maker.bootstrap.learned import LearnedReader
from market_maker.bootstrap.whole_history import whole_history
from market_maker.core.config import TRADE_KEYS_MAX, SymbolConfig
from market_maker.core.engine.symbol import Restored
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.fold import Fold
from market_maker.core.obligations import Programme
from market_maker.core.orders.ids import RAND_B_BITS, IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.core.risk.kill_switch import BEFORE_THE_RESTART, Trigger
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.repositories.checkpoints import CheckpointRepository
from market_maker.repositories.executor import Database
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.markouts import MarkoutRepository
from market_maker.repositories.orders import OrderRecord, OrderRepository
from market_maker.repositories.positions import PositionRepository
from market_maker.repositories.states import StateRecord, StateRepository

FOLD_PAGE_ROWS: Final = 200
"""Fills folded before the event loop has its turn: other symbols of this process may be quoting, and up to
eight restore at once. With pages of 10,000 they were kept waiting for seconds."""

_log = structlog.get_logger()


class Restorer:
    """Reads back what earlier processes made durable."""

    def __init__(
        self,
        database: Database,
        programmes: Mapping[str, tuple[Programme, ...]] = MappingProxyType({}),
        counted: Callable[[str, int], None] = lambda _symbol, _fills: None,
    ) -> None:
        """`counted` is told how many fills the checkpoint of a restored symbol counts."""
        self._database = database
        self._programmes = programmes
        self._counted = counted
        self._checkpoints = CheckpointRepository(database)
        self._fills = FillRepository(database)
        self._learned = LearnedReader(database)
        self._markouts = MarkoutRepository(database)
        self._orders = OrderRepository(database)
        self._positions = PositionRepository(database)
        self._states = StateRepository(database)

    async def restore(
        self, config: SymbolConfig, instrument: Instrument, epoch: int | None
    ) -> tuple[Restored, tuple[Order, ...]]:
        """The engine's start, and the orders that were not final when the last process ended.

        What is written on the way is written under the epoch, None where nobody else is.
        """
        symbol = config.symbol
        fold = await self._fold(symbol, epoch)
        keys = await self._fills.recent_keys(symbol, TRADE_KEYS_MAX)
        state = await self._states.get(symbol)
        if state is not None and state.state is State.HALTED and state.kill_reason is None:
            _log.error("state_of_another_version", symbol=symbol, reason=state.reason, taken_as="HALTED")
        restored = Restored(
            config=config,
            instrument=instrument,
            state=State.PAUSED if state is None else state.state,
            state_reason="never enabled" if state is None else state.reason,
            state_actor="system" if state is None else state.actor,
            kill=_kill(state),
            pnl_baseline=ZERO if state is None else state.pnl_baseline,
            inventory=fold.inventory,
            trade_keys=tuple(keys),
            ids=IdSeed(secrets.randbits(RAND_B_BITS), time.time_ns() // 1_000_000, time.monotonic_ns()),
            filled_by_order=tuple(fold.filled.items()),
            applied=await self._positions.applied(symbol),
            rebase_pending=state is not None and state.rebase_pending,
            phase=zlib.crc32(symbol.encode()),
            spread_baseline=ZERO if state is None else state.spread_baseline,
            fees_baseline=ZERO if state is None else state.fees_baseline,
            due_markouts=await self._markouts.unfinished(symbol),
            programmes=self._programmes.get(symbol, ()),
            learned=await self._learned.of_use(config, instrument),
        )
        return restored, _orders(await self._orders.open(symbol), instrument)

    async def _fold(self, symbol: str, epoch: int | None) -> Fold:
        """What all fills make: the checkpoint, and the fills since then.

        A stored position that this does not come to may differ without harm: a fill whose records were
        dropped here and read again elsewhere, or one that came while nobody had configured the symbol. Then
        every fill is folded, and the fills win, in the table too.
        """
        checkpoint = await self._checkpoints.readable(symbol)
        counted = 0 if checkpoint is None else checkpoint.position.fill_count
        fold = checkpoint or await whole_history(self._database, symbol, FOLD_PAGE_ROWS)
        async for fill in self._fills.fold_rows(symbol, FOLD_PAGE_ROWS, fold.last_id):
            fold.apply(fill)
        stored = await self._positions.get(symbol)
        if stored is not None and stored != fold.position:
            if checkpoint is not None:
                fold, counted = await whole_history(self._database, symbol, FOLD_PAGE_ROWS), -FILLS_MAX
            _log.error(
                "position_differs_from_fills", symbol=symbol, stored=str(stored), fills=str(fold.position)
            )
            await self._positions.save({symbol: fold.position}, datetime.now(UTC))
        if epoch is not None and fold.position.fill_count - counted >= FILLS_MAX:
            await self._checkpoints.save(symbol, epoch, fold)
            counted = fold.position.fill_count
        self._counted(symbol, max(counted, 0))
        return fold


ZERO = Decimal(0)


def _kill(state: StateRecord | None) -> Trigger | None:
    """The latch that the last process left; a HALTED row always has one."""
    if state is None or (state.kill_reason is None and state.state is not State.HALTED):
        return None
    reason = state.kill_reason or KillReason.MANUAL
    return Trigger(reason, state.reason.removeprefix(f"{reason.value}: "), BEFORE_THE_RESTART)


def _orders(records: Sequence[OrderRecord], instrument: Instrument) -> tuple[Order, ...]:
    return tuple(_order(record, instrument) for record in records)


def _order(record: OrderRecord, instrument: Instrument) -> Order:
    return Order.of_earlier_process(
        record.client_order_id,
        record.order_id,
        Side(record.side),
        record.level,
        record.price,
        record.quantity,
        record.filled_quantity,
        instrument,
        time.monotonic_ns(),
    )
