"""The guard: what a silent instance has left is taken away, HALTED, and cancelled until it is gone."""

from functools import partial
from typing import Final

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.events import RequestOutcome
from simulation.clock import MS, Clock
from simulation.coverage import Coverage
from simulation.fleet.exchange import FleetExchange
from simulation.fleet.instance import LEASE_NS, FleetInstance
from simulation.fleet.rows import FleetRows

SILENCE_NS: Final = 2_500 * MS
LOOK_NS: Final = 100 * MS
SETTLE_NS: Final = 500 * MS


class FleetGuard:
    """Sees beats, never partitions."""

    def __init__(
        self,
        clock: Clock,
        coverage: Coverage,
        rows: FleetRows,
        exchange: FleetExchange,
        instances: dict[str, FleetInstance],
    ) -> None:
        self._clock, self._coverage = clock, coverage
        self._rows, self._exchange, self._instances = rows, exchange, instances
        self._cases: dict[str, int] = {}
        """Symbols that were taken away, and since when their last owner can renew no lease."""
        clock.after(LOOK_NS, self._look)

    def _look(self) -> None:
        now_ns = self._clock.now_ns
        for symbol, name in sorted(self._rows.owners_by_symbol().items()):
            if now_ns - self._instances[name].beat_ns >= SILENCE_NS and self._rows.take_away(symbol, name):
                self._coverage.hit("fleet:guarded")
                self._cases[symbol] = now_ns
        for symbol in sorted(self._cases):
            if self._rows.owners[symbol].instance_id is not None:
                del self._cases[symbol]  # whoever has taken it clears it by itself
                continue
            self._exchange.send(symbol, cmd.CancelAll(), "guard", lambda _answer: None)
            self._exchange.send(symbol, cmd.QueryOpenOrders(), "guard", partial(self._told, symbol))
        self._clock.after(LOOK_NS, self._look)

    def _told(self, symbol: str, answer: ev.Event) -> None:
        taken_ns = self._cases.get(symbol)
        if taken_ns is None or not isinstance(answer, ev.OpenOrdersAnswer):
            return
        is_empty = answer.outcome is RequestOutcome.OK and not answer.orders
        if is_empty and answer.asked_at_ns >= taken_ns + LEASE_NS + SETTLE_NS:
            del self._cases[symbol]
