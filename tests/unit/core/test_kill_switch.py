"""Triggers as decisions: measured, threshold, and where exactly they begin."""

from dataclasses import replace
from decimal import Decimal

import pytest

from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.instrument import Instrument, InstrumentStatus
from market_maker.core.risk import kill_switch
from market_maker.core.risk.kill_switch import Surroundings, Trigger
from market_maker.core.states import KillReason

CONFIG = SymbolConfig("BTC-USDT")
LIMITS = EngineLimits()
INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5))
S = 1_000_000_000


@pytest.mark.parametrize("sign", [1, -1])
def test_exposure_counts_in_both_directions_and_only_above_the_limit(sign: int) -> None:
    assert kill_switch.exposure(CONFIG, sign * Decimal(10_000)) is None
    trigger = kill_switch.exposure(CONFIG, sign * Decimal("10000.01"))
    assert trigger == Trigger(
        KillReason.EXPOSURE_BREACH, f"{sign * Decimal('10000.01')} USDT", "10000.0 USDT"
    )


def test_an_inventory_without_a_price_is_no_breach() -> None:
    assert kill_switch.exposure(CONFIG, None) is None


def test_a_loss_triggers_beyond_its_limit() -> None:
    assert kill_switch.loss(CONFIG, Decimal(-500)) is None
    assert kill_switch.loss(CONFIG, Decimal("-500.01")) == Trigger(
        KillReason.LOSS_BREACH, "-500.01 USDT", "-500.0 USDT"
    )


def test_an_instrument_that_does_not_trade_triggers_with_the_exchanges_reason() -> None:
    assert kill_switch.market_halt(INSTRUMENT) is None
    halted = replace(INSTRUMENT, status=InstrumentStatus.HALTED)
    assert kill_switch.market_halt(halted, "news") == Trigger(
        KillReason.MARKET_HALT, "HALTED news", "TRADING"
    )


def test_lag_is_unknown_from_the_first_failed_measurement_on() -> None:
    health = Surroundings()
    health.measured_lag("t", None, 5 * S)
    health.measured_lag("t", None, 15 * S)
    assert kill_switch.kafka_lag(health, LIMITS, 15 * S) is None
    trigger = kill_switch.kafka_lag(health, LIMITS, 15 * S + 1)
    assert trigger == Trigger(KillReason.KAFKA_LAG, "t not measurable for 10.000 s", "10.000 s")


def test_a_topic_that_cannot_be_measured_kills_although_another_can() -> None:
    health = Surroundings()
    health.measured_lag("a", 0, 5 * S)
    health.measured_lag("a", 0, 6 * S, unmeasured="b")
    assert kill_switch.unmeasured_lag(health, LIMITS) == Trigger(
        KillReason.KAFKA_LAG, "b not measurable yet", "10.000 s"
    )
    assert kill_switch.kafka_lag(health, LIMITS, 15 * S) is None
    trigger = kill_switch.kafka_lag(health, LIMITS, 15 * S + 1)
    assert trigger == Trigger(KillReason.KAFKA_LAG, "b not measurable for 10.000 s", "10.000 s")


def test_a_lag_beyond_the_limit_kills_although_another_topic_cannot_be_measured() -> None:
    health = Surroundings()
    health.measured_lag("a", 10 * S + 1, 5 * S, unmeasured="b")
    assert kill_switch.kafka_lag(health, LIMITS, 5 * S) == Trigger(
        KillReason.KAFKA_LAG, "a 10.000 s", "10.000 s"
    )


def test_lag_that_was_never_reported_is_no_trigger() -> None:
    assert kill_switch.kafka_lag(Surroundings(), LIMITS, 10**15) is None


def test_rejects_leave_the_window_one_by_one() -> None:
    health = Surroundings()
    counts = [health.rejected(second * S, 60 * S) for second in (0, 10, 59, 60, 61, 70)]
    assert counts == [1, 2, 3, 4, 4, 5]


def test_the_storm_begins_with_the_configured_count() -> None:
    assert kill_switch.reject_storm(4, LIMITS) is None
    assert kill_switch.reject_storm(5, LIMITS) == Trigger(
        KillReason.REJECT_STORM, "5 rejects in 60.000 s", "5"
    )


def test_a_failed_journal_says_what_failed() -> None:
    health = Surroundings(journal_failed=True, journal_detail="connection refused")
    assert kill_switch.journal(health, LIMITS) == Trigger(
        KillReason.JOURNAL_FAILURE, "connection refused", "no failed write"
    )


def test_a_journal_behind_triggers_beyond_its_limit() -> None:
    assert kill_switch.journal(Surroundings(journal_lag_ns=5 * S), LIMITS) is None
    assert kill_switch.journal(Surroundings(journal_lag_ns=5 * S + 1), LIMITS) == Trigger(
        KillReason.JOURNAL_FAILURE, "5.000 s behind", "5.000 s"
    )
