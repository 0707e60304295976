"""What can be decided about a run: a fault, an operator's wish, something around the process.

A decision is one line of text, so that a failing script can be printed, kept and played again.
"""

from dataclasses import dataclass
from enum import Enum


class Operation(Enum):
    """A request to the Order Service."""

    PLACE = "place"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel_all"
    QUERY = "query"
    LIST = "list"


class Kind(Enum):
    """What is decided. `value` is milliseconds unless said otherwise, `count` how often."""

    # the next `count` requests of one operation
    DELAY_BEFORE = "delay_before"
    """Processed that much later."""
    DELAY_AFTER = "delay_after"
    """Processed at once, answered that much later."""
    ERROR_BEFORE = "error_before"
    """5xx, nothing done."""
    ERROR_AFTER = "error_after"
    """5xx or an unreadable answer, although it was done."""
    BREAK_LATE = "break_late"
    """The connection breaks at once; the request is processed that much later."""
    LOSE = "lose"
    """Neither processed nor answered."""
    REFUSE = "refuse"
    """A final 4xx."""
    RATE_LIMIT = "rate_limit"
    """429 with that pause."""
    ANSWER_TWICE = "answer_twice"
    """The second one that much later."""
    # for `value`
    JITTER = "jitter"
    """Requests and answers overtake each other."""
    OUTAGE = "outage"
    """The Order Service answers 5xx to everything."""
    # the exchange
    SWEEP = "sweep"
    """A rival takes `value` USDT from one side (`count` even: buys)."""
    EMPTY_SIDE = "empty_side"
    """A rival takes one whole side (`count` even: asks)."""
    HALT = "halt"
    REGRID = "regrid"
    """Another tick and lot size; `value` chooses."""
    # market data
    FEED_GAP = "feed_gap"
    """`count` deltas are lost."""
    FEED_TWICE = "feed_twice"
    """`count` messages come twice."""
    FEED_HOLD = "feed_hold"
    FEED_CORRUPT = "feed_corrupt"
    """A message that cannot be read."""
    FEED_CROSSED = "feed_crossed"
    """A snapshot whose bids stand above its asks."""
    FEED_LATE_SNAPSHOT = "feed_late_snapshot"
    """A snapshot that comes that much later than the deltas after it."""
    FLOOD = "flood"
    """A rival enters `value` orders at once and takes them back."""
    STALE_INSTRUMENT = "stale_instrument"
    """An old version of the instrument is told again."""
    # engine.event.v1
    STREAM_HOLD = "stream_hold"
    STREAM_REWIND = "stream_rewind"
    """A rebalance: read again from the committed offset."""
    STREAM_SWAP = "stream_swap"
    """The next fills come in another order."""
    STREAM_UNREADABLE = "stream_unreadable"
    # PostgreSQL
    DB_DOWN = "db_down"
    DB_SLOW = "db_slow"
    # the topics that we publish
    BROKER_DOWN = "broker_down"
    """No acknowledgement of what is published (`count` even: although it was)."""
    # what is measured
    LAG = "lag"
    LAG_UNKNOWN = "lag_unknown"
    # the process
    STALL = "stall"
    """The event loop stands still."""
    STALL_SENDING = "stall_sending"
    """The same right after the symbol's next order has left, whose answer takes as long."""
    WORKER_FAULT = "worker_fault"
    STEP_RAISES = "step_raises"
    """The symbol's next step (`operation` PLACE: that places an order) raises after it has decided."""
    TERMINATE = "terminate"
    """SIGTERM; down for `value` after the process has ended."""
    OWNER_LOST = "owner_lost"
    """The symbol's partition belongs to somebody else without warning."""
    REVOKE = "revoke"
    """The symbol's partition is given up in order, and comes back later."""
    CRASH = "crash"
    """kill -9 before the `count`-th effect from here; down for `value`. `operation` PLACE: what PostgreSQL
    was writing is committed."""
    # operators
    ENABLE = "enable"
    RESUME = "resume"
    PAUSE = "pause"
    FLATTEN = "flatten"
    KILL = "kill"
    RESET = "reset"
    CONFIG = "config"
    """Another configuration; `value` chooses."""


REQUEST_FAULTS = (
    Kind.DELAY_BEFORE,
    Kind.DELAY_AFTER,
    Kind.ERROR_BEFORE,
    Kind.ERROR_AFTER,
    Kind.BREAK_LATE,
    Kind.LOSE,
    Kind.REFUSE,
    Kind.RATE_LIMIT,
    Kind.ANSWER_TWICE,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that happens at `at_ms` after the start, to the symbol with this index."""

    at_ms: int
    kind: Kind
    symbol: int = 0
    operation: Operation = Operation.PLACE
    value: int = 0
    count: int = 1

    def line(self) -> str:
        """As text."""
        fields = (self.at_ms, self.kind.value, self.symbol, self.operation.value, self.value, self.count)
        return " ".join(map(str, fields))

    @classmethod
    def parse(cls, line: str) -> "Decision":
        """From `line`; ValueError when it is none."""
        try:
            at_ms, kind, symbol, operation, value, count = line.split()
            return cls(int(at_ms), Kind(kind), int(symbol), Operation(operation), int(value), int(count))
        except ValueError as error:
            message = f"decision {line!r}: expected AT_MS KIND SYMBOL OPERATION VALUE COUNT ({error})"
            raise ValueError(message) from None


def parse_script(text: str) -> tuple[Decision, ...]:
    """Decisions, one per line; empty lines and lines that begin with # are skipped."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(Decision.parse(line) for line in lines if line and not line.startswith("#"))
