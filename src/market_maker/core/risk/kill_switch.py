"""When a symbol must stop: every automatic trigger as a decision with its measured value and threshold."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.instrument import Instrument
from market_maker.core.states import KillReason
from market_maker.core.view import KillView

BEFORE_THE_RESTART: Final = "before the restart"
"""Threshold of a kill of which only the reason was stored."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A condition that holds: why, what was measured, and what would have been allowed."""

    reason: KillReason
    measured: str
    threshold: str

    def at(self, now_ns: int) -> KillView:
        """The kill switch that it latched."""
        return KillView(self.reason, self.measured, self.threshold, now_ns)


@dataclass(slots=True)
class Surroundings:
    """What the surroundings reported last: consumer lag, journal, rejects."""

    lag_ns: int | None = None
    """The longest that could be measured, and of which topic."""
    lag_topic: str = ""
    unmeasured: str = ""
    """A topic whose lag could not be measured; empty when all could."""
    lag_known_ns: int | None = None
    """When the lag of every topic could last be measured, or was first asked for."""
    journal_lag_ns: int = 0
    journal_failed: bool = False
    journal_detail: str = ""
    lease_ended: bool = False
    """PostgreSQL has not confirmed for a lease that the symbol is this instance's."""
    house: tuple[str, str] | None = None
    """What is measured beyond a limit over all symbols, empty when nothing is, and what is allowed.

    None: nobody has measured yet.
    """
    rejects: deque[int] = field(default_factory=deque)
    """Times of the rejects within the window, oldest first."""

    def measured_lag(self, topic: str, lag_ns: int | None, at_ns: int, unmeasured: str = "") -> None:
        """Note the longest lag at a time; None, or an `unmeasured` topic: not all could be measured.

        What is told late, or twice, says nothing of the time since it was measured.
        """
        self.lag_ns, self.lag_topic = lag_ns, topic
        self.unmeasured = topic if lag_ns is None else unmeasured
        if not self.unmeasured or self.lag_known_ns is None:
            self.lag_known_ns = at_ns

    def rejected(self, now_ns: int, window_ns: int) -> int:
        """Count a reject; returns how many fall within the window."""
        self.rejects.append(now_ns)
        while now_ns - self.rejects[0] > window_ns:
            self.rejects.popleft()
        return len(self.rejects)


def exposure(config: SymbolConfig, inventory: Decimal | None) -> Trigger | None:
    """Position, valued in quote currency, above its limit."""
    if inventory is None or abs(inventory) <= config.max_position_usdt:
        return None
    return Trigger(KillReason.EXPOSURE_BREACH, f"{inventory:f} USDT", f"{config.max_position_usdt:f} USDT")


def loss(config: SymbolConfig, total_pnl: Decimal) -> Trigger | None:
    """Total P&L below the negative of the allowed loss."""
    if total_pnl >= -config.max_loss_usdt:
        return None
    return Trigger(KillReason.LOSS_BREACH, f"{total_pnl:f} USDT", f"-{config.max_loss_usdt:f} USDT")


def market_halt(instrument: Instrument, reason: str = "") -> Trigger | None:
    """The exchange does not trade the instrument."""
    if instrument.is_trading:
        return None
    detail = f"{instrument.status.value} {reason}".strip()
    return Trigger(KillReason.MARKET_HALT, detail, "TRADING")


def kafka_lag(health: Surroundings, limits: EngineLimits, now_ns: int) -> Trigger | None:
    """A consumer too far behind, or one whose lag has not been measurable for as long."""
    threshold_ns, lag_ns, known_ns = limits.kafka_lag_threshold_ns, health.lag_ns, health.lag_known_ns
    if lag_ns is not None and lag_ns > threshold_ns:
        return Trigger(KillReason.KAFKA_LAG, f"{health.lag_topic} {_seconds(lag_ns)}", _seconds(threshold_ns))
    if known_ns is not None and now_ns - known_ns > threshold_ns:
        topic = health.unmeasured or health.lag_topic
        measured = f"{topic} not measurable for {_seconds(now_ns - known_ns)}"
        return Trigger(KillReason.KAFKA_LAG, measured, _seconds(threshold_ns))
    return None


def unmeasured_lag(health: Surroundings, limits: EngineLimits) -> Trigger | None:
    """A topic whose lag cannot be measured right now: a symbol may live with that, but not start so."""
    if not health.unmeasured:
        return None
    threshold = _seconds(limits.kafka_lag_threshold_ns)
    return Trigger(KillReason.KAFKA_LAG, f"{health.unmeasured} not measurable yet", threshold)


def reject_storm(rejects: int, limits: EngineLimits) -> Trigger | None:
    """Too many rejects within the window."""
    if rejects < limits.reject_storm_count:
        return None
    window = _seconds(limits.reject_storm_window_ns)
    return Trigger(KillReason.REJECT_STORM, f"{rejects} rejects in {window}", f"{limits.reject_storm_count}")


def journal(health: Surroundings, limits: EngineLimits) -> Trigger | None:
    """Writes to PostgreSQL fail or fall behind."""
    if health.journal_failed:
        return Trigger(KillReason.JOURNAL_FAILURE, health.journal_detail or "write failed", "no failed write")
    if health.journal_lag_ns > limits.journal_lag_threshold_ns:
        threshold = _seconds(limits.journal_lag_threshold_ns)
        return Trigger(KillReason.JOURNAL_FAILURE, f"{_seconds(health.journal_lag_ns)} behind", threshold)
    return None


def house(health: Surroundings) -> Trigger | None:
    """A limit over all symbols is broken."""
    measured, allowed = health.house or ("", "")
    return Trigger(KillReason.HOUSE_LIMIT_BREACH, measured, allowed) if measured else None


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / 1e9:.3f} s"
