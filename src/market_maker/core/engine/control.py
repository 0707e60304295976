"""What operators ask for, and what the surroundings report: state changes come from here or a kill."""

from dataclasses import replace
from typing import Final

from market_maker.core.commands import Problem, Reply
from market_maker.core.engine import clearing, failed_step, halt, market
from market_maker.core.engine.symbol import Out, Symbol
from market_maker.core.events import (
    ConfigChanged,
    Control,
    Fault,
    HouseMeasured,
    JournalMeasured,
    LagMeasured,
    LeaseMeasured,
    Retire,
)
from market_maker.core.risk import kill_switch
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.states import Cause, KillReason, State

PASSING: Final = frozenset(
    {
        "FILLS_MISSING",
        "GRID_CHANGING",
        "HOUSE_UNMEASURED",
        "INVENTORY_UNKNOWN",
        KillReason.KAFKA_LAG.value,
        "NOT_PROVEN_ZERO",
        "NO_VALID_BOOK",
        "ORDERS_OPEN",
        "REBASE_PENDING",
        "RETIRED",
        "STALE_BOOK",
    }
)
"""Problems of an activation that go away by themselves, as a rule in seconds; all others need a person."""


_CONDITIONS: Final = {
    KillReason.EXPOSURE_BREACH: "the inventory is beyond max_position_usdt",
    KillReason.LOSS_BREACH: "the loss is beyond max_loss_usdt",
    KillReason.MARKET_HALT: "the exchange does not trade the instrument",
    KillReason.KAFKA_LAG: "messages are read too late, or nobody can tell how late",
    KillReason.JOURNAL_FAILURE: "PostgreSQL does not take what happens, or takes it too late",
    KillReason.HOUSE_LIMIT_BREACH: "a limit over all symbols is broken",
}
"""What holds while a trigger keeps a symbol from becoming ACTIVE."""


def on_control(symbol: Symbol, event: Control, out: Out) -> None:
    """Carry out a request or refuse it with every reason; exactly one Reply."""
    problems: tuple[Problem, ...] = ()
    if event.cause in (Cause.ENABLE, Cause.RESUME):
        problems = _activate(symbol, event, out)
    elif event.cause is Cause.KILL:
        trigger = Trigger(KillReason.MANUAL, event.reason, "manual")
        halt.kill(symbol, trigger, event.actor, out)
    elif event.cause is Cause.DRILL:
        problems = _drill(symbol, event, out)
    elif event.cause is Cause.RESET:
        problems = _reset(symbol, event, out)
    elif symbol.state is State.ACTIVE:
        halt.stop_quoting(symbol, event.cause, event.reason or event.cause.value, event.actor, out)
    elif event.cause is Cause.FLATTEN:
        clearing.begin(symbol, out)
    elif symbol.state is State.HALTED:
        problems = (Problem("HALTED", "the symbol is halted: only a reset leads back to PAUSED"),)
    out.append(Reply(event.request_id, symbol.state, problems))


def _drill(symbol: Symbol, event: Control, out: Out) -> tuple[Problem, ...]:
    """The kill switch, tried: the same from here on. Never over a kill: that one's reason has to stay."""
    if symbol.state is State.HALTED:
        return (Problem("HALTED", "the symbol is halted already: a drill would hide why"),)
    halt.kill(symbol, Trigger(KillReason.DRILL, event.reason, "drill"), event.actor, out)
    return ()


def activation_problems(symbol: Symbol, *, resume: bool) -> tuple[Problem, ...]:
    """Every reason why the symbol may not become ACTIVE now."""
    problems: list[Problem] = []
    if symbol.state is State.HALTED:
        problems.append(Problem("HALTED", "the kill switch is latched: reset it first"))
    if symbol.retired:
        problems.append(Problem("RETIRED", symbol.retired))
    if resume and not symbol.config.enabled:
        problems.append(Problem("NOT_ENABLED", "resume needs enabled=true: use enable"))
    if symbol.rebase_pending:
        detail = "the P&L baseline moves with the first fresh price: wait for a valid book or a mark price"
        problems.append(Problem("REBASE_PENDING", detail))
    triggers = (
        kill_switch.market_halt(symbol.latest_instrument),
        kill_switch.exposure(symbol.config, symbol.inventory_value),
        None if symbol.rebase_pending else kill_switch.loss(symbol.config, symbol.total_pnl),
        kill_switch.kafka_lag(symbol.health, symbol.limits, symbol.now_ns)
        or kill_switch.unmeasured_lag(symbol.health, symbol.limits),
        kill_switch.journal(symbol.health, symbol.limits),
        kill_switch.house(symbol.health),
    )
    for trigger in triggers:
        if trigger is not None:
            what = f"{_CONDITIONS[trigger.reason]}: measured {trigger.measured}, allowed {trigger.threshold}"
            problems.append(Problem(trigger.reason.value, what))
    if symbol.limits.house_limits and symbol.health.house is None:
        problems.append(Problem("HOUSE_UNMEASURED", "the limits over all symbols are not measured yet"))
    problems.extend(_market_problems(symbol))
    problems.extend(_order_problems(symbol) or _settling_problems(symbol))
    return tuple(problems)


