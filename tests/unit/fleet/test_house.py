"""The limits over all symbols as one instance measures them: its own, the others' and what nobody shows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
from tests.support.playbook import Playbook, active

from lab.desk_records import START, view_of
from market_maker.api import rendering
from market_maker.api.answers import SymbolSummary
from market_maker.api.fleet_port import ShownElsewhere
from market_maker.core.config import SymbolConfig
from market_maker.core.events import HouseMeasured
from market_maker.core.risk.house_limits import HouseLimits
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.fleet.house import GRACE_S, HouseWatch
from market_maker.repositories.day_marks import DayMarkRepository

BTC, ETH = "BTC-USDT", "ETH-USDT"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Tenure:
    is_held: bool = True


@dataclass
class Worker:
    """A symbol of this instance: its engine is a real one."""

    engine: Any
    name: str = BTC
    tenure: Tenure = field(default_factory=Tenure)


@dataclass
class Around:
    """What the watch looks at, and what it tells."""

    shown: dict[str, SymbolSummary] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    configs: dict[str, SymbolConfig] = field(default_factory=dict)
    told: list[HouseMeasured] = field(default_factory=list)
    now: datetime = NOON
    play: Playbook | None = None

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.workers)

    def tell(self, symbol: str, event: HouseMeasured) -> None:
        assert symbol == BTC
        self.told.append(event)

    async def elsewhere(self) -> ShownElsewhere:
        return ShownElsewhere(self.shown, {})

    def watch(self, pool: asyncpg.Pool, **limits: Decimal) -> HouseWatch:
        parts: Any = self
        return HouseWatch(
            HouseLimits(**limits),
            0,
            parts,
            parts,
            lambda: self.configs,
            DayMarkRepository(pool),
            lambda: self.now,
        )


def with_own(inventory: str = "0.5") -> Around:
    """This instance runs BTC-USDT, ACTIVE, long of so much at a mid of 1000."""
    play = active()
    play.execution("t", Side.BUY, "1000", inventory)
    configs = {BTC: play.engine.symbol.config}
    return Around(workers=[Worker(play.engine)], configs=configs, play=play)


def shown(position: str, inventory: str | None, **changes: Any) -> SymbolSummary:
    """What another instance shows of ETH-USDT."""
    made = rendering.summary(view_of(SymbolConfig(ETH)), "south", lambda _: START)
    known = None if inventory is None else Decimal(inventory)
    pnl = made.pnl.model_copy(update={"unrealized": None if inventory is None else Decimal(0)})
    fields = {"position": Decimal(position), "inventory_usdt": known, "pnl": pnl, **changes}
    return made.model_copy(update=fields)


async def test_what_runs_here_and_what_another_instance_shows_are_added(pool: asyncpg.Pool) -> None:
    around = with_own()
    around.configs[ETH] = SymbolConfig(ETH)
    around.shown[ETH] = shown("-2", "-700")
    watch = around.watch(pool, gross_usdt=Decimal(1000), net_usdt=Decimal(1000))
    await watch.measure_and_tell(0)
    assert around.told[-1].measured.startswith("gross inventory 1200")
    gross, net = watch.shown()
    assert (gross.known_usdt, net.known_usdt, gross.unknown) == (Decimal(1200), Decimal(200), [])


async def test_a_symbol_that_nobody_shows_counts_with_all_it_may_hold_after_some_moments(
    pool: asyncpg.Pool,
) -> None:
    around = with_own()
    around.configs[ETH] = SymbolConfig(ETH, max_position_usdt=Decimal(900))
    watch = around.watch(pool, gross_usdt=Decimal(1000))
    await watch.measure_and_tell(0)
    await watch.measure_and_tell(GRACE_S - 1)
    assert [event.measured for event in around.told] == ["", ""]
    await watch.measure_and_tell(GRACE_S)
    assert around.told[-1].measured.endswith("not known of ETH-USDT")
    assert watch.shown()[0].left_usdt < 0
    around.shown[ETH] = shown("1", "100")
    await watch.measure_and_tell(GRACE_S + 1)
    assert around.told[-1].measured == ""


async def test_what_a_silent_instance_showed_of_an_active_symbol_is_known_no_more(
    pool: asyncpg.Pool,
) -> None:
    around = with_own()
    around.configs[ETH] = SymbolConfig(ETH)
    state = shown("1", "100").state.model_copy(update={"value": State.ACTIVE})
    around.shown[ETH] = shown("1", "100", owner_silent_ms=3000, state=state)
    watch = around.watch(pool, gross_usdt=Decimal(1000))
    await watch.measure_and_tell(0)
    assert watch.shown()[0].unknown == [ETH]
    paused = state.model_copy(update={"value": State.PAUSED})
    around.shown[ETH] = shown("1", "100", owner_silent_ms=3000, state=paused)
    await watch.measure_and_tell(1)
    assert watch.shown()[0].unknown == []


async def test_the_loss_counts_since_the_day_began_also_after_a_restart(pool: asyncpg.Pool) -> None:
    around = with_own()
    watch = around.watch(pool, loss_usdt=Decimal(10))
    await watch.measure_and_tell(0)
    assert watch.shown()[0].known_usdt == 0
    assert around.play is not None
    around.play.execution("t2", Side.BUY, "1000", "0.001", fee="20")
    await watch.measure_and_tell(1)
    assert around.told[-1].measured.startswith("loss of the day 20")
    again = around.watch(pool, loss_usdt=Decimal(10))
    await again.measure_and_tell(0)
    assert around.told[-1].measured.startswith("loss of the day 20")
    around.now = NOON + timedelta(hours=13)
    await again.measure_and_tell(1)
    assert around.told[-1].measured == ""


async def test_the_day_begins_when_it_is_told_to(pool: asyncpg.Pool) -> None:
    parts: Any = Around()
    watch = HouseWatch(
        HouseLimits(loss_usdt=Decimal(1)), 17 * 60, parts, parts, dict, DayMarkRepository(pool)
    )
    assert watch._day_of(NOON) == NOON.replace(hour=17) - timedelta(days=1)
    assert watch._day_of(NOON.replace(hour=17)) == NOON.replace(hour=17)
