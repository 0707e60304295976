import asyncio
import time

from market_maker.telemetry import loop_lag
from market_maker.telemetry.loop_lag import LoopLagMonitor


def stand_still(seconds: float) -> None:
    time.sleep(seconds)


async def test_time_that_the_loop_stood_still_is_added_up_and_reported() -> None:
    reported: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
    monitor = LoopLagMonitor(lambda longest, stalled: reported.set_result((longest, stalled)))
    monitor.start()
    stand_still(loop_lag.REPORT_NS / 1e9)
    longest_ns, stalled_ns = await reported
    monitor.stop()
    wanted = loop_lag.REPORT_NS - 2 * int(loop_lag.BEAT_S * 1e9)
    assert longest_ns > wanted
    assert monitor.stalled_ns >= stalled_ns > wanted


async def test_a_stall_counts_before_its_end_was_noticed() -> None:
    monitor = LoopLagMonitor()
    monitor.start()
    stand_still(0.05)
    assert monitor.stalled_ns > 30_000_000
    monitor.stop()


async def test_a_loop_that_runs_has_not_stood_still() -> None:
    monitor = LoopLagMonitor()
    assert monitor.stalled_ns == 0
    monitor.start()
    await asyncio.sleep(0)
    assert monitor.stalled_ns == 0
    monitor.stop()