def _market_problems(symbol: Symbol) -> list[Problem]:
    problems: list[Problem] = []
    if symbol.state is State.HALTED:
        return problems
    if not symbol.book.valid:
        problems.append(Problem("NO_VALID_BOOK", f"no valid order book: {symbol.book.invalid_reason}"))
    elif not symbol.book_is_fresh:
        problems.append(Problem("STALE_BOOK", "the order book's data is too old"))
    if symbol.exposure_is_unknown:
        detail = "the position cannot be valued: it needs a book of others with both sides, a mark or a trade"
        problems.append(Problem("INVENTORY_UNKNOWN", detail))
    if symbol.next_instrument is not None:
        problems.append(Problem("GRID_CHANGING", "a new tick or lot size waits until all orders are gone"))
    return problems


def _order_problems(symbol: Symbol) -> list[Problem]:
    """Orders that are, or may be, open at the exchange."""
    if symbol.limits.shadow_mode or symbol.state is State.ACTIVE:
        return []
    live = symbol.orders.live_count()
    if live:
        return [Problem("ORDERS_OPEN", f"{live} orders are open or unknown")]
    if symbol.clearing.proven_zero_ns is None:
        return [Problem("NOT_PROVEN_ZERO", "the exchange has not yet reported zero open orders")]
    return []


def _settling_problems(symbol: Symbol) -> list[Problem]:
    """Orders that are over, but whose fills have not all reached us."""
    unsettled = len(symbol.orders) - symbol.orders.live_count()
    if unsettled and symbol.state is not State.ACTIVE:
        return [
            Problem("FILLS_MISSING", f"{unsettled} orders are over, but not all their fills have arrived")
        ]
    return []


def _activate(symbol: Symbol, event: Control, out: Out) -> tuple[Problem, ...]:
    if symbol.state is State.ACTIVE:
        return ()
    if symbol.state is State.PAUSED:
        look = market.update_mid(symbol)
        halt.rebase_when_priced(symbol, mid_is_current=look is not None, out=out)
    problems = activation_problems(symbol, resume=event.cause is Cause.RESUME)
    if problems:
        return problems
    if event.cause is Cause.ENABLE:
        symbol.config = replace(symbol.config, enabled=True)
    halt.change_state(symbol, event.cause, event.reason or event.cause.value, event.actor, out)
    symbol.health.rejects.clear()
    symbol.urgent = True
    return ()


def _reset(symbol: Symbol, event: Control, out: Out) -> tuple[Problem, ...]:
    if symbol.state is not State.HALTED:
        return (Problem("NOT_HALTED", f"the symbol is {symbol.state.value}: there is nothing to reset"),)
    problems = tuple(_order_problems(symbol))
    if problems:
        return problems
    if event.rebase_pnl:
        symbol.rebase_pending = True
        halt.rebase(symbol, mid_is_current=False)
    symbol.kill = None
    symbol.book.invalidate("waiting for the first snapshot since the reset")
    symbol.health.rejects.clear()
    halt.change_state(symbol, Cause.RESET, event.reason or Cause.RESET.value, event.actor, out)
    return ()


def on_config(symbol: Symbol, event: ConfigChanged, out: Out) -> None:
    """Take over a new configuration; it applies from the next evaluation on."""
    before, symbol.config = symbol.config, event.config
    try:
        symbol.regrid()
    except ValueError:  # a model that is not installed here: the step fails, and the symbol halts as it was
        symbol.config = before
        symbol.regrid()
        raise
    if not event.config.enabled and symbol.state is State.ACTIVE:
        halt.stop_quoting(symbol, Cause.DISABLED, "enabled set to false", event.actor, out)


def on_retire(symbol: Symbol, event: Retire, out: Out) -> None:  # noqa: ARG001  one signature for all handlers
    """Refuse activation from now on, or no longer; what is ACTIVE is left to the request that follows."""
    symbol.retired = event.reason


def on_lag(symbol: Symbol, event: LagMeasured, out: Out) -> None:
    """Note the consumer lag and kill when it is beyond its limit."""
    symbol.health.measured_lag(event.topic, event.lag_ns, event.at_ns, event.unmeasured)
    check_surroundings(symbol, out)


def on_journal(symbol: Symbol, event: JournalMeasured, out: Out) -> None:
    """Note how the journal fares and kill when it fails or falls behind."""
    health = symbol.health
    health.journal_lag_ns, health.journal_failed = event.lag_ns, event.failed
    health.journal_detail = event.detail
    check_surroundings(symbol, out)


def on_lease(symbol: Symbol, event: LeaseMeasured, out: Out) -> None:  # noqa: ARG001  one signature for all
    """Evaluate at once: without a lease what rests goes, and it cannot be replaced."""
    health = symbol.health
    if health.lease_ended is event.is_current:
        health.lease_ended = not event.is_current
        symbol.urgent = True


def on_house(symbol: Symbol, event: HouseMeasured, out: Out) -> None:
    """Note how the limits over all symbols stand and kill when one is broken."""
    symbol.health.house = (event.measured, event.allowed)
    check_surroundings(symbol, out)


def on_fault(symbol: Symbol, event: Fault, out: Out) -> None:
    """Halt: something around the engine, or its own step before, failed."""
    failed_step.make_up(symbol, out)
    halt.kill(symbol, Trigger(event.reason, event.detail, "no failure"), "system", out)


def check_surroundings(symbol: Symbol, out: Out) -> None:
    """Kill an active symbol when lag or journal are beyond their limits."""
    if not symbol.is_active:
        return
    trigger = kill_switch.kafka_lag(symbol.health, symbol.limits, symbol.now_ns)
    trigger = trigger or kill_switch.journal(symbol.health, symbol.limits)
    trigger = trigger or kill_switch.house(symbol.health)
    if trigger is not None:
        halt.kill(symbol, trigger, "system", out)
