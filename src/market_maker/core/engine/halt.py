"""Leaving ACTIVE: the one place where quoting ends, by whatever cause."""

from market_maker.core.commands import Notice, RecordRisk, RecordState
from market_maker.core.engine import clearing
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.states import Cause, State, next_state

KILL_ACTION = "cancel all, HALTED"


def kill(symbol: Symbol, trigger: Trigger, actor: str, out: Out) -> None:
    """Fire the kill switch: no new order from here on, cancel everything, HALTED, say why.

    A second trigger on a halted symbol changes nothing but makes sure that clearing runs.
    """
    if symbol.kill is not None:
        if not symbol.clearing.active and len(symbol.orders):
            clearing.begin(symbol, out)
        return
    open_orders = symbol.orders.live_count()
    symbol.kill = trigger.at(symbol.now_ns)
    clearing.begin(symbol, out)
    change_state(symbol, Cause.KILL, f"{trigger.reason.value}: {trigger.measured}", actor, out)
    symbol.book.invalidate("halted")
    out.append(
        RecordRisk(
            trigger.reason,
            trigger.measured,
            trigger.threshold,
            symbol.inventory.position,
            symbol.total_pnl,
            open_orders,
            KILL_ACTION,
        )
    )
    fields = (
        ("reason", trigger.reason.value),
        ("measured", trigger.measured),
        ("threshold", trigger.threshold),
        ("actor", actor),
        ("open_orders", str(open_orders)),
    )
    out.append(Notice("error", "kill_switch", fields))


def stop_quoting(symbol: Symbol, cause: Cause, reason: str, actor: str, out: Out) -> None:
    """Leave ACTIVE without a kill: cancel everything, PAUSED."""
    clearing.begin(symbol, out)
    change_state(symbol, cause, reason, actor, out)


def change_state(symbol: Symbol, cause: Cause, reason: str, actor: str, out: Out) -> None:
    """Take the transition that the state table gives for `cause`; nothing when it gives none."""
    to_state = next_state(symbol.state, cause)
    if to_state is None:
        return
    record = _record(symbol, to_state, reason, actor)
    symbol.state = to_state
    symbol.state_reason = reason
    symbol.state_actor = actor
    symbol.state_since_ns = symbol.now_ns
    if to_state is not State.ACTIVE:
        symbol.drop_quote(to_state.value.lower())
    out.append(record)


def rebase(symbol: Symbol, *, mid_is_current: bool) -> bool:
    """Move the P&L baseline to now if that is pending and possible; whether it moved.

    A flat position needs no price, any other a fresh mark or a mid of this very moment: with an older one
    the loss between it and now would count on, and the next enable would be refused for it.
    """
    if not symbol.rebase_pending:
        return False
    if symbol.inventory.position and not mid_is_current and symbol.fresh(symbol.mark) is None:
        return False
    symbol.pnl_baseline = symbol.gross_pnl
    symbol.parts_baseline = symbol.gross_parts
    symbol.rebase_pending = False
    return True


def rebase_when_priced(symbol: Symbol, *, mid_is_current: bool, out: Out) -> None:
    """The same in PAUSED, where it becomes durable as a transition from PAUSED to PAUSED."""
    if not rebase(symbol, mid_is_current=mid_is_current):
        return
    valuation = symbol.valuation
    at = f"{valuation.source.value} {valuation.price:f}" if valuation is not None else "a flat position"
    symbol.state_reason = f"P&L counts from {at} on"
    out.append(_record(symbol, symbol.state, symbol.state_reason, symbol.state_actor))


def _record(symbol: Symbol, to_state: State, reason: str, actor: str) -> RecordState:
    return RecordState(
        symbol.state,
        to_state,
        reason,
        actor,
        symbol.kill.reason if symbol.kill is not None else None,
        symbol.pnl_baseline,
        symbol.rebase_pending,
        symbol.parts_baseline.spread,
        symbol.parts_baseline.fees,
    )
