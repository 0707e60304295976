"""What the in-memory desk shows when a test says nothing else: pictures of symbols and rows of history."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from market_maker.core.commands import OrderStatus
from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.core.view import (
    BookView,
    Counters,
    ModelView,
    OrderView,
    PnlView,
    ReferenceView,
    SymbolView,
)
from market_maker.repositories.fills import FillRecord
from market_maker.repositories.orders import OrderRecord
from market_maker.repositories.outbox import OutboxEvent

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW_NS = 60_000_000_000


def instrument(symbol: str) -> Instrument:
    base, _, quote = symbol.partition("-")
    return Instrument(symbol, base, quote or "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))


def view_of(config: SymbolConfig) -> SymbolView:
    """A PAUSED symbol with a valid book, flat."""
    zero = Decimal(0)
    return SymbolView(
        at_ns=NOW_NS,
        symbol=config.symbol,
        shadow_mode=False,
        state=State.PAUSED,
        state_reason="started",
        state_actor="service",
        state_since_ns=0,
        kill=None,
        config=config,
        instrument=instrument(config.symbol),
        book=BookView(
            valid=True,
            invalid_reason="",
            sequence=42,
            best_bid=Decimal("100.00"),
            best_ask=Decimal("100.10"),
            data_ns=NOW_NS - 250_000_000,
        ),
        reference=ReferenceView(Decimal("100.05"), "book", 42, uncertain=False),
        pnl=PnlView(zero, None, zero, zero, zero, zero, zero, 0, zero, None, "", None, rebase_pending=False),
        orders=(),
        open_orders=0,
        unknown_orders=0,
        open_orders_at_exchange=0,
        proven_zero_at_ns=NOW_NS,
        model=ModelView(config.model, config.model, "", ""),
        quote=None,
        verdicts=(),
        no_quote_reason="paused",
        enable_problems=(),
        counters=Counters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ()),
    )


def order_view(side: Side, price: str, level: int = 0) -> OrderView:
    return OrderView(
        client_order_id=f"00000000-0000-7000-8000-{level:011d}{side is Side.SELL:d}",
        order_id=f"x{level}",
        side=side,
        level=level,
        price=Decimal(price),
        quantity=Decimal("1.0"),
        filled_quantity=Decimal("0.25"),
        status=OrderStatus.OPEN,
        sent_at_ns=NOW_NS - 1_000_000_000,
    )


def fill_row(row_id: int) -> FillRecord:
    return FillRecord(
        id=row_id,
        symbol="BTC-USDT",
        trade_id=f"t{row_id}",
        side=Side.BUY,
        price=Decimal("100.10"),
        quantity=Decimal("0.5"),
        fee=Decimal("-0.001"),
        order_id=f"o{row_id}",
        client_order_id=None,
        is_maker=True,
        sequence=row_id,
        executed_at=START,
        recorded_at=START,
        mid=None,
        level=None,
    )


def order_row(number: int) -> OrderRecord:
    return OrderRecord(
        client_order_id=f"00000000-0000-7000-8000-{number:012d}",
        order_id=f"o{number}",
        symbol="BTC-USDT",
        side=Side.SELL,
        level=0,
        price=Decimal("100.10"),
        quantity=Decimal("0.5"),
        filled_quantity=Decimal(0),
        status=OrderStatus.CANCELLED,
        reason="requote",
        created_at=START,
        updated_at=START,
    )


def event_row(row_id: int) -> OutboxEvent:
    return OutboxEvent(
        id=row_id,
        event_id=UUID(f"00000000-0000-7000-8000-{row_id:012d}"),
        topic="mm.state.changed.v1",
        symbol="BTC-USDT",
        payload={"symbol": "BTC-USDT", "from": "PAUSED", "to": "ACTIVE"},
        trace_id="",
        created_at=START,
        sent_at=None,
    )
