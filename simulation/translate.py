"""From the exchange's records to the core's events and back, as the wire contracts do it."""

from dataclasses import replace
from decimal import Decimal

from market_maker.core import events as ev
from market_maker.core.book.grid import GridCache
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.side import Side
from tradex_sandbox import market_events, orders

ACCOUNT = "market-maker"

_SIDES = {orders.Side.BUY: Side.BUY, orders.Side.SELL: Side.SELL}
_KINDS = {
    market_events.OrderAccepted: ev.OrderEventKind.ACCEPTED,
    market_events.OrderCanceled: ev.OrderEventKind.CANCELED,
    market_events.OrderFilled: ev.OrderEventKind.FILLED,
    market_events.OrderRejected: ev.OrderEventKind.REJECTED,
}


def new_order(order: CheckedOrder) -> orders.NewOrder:
    """The body of a placement."""
    return orders.NewOrder(
        order.symbol,
        orders.Side(order.side.value.lower()),
        orders.OrderType.LIMIT,
        orders.TimeInForce.GTC,
        post_only=True,
        price=order.price,
        quantity=order.quantity,
        client_order_id=order.client_order_id,
        idempotency_key=order.client_order_id,
        account_id=ACCOUNT,
        user_id=ACCOUNT,
        account_type="SYSTEM_MARKET_MAKER",
    )


def exchange_order(order: orders.Order) -> ev.ExchangeOrder:
    """An order as the Order Service reports it."""
    return ev.ExchangeOrder(
        order.order_id,
        order.new.client_order_id,
        _SIDES[order.new.side],
        order.new.price or Decimal(0),
        order.new.quantity,
        order.filled_quantity,
        ev.ExchangeStatus(order.status.value),
    )


def execution(trade: market_events.Trade) -> ev.Execution | None:
    """Our side of a trade; None when it is none of ours."""
    is_maker = trade.maker_account_id == ACCOUNT
    if not is_maker and trade.taker_account_id != ACCOUNT:
        return None
    taker_side = _SIDES[trade.taker_side]
    return ev.Execution(
        0,
        trade.trade_id,
        taker_side.opposite if is_maker else taker_side,
        trade.price,
        trade.quantity,
        trade.maker_fee if is_maker else trade.taker_fee,
        trade.maker_order_id if is_maker else trade.taker_order_id,
        trade.maker_client_order_id if is_maker else trade.taker_client_order_id,
        is_maker,
        trade.sequence,
        trade.at_us,
    )


def order_event(event: market_events.OrderEvent) -> ev.OrderEvent | None:
    """The matching engine's word on one of our orders; None when it is none of ours."""
    if event.account_id != ACCOUNT:
        return None
    return ev.OrderEvent(
        0,
        _KINDS[type(event)],
        event.order_id,
        event.client_order_id,
        event.reason or None,
        event.sequence,
        happened_at_us=event.at_us,
    )


def trade(message: market_events.PublicTrade, at_ns: int, data_ns: int, exchange_us: int) -> ev.PublicTrade:
    """A public trade as the engine hears of it."""
    side = _SIDES[message.taker_side]
    return ev.PublicTrade(at_ns, data_ns, message.price, message.trade_id, None, side, exchange_us)


def book(
    message: market_events.BookDelta | market_events.BookSnapshot,
    grid: GridCache,
    at_ns: int,
    data_ns: int,
    exchange_us: int,
) -> ev.BookDelta | ev.BookSnapshot:
    """A book message in ticks and lots; OffGridError when it is on another grid."""
    bids, asks = _levels(message.bids, grid), _levels(message.asks, grid)
    if isinstance(message, market_events.BookSnapshot):
        return ev.BookSnapshot(at_ns, data_ns, message.sequence, bids, asks, None, exchange_us)
    return ev.BookDelta(
        at_ns, data_ns, message.prev_sequence, message.sequence, bids, asks, None, message.at_us
    )


def crossed(snapshot: market_events.BookSnapshot) -> market_events.BookSnapshot:
    """The same book with its sides told the wrong way round."""
    return replace(snapshot, bids=snapshot.asks, asks=snapshot.bids)


def _levels(levels: market_events.Levels, grid: GridCache) -> ev.Levels:
    return tuple((grid.ticks(price), grid.lots(quantity)) for price, quantity in levels)
