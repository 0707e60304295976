"""What must hold of an engine's commands, measured at the exchange model's truth.

The numbers in the messages are those of DESIGN's list.
"""

from fractions import Fraction
from typing import TYPE_CHECKING

from tests.support.folding import fold

from market_maker.core import commands as cmd
from market_maker.core.pricing.reference_mid import MidSource
from market_maker.core.side import Side
from market_maker.core.states import State

if TYPE_CHECKING:
    from tests.support.world import World

SECOND_NS = 1_000_000_000
_CANCELS = (cmd.CancelOrder, cmd.CancelAll)
_OTHER_REQUESTS = (cmd.PlaceOrder, cmd.QueryOrder, cmd.QueryOpenOrders)


def check(world: "World") -> None:
    """After every step."""
    check_fills(world)
    engine = world.engine
    check_parts(world)
    if engine.is_clear and not any(flight.given_up for flight in world.flights):
        assert not _open_of_ours(world), "zero was proven wrongly"
    assert (engine.symbol.kill is not None) == (world.state is State.HALTED)
    engine.view()


def check_reference(world: "World") -> None:
    """15: the mid is within a tick of the crowd's at its sequence, or marked uncertain."""
    symbol = world.engine.symbol
    mid, top = symbol.mid, world.exchange.tops.get(symbol.mid_sequence)
    if mid is None or mid.source is not MidSource.BOOK or symbol.undecided is not None or top is None:
        return
    bid, ask = top
    if bid is not None and ask is not None:
        true = Fraction(bid + ask, 2)
        assert abs(mid.ticks - true) <= 1, f"15: mid {mid.ticks} at {symbol.mid_sequence}, others' is {true}"


def check_order(commands: list[cmd.Command]) -> None:
    """Cancels, then other requests, then everything else."""
    ranks = [
        0 if isinstance(command, _CANCELS) else 1 if isinstance(command, _OTHER_REQUESTS) else 2
        for command in commands
    ]
    assert ranks == sorted(ranks), "5: a cancel behind a new order, or a record before a request"


def check_transition(world: "World", record: cmd.RecordState) -> None:
    """A change of state, before the world takes it over."""
    assert record.from_state is world.state
    if world.state is State.HALTED:
        assert record.actor == "operator", "7: HALTED ended without a reset"
    if record.to_state is world.state:
        assert world.state is State.PAUSED, "only a rebase of the P&L leaves the state as it was"
    if world.state is State.HALTED or record.to_state is State.ACTIVE:
        assert not _possible(world), "7: reset or enabled while orders are open or unknown"


def check_placement(world: "World", command: cmd.PlaceOrder) -> None:
    """A new order, at the moment of its decision."""
    order, symbol = command.order, world.engine.symbol
    assert world.state is State.ACTIVE, "1: placed while not ACTIVE"
    assert symbol.kill is None, "1: placed while latched"
    world.ids[order.client_order_id] += 1
    assert world.ids[order.client_order_id] == 1, "4: an id used twice"
    world.sends = [at_ns for at_ns in world.sends if world.now_ns - at_ns <= SECOND_NS]
    world.sends.append(world.now_ns)
    assert len(world.sends) <= world.limits.max_orders_per_second, "5: too many in a second"
    _check_market(world)
    _check_price(world, command)
    _check_position(world, command)


def check_fills(world: "World") -> None:
    """8: what is recorded are the exchange's executions, each once, and the position is their fold."""
    records = world.recorded_fills()
    counted = [(record.trade_id, record.side) for record in records]
    executed = {(fill.trade_id, fill.side) for fill in world.exchange.executions}
    assert len(counted) == len(set(counted)), "8: a fill twice"
    assert set(counted) <= executed, "8: a fill that never was"
    row = fold(records)
    assert world.engine.symbol.inventory.to_row() == row, "8: the position is not the fold of its fills"
    if records:
        assert records[-1].after == row
    if world.consumed == len(world.exchange.stream):
        assert set(counted) == executed, "8: a fill is missing"


