"""Both markets under random orders: readers of the deltas see the published book, and nothing is lost."""

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.sandbox_market import BTC, OTHERS, OURS, Capture, new_order, rebuilt
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.market_events import (
    BookDelta,
    BookSnapshot,
    MarketEvent,
    OrderAccepted,
    OrderCanceled,
    PublicTrade,
    Trade,
)
from tradex_sandbox.orders import Order, OrderFinal, OrderRefused, OrderStatus, Side

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("post", "take", "cancel", "wait")),
        st.sampled_from(Side),
        st.integers(-12, 12),
        st.integers(1, 3000),
        st.sampled_from((OURS, OTHERS)),
    ),
    min_size=1,
    max_size=40,
)

CROWD = st.lists(
    st.tuples(
        st.sampled_from(("depth", "trade")), st.integers(-10, 10), st.integers(0, 4), st.sampled_from(Side)
    ),
    min_size=10,
    max_size=60,
)
"""Where the crowd's middle goes, how much stands or trades there, and which side trades."""


def write_capture(path: Path, crowd: list[tuple[str, int, int, Side]]) -> None:
    """A capture whose book moves as a block of three levels on each side, one tick apart."""
    standing: dict[Side, dict[int, int]] = {Side.BUY: {999: 2, 998: 3}, Side.SELL: {1001: 2, 1002: 3}}

    def told(levels: dict[int, int]) -> list[tuple[str, str]]:
        return [(f"{ticks // 10}.{ticks % 10}", str(lots)) for ticks, lots in levels.items()]

    capture = Capture().opened(told(standing[Side.BUY]), told(standing[Side.SELL]))
    for kind, offset, lots, side in crowd:
        middle = 1000 + offset
        if kind == "trade":
            capture.trade(f"{middle // 10}.{middle % 10}", f"{lots + 1}", side)
            continue
        wanted = {
            Side.BUY: {middle - gap: lots + gap for gap in (1, 2, 3)},
            Side.SELL: {middle + gap: lots + gap for gap in (1, 2, 3)},
        }
        changes = {s: {**dict.fromkeys(standing[s], 0), **wanted[s]} for s in Side}
        capture.depth(told(changes[Side.BUY]), told(changes[Side.SELL]))
        standing = wanted
    capture.write(path)


def run(
    exchange: Exchange, actions: list[tuple[str, Side, int, int, str]], step_us: int
) -> list[MarketEvent]:
    """Play the actions, `step_us` apart; every event."""
    now_us = 1_000_000
    events = exchange.start(now_us)
    entered: list[str] = []
    for kind, side, offset, lots, account in actions:
        now_us += step_us
        price = None if kind == "take" and offset == 0 else str(Decimal(1000 + offset) / 10)
        try:
            if kind in ("post", "take"):
                order = new_order(
                    side, price, str(Decimal(lots) / 1000 + 1), account, post_only=kind == "post"
                )
                submitted = exchange.submit(now_us, order)
                events += submitted.events
                entered.append(submitted.order.order_id)
            elif kind == "cancel" and entered:
                events += exchange.cancel(now_us, entered[lots % len(entered)])[1]
        except (OrderRefused, OrderFinal):
            pass
        events += exchange.advance(now_us)
    events += exchange.advance(now_us + 100_000)
    check(exchange, events, entered)
    return events


def check(exchange: Exchange, events: list[MarketEvent], entered: list[str]) -> None:
    """The deltas lead to the snapshot; trades, orders and the account's record agree."""
    assert rebuilt(events, "BTCUSDT") == exchange.snapshot("BTCUSDT")
    for account in (OURS, OTHERS):
        check_others(exchange, events, entered, account)
    trades = [event for event in events if isinstance(event, Trade)]
    public = {event.trade_id: event.quantity for event in events if isinstance(event, PublicTrade)}
    assert all(public[trade.trade_id] == trade.quantity for trade in trades)
    assert all(trade.maker_account_id != trade.taker_account_id for trade in trades)
    filled: dict[str, Decimal] = {}
    for trade in trades:
        for order_id in (trade.maker_order_id, trade.taker_order_id):
            filled[order_id] = filled.get(order_id, Decimal(0)) + trade.quantity
    for order_id in entered:
        order = exchange.order(order_id)
        assert order.filled_quantity == filled.get(order_id, 0)
        assert (order.status is OrderStatus.FILLED) == (order.filled_quantity == order.new.quantity)
    for account in (OURS, OTHERS):
        done = exchange.executions(account, "BTCUSDT")
        mine = [trade for trade in trades if account in (trade.maker_account_id, trade.taker_account_id)]
        assert done.count == len(mine) == len(exchange.trades(account, "BTCUSDT"))
        assert done.volume == sum(trade.price * trade.quantity for trade in mine)


def check_others(exchange: Exchange, events: list[MarketEvent], entered: list[str], account: str) -> None:
    """At each sequence others' best bid and ask are those of the book without the account's orders."""
    mine = {
        order.order_id: order for order in map(exchange.order, entered) if order.new.account_id == account
    }
    left: dict[str, Decimal] = {}
    standing: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
    for event in events:
        if isinstance(event, OrderAccepted) and event.order_id in mine:
            left[event.order_id] = mine[event.order_id].new.quantity
        elif isinstance(event, OrderCanceled):
            left.pop(event.order_id or "", None)
        elif isinstance(event, Trade):
            for order_id in {event.maker_order_id, event.taker_order_id} & left.keys():
                left[order_id] -= event.quantity
        elif isinstance(event, BookSnapshot | BookDelta):
            standing[Side.BUY].update(event.bids)
            standing[Side.SELL].update(event.asks)
            own = [(mine[order_id], quantity) for order_id, quantity in left.items()]
            others = best_without(standing, own)
            assert exchange.others_top("BTCUSDT", event.sequence, account) == others


def best_without(
    standing: dict[Side, dict[Decimal, Decimal]], own: list[tuple[Order, Decimal]]
) -> tuple[Decimal | None, Decimal | None]:
    """Best bid and ask of levels from which these orders are taken out."""
    levels = {side: dict(standing[side]) for side in Side}
    for order, quantity in own:
        if quantity and order.new.price is not None:
            levels[order.new.side][order.new.price] -= quantity
    bids, asks = ([price for price, lots in levels[side].items() if lots] for side in (Side.BUY, Side.SELL))
    return max(bids, default=None), min(asks, default=None)


@settings(max_examples=60, deadline=None)
@given(CROWD, ACTIONS)
def test_recorded_market_holds_together(
    crowd: list[tuple[str, int, int, Side]], actions: list[tuple[str, Side, int, int, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market.gz"
        write_capture(path, crowd)
        exchange = Exchange()
        exchange.add_recorded(path, instrument=BTC)
        run(exchange, actions, step_us=1500)
        assert exchange.error("BTCUSDT") is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), ACTIONS)
def test_simulated_market_holds_together(seed: int, actions: list[tuple[str, Side, int, int, str]]) -> None:
    exchange = Exchange()
    exchange.add_simulated(BTC, Decimal(100), seed)
    run(exchange, actions, step_us=70_000)
