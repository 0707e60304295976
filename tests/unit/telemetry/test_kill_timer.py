from tests.support.counted import sample

from market_maker.telemetry.kill_timer import KillTimer
from market_maker.telemetry.metrics import Metrics

MS = 1_000_000


def measured(metrics: Metrics, name: str, symbol: str = "BTC-USDT") -> tuple[float | None, float | None]:
    """How often, and seconds in all."""
    return sample(metrics, f"{name}_count", symbol=symbol), sample(metrics, f"{name}_sum", symbol=symbol)


def test_a_kill_is_measured_until_its_cancel_all_leaves_and_until_zero_is_proven() -> None:
    metrics = Metrics()
    timer = KillTimer(metrics)
    timer.killed("BTC-USDT", 100 * MS)
    timer.cancel_all_left("BTC-USDT", 102 * MS)
    timer.cleared("BTC-USDT", 150 * MS)
    assert measured(metrics, "mm_kill_latency_seconds") == (1, 0.002)
    assert measured(metrics, "mm_kill_clear_seconds") == (1, 0.05)


def test_later_rounds_of_the_same_kill_are_not_measured_again() -> None:
    metrics = Metrics()
    timer = KillTimer(metrics)
    timer.killed("BTC-USDT", 0)
    for ms in (1, 100, 300):
        timer.cancel_all_left("BTC-USDT", ms * MS)
        timer.cleared("BTC-USDT", (ms + 1) * MS)
    assert measured(metrics, "mm_kill_latency_seconds") == (1, 0.001)
    assert measured(metrics, "mm_kill_clear_seconds") == (1, 0.002)


def test_a_cancel_all_from_before_the_kill_is_not_the_kills() -> None:
    metrics = Metrics()
    timer = KillTimer(metrics)
    timer.killed("BTC-USDT", 10 * MS)
    timer.cancel_all_left("BTC-USDT", 9 * MS)
    assert measured(metrics, "mm_kill_latency_seconds") == (None, None)
    timer.cancel_all_left("BTC-USDT", 11 * MS)
    assert measured(metrics, "mm_kill_latency_seconds") == (1, 0.001)


def test_a_pause_and_a_symbol_that_is_gone_are_not_measured() -> None:
    metrics = Metrics()
    timer = KillTimer(metrics)
    timer.cancel_all_left("BTC-USDT", MS)
    timer.cleared("BTC-USDT", MS)
    timer.killed("BTC-USDT", MS)
    timer.forget("BTC-USDT")
    timer.cancel_all_left("BTC-USDT", 2 * MS)
    timer.cleared("BTC-USDT", 2 * MS)
    assert measured(metrics, "mm_kill_latency_seconds") == (None, None)
    assert measured(metrics, "mm_kill_clear_seconds") == (None, None)
