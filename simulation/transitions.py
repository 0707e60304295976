"""Invariants 6, 7, 10 and 14 for one transition of a symbol's state."""

from collections.abc import Sequence

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.states import Cause, State
from simulation.parts import Parts
from simulation.triggers import has_halted_before
from simulation.truth import ids_of
from simulation.violation import Violation
from simulation.watch import Watch

_ACTIVATES = (Cause.ENABLE, Cause.RESUME)
_NEEDS_ZERO = (Cause.RESET, *_ACTIVATES)


def check_transition(
    parts: Parts, symbol: str, watch: Watch, event: ev.Event | None, record: cmd.RecordState
) -> None:
    """Follow a transition: who may ask for it, and what must not be in the market then."""
    if record.from_state is not watch.state:
        raise Violation(7, f"{symbol}: from {record.from_state.value}, was {watch.state.value}")
    asked = event.cause if isinstance(event, ev.Control) else None
    if watch.state is State.HALTED and asked is not Cause.RESET:
        raise Violation(7, f"{symbol}: HALTED ended by {event}")
    if record.to_state is watch.state:
        parts.coverage.hit("pnl_rebased_later")
        return
    if watch.state is State.ACTIVE and record.to_state is State.HALTED and has_halted_before(event):
        raise Violation(6, f"{symbol}: halted once more by {event}")
    if record.to_state is State.ACTIVE and asked not in _ACTIVATES:
        raise Violation(14, f"{symbol}: ACTIVE by {event}")
    if asked in _NEEDS_ZERO and not parts.plan.limits.shadow_mode:
        left = parts.truth.to_be_cleared(symbol, parts.clock.now_ns)
        if left:
            raise Violation(14, f"{symbol}: {record.to_state.value}, in the market: {ids_of(left)}")
    watch.state = record.to_state
    if record.to_state is State.ACTIVE:
        watch.activations += 1
        parts.coverage.hit("enabled")
    elif asked is Cause.RESET:
        parts.coverage.hit("reset_done")


def check_left_active(engine: SymbolEngine, commands: Sequence[cmd.Command], *, is_shadow: bool) -> None:
    """The step that leaves ACTIVE cancels all, unless the exchange has put that off; no order follows it."""
    if is_shadow:
        return
    is_put_off = (cmd.CancelAll, "") in engine.symbol.clearing.put_off
    if not is_put_off and not any(isinstance(command, cmd.CancelAll) for command in commands):
        raise Violation(6, f"{engine.symbol.name}: left ACTIVE without cancelling all")
    if engine.may_send_at(engine.symbol.now_ns):
        raise Violation(6, f"{engine.symbol.name}: may still send")


def check_chain(symbol: str, watch: Watch, record: cmd.RecordState) -> None:
    """What a crash loses is the end of the chain; the next process goes on from what was stored."""
    if record.from_state is not watch.stored_state:
        raise Violation(10, f"{symbol}: stored {record.from_state.value} after {watch.stored_state.value}")
    watch.stored_state = record.to_state
