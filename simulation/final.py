"""What must hold when everything has come to rest, and afterwards."""

from collections.abc import Mapping
from contextlib import suppress

from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.ledger.markouts import HORIZONS_MS
from market_maker.core.states import KillReason, State
from simulation.process import DefectError, Life, plant_defect
from simulation.translate import ACCOUNT
from simulation.violation import Violation
from simulation.world import World

PERMITTED_REFUSALS = {
    KillReason.EXPOSURE_BREACH.value,
    KillReason.LOSS_BREACH.value,
    "NO_VALID_BOOK",
    "STALE_BOOK",
    "INVENTORY_UNKNOWN",
}


def check_at_rest(world: World) -> None:
    """Nothing open, every execution counted once, everything durable and committed."""
    process, store = world.process, world.store
    if process is None:
        raise Violation(14, "the service is not running")
    for symbol in world.symbols:
        truth = world.truth.of[symbol]
        open_orders = world.venue.exchange.open_orders(ACCOUNT, symbol)
        if open_orders:
            raise Violation(6, f"{symbol}: {len(open_orders)} orders are left at the exchange")
        stored = {(fill.trade_id, fill.side) for fill in store.fills_of(symbol)}
        if stored != set(truth.executions):
            missing = sorted(trade for trade, _ in set(truth.executions) - stored)
            raise Violation(8, f"{symbol}: not stored {missing}, {len(stored)} stored")
        state = process.engines[symbol].symbol
        record = world.venue.exchange.executions(ACCOUNT, symbol)
        if (state.inventory.position, len(stored)) != (record.position, record.count):
            raise Violation(
                8, f"{symbol}: position {state.inventory.position}, the exchange's {record.position}"
            )
        if store.positions.get(symbol, state.inventory.to_row()) != state.inventory.to_row():
            raise Violation(8, f"{symbol}: the stored position is {store.positions[symbol]}")
        if world.broker.reached[symbol] != len(store.outbox_of(symbol)):
            raise Violation(10, f"{symbol}: {world.broker.reached[symbol]} of its events were published")
        row = store.states.get(symbol)
        if (State.PAUSED if row is None else row.to_state) is not state.state:
            raise Violation(7, f"{symbol}: {state.state.value}, but {row} is durable")
        if state.state is State.ACTIVE:
            raise Violation(14, f"{symbol}: ACTIVE after everything was flattened")
        _orders_are_over(world, symbol)
        _markouts_are_whole(world, symbol, len(state.markouts), len(stored))


def _orders_are_over(world: World, symbol: str) -> None:
    """Every stored order is final, and an order of the exchange has one intent."""
    for row in world.store.orders[symbol].values():
        if not row.status.is_final:
            raise Violation(8, f"{symbol}: {row.client_order_id} is still stored as {row.status.value}")


def _markouts_are_whole(world: World, symbol: str, waiting: int, fills: int) -> None:
    """Nothing that was due has been lost."""
    there = sum(of == symbol for of, *_ in world.store.markouts)
    if there + waiting != fills * len(HORIZONS_MS):
        raise Violation(18, f"{symbol}: {there} markouts, {waiting} waited for, of {fills} fills")


def check_revival(world: World, activations: Mapping[str, int]) -> None:
    """A desk that wants to go on can: what stopped a symbol can be reset, and it becomes ACTIVE again."""
    for symbol, before in activations.items():
        refusals = set(world.desk.refusals.get(symbol, ()))
        if world.checks.watch[symbol].activations == before and not refusals & PERMITTED_REFUSALS:
            raise Violation(0, f"{symbol}: cannot be enabled again: {sorted(refusals)}")


def check_replays(world: World) -> None:
    """Every engine alone, given the same events, says the same: no state is shared, nothing else is read."""
    processes = [*world.ended_lives, *([world.process] if world.process is not None else [])]
    for process in processes:
        for symbol, life in process.lives.items():
            _replay(world, symbol, life)


def _replay(world: World, symbol: str, life: Life) -> None:
    engine = SymbolEngine(life.restored, world.plan.limits)
    if engine.start(life.open_orders) != life.said[0]:
        raise Violation(13, f"{symbol}: began otherwise when played again")
    for index, (event, said) in enumerate(zip(life.heard, life.said[1:], strict=False)):
        if said is None:
            plant_defect(engine, when_placing=False)
            with suppress(DefectError):
                engine.handle(event)
        elif engine.handle(event) != said:
            raise Violation(13, f"{symbol}: event {index} was answered otherwise when played again: {event}")
