"""On recorded markets the parts are the ledger's total at every step; a replay comes to the same figures."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.demo_run import PERPETUAL, SPOT, cut

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.config import SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.ledger.markouts import HORIZONS_MS
from market_maker.core.results import Markout
from market_maker.replay.beginning import Beginning
from simulation.earnings import Earnings
from tradex_backtest import run as run_module
from tradex_backtest.field import _play
from tradex_backtest.measured import MEASURED
from tradex_backtest.run import Run
from tradex_backtest.run_settings import RunSettings
from tradex_backtest.tapes.market import RecordedStream
from tradex_backtest.tapes.opening import Capture, open_capture

pytestmark = [
    pytest.mark.captures,
    pytest.mark.skipif(not SPOT.exists(), reason=f"the recorded markets are not at {SPOT.parent}"),
]
LINES = 12_000
"""Some minutes of each market."""
CONFIG = SymbolConfig(
    "BTCUSDT", enabled=True, base_spread_bps=Decimal("0.2"), num_levels=2, level_spacing_bps=Decimal("0.5")
)


class Heard:
    """What an engine heard, and what it said of markouts; its results are checked after each step."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.markouts: list[Markout] = []
        self._earnings = Earnings()

    def step(self, engine: SymbolEngine, event: ev.Event, said: list[cmd.Command]) -> None:
        self.events.append(event)
        for command in said:
            if isinstance(command, cmd.RecordFill):
                self._earnings.take(command)
            elif isinstance(command, cmd.RecordMarkouts):
                self.markouts += command.markouts
        self._earnings.compare(engine.symbol)


@pytest.mark.parametrize("capture", [SPOT, PERPETUAL], ids=["spot", "perpetual"])
def test_on_each_recorded_market_the_parts_are_the_total_and_a_replay_gives_the_same(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = RecordedStream(open_capture(Capture((cut(capture, LINES, tmp_path / "cut.gz"),))))
    began_ns = stream.began_us * 1_000
    heard, handle = Heard(), SymbolEngine.handle

    def watched(engine: SymbolEngine, event: ev.Event) -> list[cmd.Command]:
        said = handle(engine, event)
        heard.step(engine, event, said)
        return said

    monkeypatch.setattr(SymbolEngine, "handle", watched)
    run = Run(stream, CONFIG, RunSettings(MEASURED))
    _play(stream, [run], lambda _share: None)
    live = run.engine.symbol
    fills = live.inventory.fill_count
    assert fills > 20
    assert live.parts.total == live.total_pnl
    assert live.parts.spread != 0
    assert live.parts.inventory != 0
    assert len(heard.markouts) + len(live.markouts) == fills * len(HORIZONS_MS)
    assert sum(markout.mid is not None for markout in heard.markouts) > fills

    start = run_module.beginning(stream.instrument, CONFIG, began_ns)
    again, _ = Beginning.of(start, RunSettings(MEASURED).limits, ()).start()
    repeated = Heard()
    for event in heard.events:
        repeated.step(again, event, handle(again, event))
    assert again.symbol.parts == live.parts
    assert again.symbol.total_pnl == live.total_pnl
    assert repeated.markouts == heard.markouts
