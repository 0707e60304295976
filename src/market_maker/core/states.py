"""The state table of a symbol. What may live here: states, reasons, and the transitions as data."""

from enum import Enum


class State(Enum):
    """State of a symbol. Only ACTIVE places orders."""

    PAUSED = "PAUSED"
    ACTIVE = "ACTIVE"
    HALTED = "HALTED"


class Cause(Enum):
    """What asks for a transition."""

    ENABLE = "enable"
    RESUME = "resume"
    PAUSE = "pause"
    FLATTEN = "flatten"
    DISABLED = "disabled"
    OWNERSHIP_LOST = "ownership_lost"
    STARTUP = "startup"
    KILL = "kill"
    DRILL = "drill"
    RESET = "reset"


class KillReason(Enum):
    """Why a kill switch fired; the value is the stable code in metrics, events and the API."""

    EXPOSURE_BREACH = "EXPOSURE_BREACH"
    LOSS_BREACH = "LOSS_BREACH"
    MARKET_HALT = "MARKET_HALT"
    KAFKA_LAG = "KAFKA_LAG"
    REJECT_STORM = "REJECT_STORM"
    RESPONSE_TIMEOUT = "RESPONSE_TIMEOUT"
    ORDER_UNCERTAIN = "ORDER_UNCERTAIN"
    """A 5xx, a broken connection or an answer that cannot be read: the order's fate is unknown."""
    EVENT_LOOP_STALL = "EVENT_LOOP_STALL"
    """A request looked late because this process did not run, not because the exchange was slow."""
    WORKER_FAILURE = "WORKER_FAILURE"
    JOURNAL_FAILURE = "JOURNAL_FAILURE"
    ENGINE_EVENT_UNREADABLE = "ENGINE_EVENT_UNREADABLE"
    OWNER_LOST = "OWNER_LOST"
    HISTORY_DIFFERS = "HISTORY_DIFFERS"
    """The stored fills do not come to the position that the symbol trades from."""
    HOUSE_LIMIT_BREACH = "HOUSE_LIMIT_BREACH"
    """A limit over all symbols: inventory or loss of the whole house."""
    DRILL = "DRILL"
    """A person has tried the kill switch; it works as in an emergency."""
    MANUAL = "MANUAL"


_S, _C = State, Cause

TRANSITIONS: dict[tuple[State, Cause], State] = {
    (_S.PAUSED, _C.ENABLE): _S.ACTIVE,
    (_S.PAUSED, _C.RESUME): _S.ACTIVE,
    (_S.ACTIVE, _C.PAUSE): _S.PAUSED,
    (_S.ACTIVE, _C.FLATTEN): _S.PAUSED,
    (_S.ACTIVE, _C.DISABLED): _S.PAUSED,
    (_S.ACTIVE, _C.OWNERSHIP_LOST): _S.PAUSED,
    (_S.ACTIVE, _C.STARTUP): _S.PAUSED,
    (_S.PAUSED, _C.KILL): _S.HALTED,
    (_S.ACTIVE, _C.KILL): _S.HALTED,
    (_S.PAUSED, _C.DRILL): _S.HALTED,
    (_S.ACTIVE, _C.DRILL): _S.HALTED,
    (_S.HALTED, _C.RESET): _S.PAUSED,
}
"""(from, cause) -> to. What is not in the table does not change the state."""


def next_state(state: State, cause: Cause) -> State | None:
    """The state that `cause` leads to, or None when the table has no such transition."""
    return TRANSITIONS.get((state, cause))
