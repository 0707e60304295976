"""Every metric of the guard's process as one list."""

from typing import Final

from market_maker.telemetry.metrics import Kind, Metric

INSTANCE_STATES: Final = ("alive", "lost")

GUARD_METRICS: Final = (
    Metric("mm_guard_up", Kind.GAUGE, (), "1 while the guard runs"),
    Metric(
        "mm_guard_blind",
        Kind.GAUGE,
        (),
        "1 while the guard can read neither Redis nor PostgreSQL, else 0",
    ),
    Metric(
        "mm_guard_instances",
        Kind.GAUGE,
        ("state",),
        "Instances by state: alive, or lost (silent, and still the owner of symbols)",
    ),
    Metric("mm_guard_interventions_total", Kind.COUNTER, (), "Symbols of lost instances that were cleared"),
    Metric(
        "mm_guard_last_look_timestamp_seconds",
        Kind.GAUGE,
        (),
        "When the guard looked last, seconds since 1970",
    ),
)
