import asyncio

import pytest
from benchmarks.soak.samples import Sample, judge
from benchmarks.soak.virtual_loop import START_NS, VirtualLoop


def sample(hour: int, rss_mib: float = 100.0, blocks: int = 1_000, tasks: int = 5, files: int = 20) -> Sample:
    return Sample(hour * 3_600.0, rss_mib, blocks, tasks, files, 7, 0, 0)


def verdicts(samples: list[Sample], warm_up_h: int = 1) -> dict[str, bool]:
    return {verdict.name: verdict.flat for verdict in judge(samples, warm_up_h * 3_600.0)}


def test_growth_during_the_warm_up_counts_for_nothing() -> None:
    samples = [sample(0, 50.0), *(sample(hour) for hour in range(1, 10))]
    assert all(verdicts(samples).values())


def test_memory_may_come_and_go_by_five_percent_and_no_more() -> None:
    flat = [sample(1, 100.0), sample(2, 104.9), sample(3, 97.0), sample(4, 100.0)]
    assert verdicts(flat)["resident memory, MiB"]
    flat.insert(2, sample(3, 105.2))
    assert not verdicts(flat)["resident memory, MiB"]


def test_blocks_that_leak_are_seen_although_the_memory_stays() -> None:
    samples = [sample(hour, blocks=1_000 + 20 * hour) for hour in range(1, 10)]
    found = verdicts(samples)
    assert (found["resident memory, MiB"], found["Python's blocks"]) == (True, False)


def test_tasks_that_come_and_go_are_flat_and_tasks_that_pile_up_are_not() -> None:
    busy = [sample(hour, tasks=5 + hour % 3) for hour in range(1, 13)]
    assert verdicts(busy)["tasks"]
    leaking = [sample(hour, tasks=5 + hour) for hour in range(1, 13)]
    assert not verdicts(leaking)["tasks"]


def test_one_more_file_each_hour_is_a_leak() -> None:
    samples = [sample(hour, files=20 + hour) for hour in range(1, 13)]
    assert not verdicts(samples)["file descriptors"]


def test_a_run_that_ends_with_its_warm_up_proves_nothing() -> None:
    with pytest.raises(ValueError, match="run longer"):
        judge([sample(0), sample(1)], 3_600.0)


def test_a_day_of_virtual_time_passes_at_once_and_in_order() -> None:
    seen: list[tuple[float, int]] = []

    async def wait(hours: float) -> None:
        await asyncio.sleep(hours * 3_600)
        loop = asyncio.get_running_loop()
        seen.append((hours, round(loop.time() - START_NS / 1e9)))

    async def day() -> None:
        await asyncio.gather(*(wait(hours) for hours in (24.0, 1.0, 2.5)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(day())
    assert seen == [(1.0, 3_600), (2.5, 9_000), (24.0, 86_400)]


def test_a_program_that_waits_for_nothing_is_told_so() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    with (
        pytest.raises(RuntimeError, match="nothing is left to happen"),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(stuck())
