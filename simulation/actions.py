"""What each kind of decision does to the world."""

from decimal import Decimal

from market_maker.core.events import EngineEventUnreadable, Fault
from market_maker.core.states import Cause, KillReason
from simulation.clock import MS
from simulation.decisions import REQUEST_FAULTS, Decision, Kind, Operation
from simulation.network import Rule
from simulation.plan import GRIDS, changed
from simulation.process import plant_defect
from simulation.world import Action, World
from tradex_sandbox.orders import Side

CONTROLS = {
    Kind.ENABLE: Cause.ENABLE,
    Kind.RESUME: Cause.RESUME,
    Kind.PAUSE: Cause.PAUSE,
    Kind.FLATTEN: Cause.FLATTEN,
    Kind.KILL: Cause.KILL,
    Kind.RESET: Cause.RESET,
}
DOWN_MS_MIN = 1_000
EVERYTHING_USDT = Decimal(1_000_000_000)


def _request_fault(world: World, symbol: str, decision: Decision) -> None:
    rule = Rule(decision.kind, symbol, decision.operation, decision.value * MS, decision.count)
    world.network.rules.append(rule)


def _jitter(world: World, _symbol: str, decision: Decision) -> None:
    world.network.jitter_until_ns = world.clock.now_ns + decision.value * MS


def _outage(world: World, _symbol: str, decision: Decision) -> None:
    world.network.outage_until_ns = world.clock.now_ns + decision.value * MS


# --- the exchange --------------------------------------------------------------------------------


def _sweep(world: World, symbol: str, decision: Decision) -> None:
    world.coverage.hit(Kind.SWEEP.value)
    world.venue.sweep(symbol, _side(decision), Decimal(decision.value))


def _empty_side(world: World, symbol: str, decision: Decision) -> None:
    world.coverage.hit(Kind.EMPTY_SIDE.value)
    world.venue.sweep(symbol, _side(decision), EVERYTHING_USDT)


def _side(decision: Decision) -> Side:
    return Side.SELL if decision.count % 2 else Side.BUY


def _halt(world: World, symbol: str, decision: Decision) -> None:
    world.coverage.hit(Kind.HALT.value)
    world.venue.halt(symbol)
    world.clock.after(decision.value * MS, world.venue.resume, symbol)


def _regrid(world: World, symbol: str, decision: Decision) -> None:
    world.coverage.hit(Kind.REGRID.value)
    grids = GRIDS[world.symbols.index(symbol)]
    tick, lot = grids[decision.value % len(grids)]
    world.venue.regrid(symbol, tick, lot)


# --- market data ---------------------------------------------------------------------------------


def _feed_gap(world: World, symbol: str, decision: Decision) -> None:
    world.feeds.channels[symbol].lose += decision.count


def _feed_twice(world: World, symbol: str, decision: Decision) -> None:
    world.feeds.channels[symbol].repeat += decision.count


def _feed_hold(world: World, symbol: str, decision: Decision) -> None:
    world.feeds.hold(symbol, world.clock.now_ns + decision.value * MS)


def _feed_corrupt(world: World, symbol: str, _decision: Decision) -> None:
    world.feeds.channels[symbol].corrupt = True


def _feed_crossed(world: World, symbol: str, _decision: Decision) -> None:
    world.feeds.channels[symbol].cross = True


def _feed_late_snapshot(world: World, symbol: str, decision: Decision) -> None:
    world.feeds.channels[symbol].late_snapshot_ns = decision.value * MS


def _flood(world: World, symbol: str, decision: Decision) -> None:
    world.coverage.hit(Kind.FLOOD.value)
    world.venue.flood(symbol, decision.value)


def _stale_instrument(world: World, symbol: str, decision: Decision) -> None:
    world.coverage.hit(Kind.STALE_INSTRUMENT.value)
    history = world.feeds.history[symbol]
    world.feeds.tell_instrument(symbol, history[decision.value % len(history)], "told again")


# --- engine.event.v1 and PostgreSQL --------------------------------------------------------------


def _stream_hold(world: World, symbol: str, decision: Decision) -> None:
    world.coverage.hit(Kind.STREAM_HOLD.value)
    world.stream.hold(world.stream.partition_of[symbol], world.clock.now_ns + decision.value * MS)


def _stream_rewind(world: World, _symbol: str, _decision: Decision) -> None:
    if world.process is not None:
        world.coverage.hit(Kind.STREAM_REWIND.value)
        world.reassign(world.process)


def _stream_swap(world: World, symbol: str, decision: Decision) -> None:
    world.stream.swap[world.stream.partition_of[symbol]] += decision.count


def _stream_unreadable(world: World, symbol: str, _decision: Decision) -> None:
    world.coverage.hit(Kind.STREAM_UNREADABLE.value)
    world.stream.publish(symbol, EngineEventUnreadable(0, "told to"))


def _db_down(world: World, _symbol: str, decision: Decision) -> None:
    world.trouble.down_until_ns = world.clock.now_ns + decision.value * MS


def _db_slow(world: World, _symbol: str, decision: Decision) -> None:
    world.trouble.slow_until_ns = world.clock.now_ns + decision.value * MS


def _broker_down(world: World, _symbol: str, decision: Decision) -> None:
    world.broker.down_until_ns = world.clock.now_ns + decision.value * MS
    world.broker.loses_only_acknowledgements = decision.count % 2 == 0


def _lag(world: World, _symbol: str, decision: Decision) -> None:
    world.lag_told_ns = decision.value * MS
    world.lag_until_ns = world.clock.now_ns + decision.value * MS