def check_parts(world: "World") -> None:
    """18: the parts are the ledger's total to the last digit, and each is what it should be by itself."""
    symbol, fills = world.engine.symbol, [fill for fill in world.recorded_fills() if fill.after is not None]
    assert symbol.parts.total == symbol.total_pnl, "18: the parts are not the total"
    spread = sum(fill.side.sign * fill.quantity * (fill.mid - fill.price) for fill in fills if fill.mid)
    gross = symbol.gross_parts
    assert (gross.spread, gross.fees) == (spread, sum(fill.fee for fill in fills)), "18: spread or fees"
    if symbol.valuation is not None:
        cash = -sum(fill.side.sign * fill.quantity * fill.price for fill in fills)
        worth = symbol.inventory.position * symbol.valuation.price
        assert gross.inventory == cash + worth - gross.spread, "18: inventory"


def _check_market(world: "World") -> None:
    symbol, now_ns = world.engine.symbol, world.now_ns
    assert world.book_ok, "11: placed without a valid book"
    assert now_ns - world.book_data_ns <= symbol.staleness_ns, "11: placed from a stale book"
    points = (symbol.mark, symbol.last_trade)
    fallback = any(point is not None and now_ns - point.data_ns <= symbol.staleness_ns for point in points)
    assert world.exchange.shown_both_sides or fallback, "11: one-sided without a fallback"


def _check_price(world: "World", command: cmd.PlaceOrder) -> None:
    order, instrument, mid = command.order, world.instrument, world.engine.symbol.mid
    assert order.price == instrument.price(order.price_ticks), "3: off the grid"
    assert order.quantity == instrument.quantity(order.lots), "3: off the grid"
    assert order.price_ticks > 0
    assert order.lots > 0
    notional = order.price * order.quantity
    assert instrument.min_notional <= notional <= 10 * world.config.order_size_usdt, "3: notional"
    assert mid is not None
    price = mid.price(instrument)
    assert abs(order.price - price) * 10_000 <= price * world.limits.price_collar_bps, "3: collar"
    for side, ticks, _ in _possible(world):
        if side is not order.side:
            assert order.side.sign * (order.price_ticks - ticks) < 0, "3: own bid at or above own ask"


def _check_position(world: "World", command: cmd.PlaceOrder) -> None:
    """2: if everything of this side that is or may become open fills, the position stays in bounds."""
    order = command.order
    worst = order.side.sign * _position_lots(world) + order.lots
    worst += sum(lots for side, _, lots in _possible(world) if side is order.side)
    if worst > 0:
        exposure = world.instrument.quantity(worst) * order.price
        config = world.config
        allowed = config.max_position_usdt * (100 - config.position_headroom_pct) / 100
        assert exposure <= allowed, "2: the position limit less its headroom could be passed"


def _open_of_ours(world: "World") -> list[str]:
    """Open orders that this process knows or should know."""
    known = world.process.known
    return [order.order_id for order in world.exchange.open() if order.client_order_id in known]


def _possible(world: "World") -> list[tuple[Side, int, int]]:
    """(side, ticks, lots) of all orders of this process that are open or on their way in."""
    known = world.process.known
    found = [
        (order.side, order.price_ticks, order.left)
        for order in world.exchange.open()
        if order.client_order_id in known
    ]
    waiting = [command.order for command in world.queued]
    waiting += [
        flight.request.order
        for flight in world.flights
        if flight.answer is None and isinstance(flight.request, cmd.PlaceOrder)
    ]
    return found + [
        (order.side, order.price_ticks, order.lots) for order in waiting if order.client_order_id in known
    ]


def _position_lots(world: "World") -> int:
    """Lots of what was counted, and of what orders known here executed and nobody counted yet."""
    counted = {(record.trade_id, record.side) for record in world.recorded_fills()}
    known = world.process.known
    return sum(
        fill.side.sign * world.instrument.lots(fill.quantity)
        for fill in world.exchange.executions
        if (fill.trade_id, fill.side) in counted or fill.client_order_id in known
    )
