"""Records as an engine makes them, for tests of what becomes of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from market_maker.core.commands import (
    OrderStatus,
    PositionRow,
    Record,
    RecordFill,
    RecordOrder,
    RecordRisk,
    RecordState,
)
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.repositories.journal_entry import JournalEntry

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Fills:
    """Makes the fills of one symbol and keeps its position, as the engine does."""

    def __init__(self) -> None:
        self._inventory = Inventory()
        self._count = 0

    def next(
        self,
        side: Side = Side.BUY,
        quantity: str = "0.5",
        price: str = "60000.01",
        fee: str = "-0.3",
        *,
        mid: str | None = None,
        level: int | None = None,
    ) -> RecordFill:
        self._count += 1
        valued = None if mid is None else Decimal(mid)
        self._inventory.apply(side, Decimal(price), Decimal(quantity), Decimal(fee), valued)
        return RecordFill(
            trade_id=f"t{self._count}",
            side=side,
            price=Decimal(price),
            quantity=Decimal(quantity),
            fee=Decimal(fee),
            order_id=f"o{self._count}",
            client_order_id=f"c{self._count}",
            is_maker=True,
            sequence=1000 + self._count,
            executed_at_us=1_763_640_000_000_000 + self._count,
            after=self.position,
            mid=valued,
            level=level,
        )

    @property
    def position(self) -> PositionRow:
        return self._inventory.to_row()


def order(
    client_order_id: str = "c1", status: OrderStatus = OrderStatus.OPEN, order_id: str | None = "o1"
) -> RecordOrder:
    filled = Decimal("0.5") if status is OrderStatus.FILLED else Decimal(0)
    return RecordOrder(
        client_order_id=client_order_id,
        order_id=order_id,
        side=Side.SELL,
        level=2,
        price=Decimal("60000.10"),
        quantity=Decimal("0.5"),
        filled_quantity=filled,
        status=status,
        reason="",
    )


def state(
    to: State = State.ACTIVE,
    source: State = State.PAUSED,
    kill_reason: KillReason | None = None,
    *,
    rebase_pending: bool = False,
) -> RecordState:
    return RecordState(
        from_state=source,
        to_state=to,
        reason="the desk asked",
        actor="alice",
        kill_reason=kill_reason,
        pnl_baseline=Decimal("-12.50"),
        rebase_pending=rebase_pending,
    )


def risk() -> RecordRisk:
    return RecordRisk(
        reason=KillReason.EXPOSURE_BREACH,
        measured="10000.01",
        threshold="10000",
        position=Decimal("1E+1"),
        pnl=Decimal("-0.0000001"),
        open_orders=3,
        action="cancel all orders",
    )


def entry(*records: Record, symbol: str = "BTC-USDT", seconds: float = 0) -> JournalEntry:
    return JournalEntry(symbol, records, NOON + timedelta(seconds=seconds), TRACE)
