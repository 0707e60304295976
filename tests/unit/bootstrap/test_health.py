"""What health says of the surroundings, when they answer, and when they do not."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from market_maker.api.ports import CheckStatus
from market_maker.bootstrap import health_monitor
from market_maker.bootstrap.health_monitor import HealthMonitor


@dataclass
class Journal:
    """What the journal knows of PostgreSQL."""

    failure: str = ""
    lag_s: float = 0.0

    def lag_ns(self) -> int:
        return int(self.lag_s * 1e9)


class Frozen:
    """A server that takes questions and neither answers nor lets go of them, until it thaws."""

    def __init__(self) -> None:
        self.thawed = asyncio.Event()
        self.asked = 0

    async def probe(self) -> None:
        self.asked += 1
        while not self.thawed.is_set():
            try:
                await self.thawed.wait()
            except asyncio.CancelledError:  # as asyncpg does, which waits for the server to take it back
                continue


async def fine() -> None:
    """It is there."""


def monitor(
    journal: Journal, **probes: health_monitor.Probe
) -> tuple[HealthMonitor, Callable[[], dict[str, CheckStatus]]]:
    watching = HealthMonitor(probes, lambda *_: None, journal)  # type: ignore[arg-type]  # what is asked of one
    return watching, lambda: {check.name: check.status for check in watching.health().checks}


async def test_who_does_not_answer_within_a_second_is_not_ok_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health_monitor, "ANSWER_S_MAX", 0.01)
    frozen = Frozen()
    watching, shown = monitor(Journal(), postgres=frozen.probe, kafka=fine)
    for _ in range(3):
        await watching.ask_all()
        assert shown() == {"postgres": CheckStatus.FAILED, "kafka": CheckStatus.OK}
    assert frozen.asked == 1
    frozen.thawed.set()
    await watching.ask_all()
    assert shown()["postgres"] is CheckStatus.OK


@pytest.mark.parametrize("journal", [Journal(failure="PostgreSQL is shutting down"), Journal(lag_s=1.5)])
async def test_what_the_journal_knows_already_health_says(journal: Journal) -> None:
    watching, shown = monitor(journal, postgres=fine)
    await watching.ask_all()
    assert shown() == {"postgres": CheckStatus.FAILED}
    journal.failure, journal.lag_s = "", 0.0
    assert shown() == {"postgres": CheckStatus.OK}
