"""Every kill trigger must fire in the very step that learns of its condition."""

from collections.abc import Sequence

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import RequestOutcome
from market_maker.core.states import Cause, State
from simulation.violation import Violation

UNCERTAIN = (RequestOutcome.TIMEOUT, RequestOutcome.STALLED, RequestOutcome.UNCERTAIN)
_MAY_BE_LATE = (ev.PlaceAnswer, ev.CancelAnswer, ev.CancelAllAnswer)


def demands_halt(engine: SymbolEngine, event: ev.Event) -> str:
    """Why an ACTIVE symbol must halt on this event, asked before it is handled; empty when it need not."""
    symbol = engine.symbol
    match event:
        case ev.Fault() | ev.EngineEventUnreadable():
            return type(event).__name__
        case ev.Control(cause=Cause.KILL):
            return "manual kill"
        case ev.JournalMeasured():
            late = event.lag_ns > symbol.limits.journal_lag_threshold_ns
            return "journal" if event.failed or late else ""
        case ev.LagMeasured(lag_ns=lag_ns) if lag_ns is not None:
            return "lag" if lag_ns > symbol.limits.kafka_lag_threshold_ns else ""
        case ev.InstrumentUpdated(instrument=instrument):
            is_news = instrument.version >= symbol.latest_instrument.version
            return "instrument halt" if is_news and not instrument.is_trading else ""
        case ev.QueryAnswer() | ev.OpenOrdersAnswer() if event.outcome in UNCERTAIN:
            return f"{type(event).__name__} {event.outcome.value}"
        case ev.PlaceAnswer() | ev.CancelAnswer() | ev.CancelAllAnswer() if event.outcome in UNCERTAIN:
            return "" if event.late else f"{type(event).__name__} {event.outcome.value}"
    return ""


def has_halted_before(event: ev.Event | None) -> bool:
    """Whether this is the end of a request that was late: it halted when it was missed, and only then."""
    return isinstance(event, _MAY_BE_LATE) and event.late and event.outcome in UNCERTAIN


def check_halted(engine: SymbolEngine, demanded: str, commands: Sequence[cmd.Command]) -> None:
    """After the step: what demanded a halt has halted, and a limit that a fill broke was noticed."""
    symbol = engine.symbol
    if demanded and symbol.state is State.ACTIVE:
        raise Violation(6, f"{symbol.name}: still {symbol.state.value} after {demanded}")
    moved = any(isinstance(said, cmd.RecordFill) and said.after is not None for said in commands)
    if symbol.state is not State.ACTIVE or not moved:
        return
    value = symbol.inventory_value
    if value is not None and abs(value) > symbol.config.max_position_usdt:
        raise Violation(6, f"{symbol.name}: ACTIVE with an inventory of {value} USDT")
    if symbol.total_pnl < -symbol.config.max_loss_usdt:
        raise Violation(6, f"{symbol.name}: ACTIVE with a P&L of {symbol.total_pnl} USDT")