def _lag_unknown(world: World, _symbol: str, decision: Decision) -> None:
    world.lag_told_ns = None
    world.lag_until_ns = world.clock.now_ns + decision.value * MS


# --- the process ---------------------------------------------------------------------------------


def _stall(world: World, _symbol: str, decision: Decision) -> None:
    if world.process is not None:
        world.coverage.hit(Kind.STALL.value)
        world.process.stall(decision.value * MS)


def _stall_sending(world: World, symbol: str, decision: Decision) -> None:
    if world.process is not None:
        rule = Rule(Kind.DELAY_AFTER, symbol, Operation.PLACE, (decision.value + 60) * MS, 1)
        world.network.rules.insert(0, rule)
        world.process.stall_on_send[symbol] = decision.value * MS


def _worker_fault(world: World, symbol: str, _decision: Decision) -> None:
    if world.process is not None:
        world.coverage.hit(Kind.WORKER_FAULT.value)
        world.process.tell(symbol, Fault(world.clock.now_ns, KillReason.WORKER_FAILURE, "told to"))


def _owner_lost(world: World, symbol: str, decision: Decision) -> None:
    if world.process is not None:
        world.coverage.hit(Kind.OWNER_LOST.value)
        _taken_away(world, symbol, decision.value)
        for lost in _partition_mates(world, symbol):
            world.process.tell(lost, Fault(world.clock.now_ns, KillReason.OWNER_LOST, "told to"))


def _revoke(world: World, symbol: str, decision: Decision) -> None:
    if world.process is not None:
        world.coverage.hit(Kind.REVOKE.value)
        for revoked in _partition_mates(world, symbol):
            world.process.control(revoked, Cause.OWNERSHIP_LOST)
        world.process.after(decision.value * MS // 3, _taken_away, world, symbol, decision.value)


def _taken_away(world: World, symbol: str, back_after_ms: int) -> None:
    process = world.process
    if process is not None:
        process.owned.difference_update(_partition_mates(world, symbol))
        world.reassign(process)
        process.after(back_after_ms * MS, world.give_back)


def _partition_mates(world: World, symbol: str) -> list[str]:
    partition_of = world.stream.partition_of
    return [other for other in world.symbols if partition_of[other] == partition_of[symbol]]


def _step_raises(world: World, symbol: str, decision: Decision) -> None:
    if world.process is not None:
        plant_defect(world.process.engines[symbol], when_placing=decision.operation is Operation.PLACE)


def _terminate(world: World, _symbol: str, decision: Decision) -> None:
    world.down_ns = max(decision.value, DOWN_MS_MIN) * MS
    world.terminate()


def _crash(world: World, _symbol: str, decision: Decision) -> None:
    if world.process is not None:
        # A start takes a second at least; what was on the wire has arrived by then, or is a ghost.
        world.process.crash_in = decision.count
        world.crash_is_committed = decision.operation is Operation.PLACE
        world.down_ns = max(decision.value, DOWN_MS_MIN) * MS


# --- operators -----------------------------------------------------------------------------------


def _control(world: World, symbol: str, decision: Decision) -> None:
    process = world.process
    activates = decision.kind in (Kind.ENABLE, Kind.RESUME)
    if process is not None and (symbol in process.owned or not activates):
        world.coverage.hit(decision.kind.value)
        process.control(symbol, CONTROLS[decision.kind], rebase_pnl=bool(decision.count % 2))


def _config(world: World, symbol: str, decision: Decision) -> None:
    if world.process is not None:
        world.coverage.hit(Kind.CONFIG.value)
        config = changed(world.store.configs[symbol], decision.value)
        world.desk.configure(world.process, symbol, config)


ACTIONS: dict[Kind, Action] = {
    **dict.fromkeys(REQUEST_FAULTS, _request_fault),
    **dict.fromkeys(CONTROLS, _control),
    Kind.JITTER: _jitter,
    Kind.OUTAGE: _outage,
    Kind.SWEEP: _sweep,
    Kind.EMPTY_SIDE: _empty_side,
    Kind.HALT: _halt,
    Kind.REGRID: _regrid,
    Kind.FEED_GAP: _feed_gap,
    Kind.FEED_TWICE: _feed_twice,
    Kind.FEED_HOLD: _feed_hold,
    Kind.FEED_CORRUPT: _feed_corrupt,
    Kind.FEED_CROSSED: _feed_crossed,
    Kind.FEED_LATE_SNAPSHOT: _feed_late_snapshot,
    Kind.FLOOD: _flood,
    Kind.STALE_INSTRUMENT: _stale_instrument,
    Kind.STREAM_HOLD: _stream_hold,
    Kind.STREAM_REWIND: _stream_rewind,
    Kind.STREAM_SWAP: _stream_swap,
    Kind.STREAM_UNREADABLE: _stream_unreadable,
    Kind.DB_DOWN: _db_down,
    Kind.DB_SLOW: _db_slow,
    Kind.BROKER_DOWN: _broker_down,
    Kind.LAG: _lag,
    Kind.LAG_UNKNOWN: _lag_unknown,
    Kind.STALL: _stall,
    Kind.STALL_SENDING: _stall_sending,
    Kind.WORKER_FAULT: _worker_fault,
    Kind.OWNER_LOST: _owner_lost,
    Kind.REVOKE: _revoke,
    Kind.STEP_RAISES: _step_raises,
    Kind.TERMINATE: _terminate,
    Kind.CRASH: _crash,
    Kind.CONFIG: _config,
}
