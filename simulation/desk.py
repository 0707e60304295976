"""The desk: gets symbols going again whatever stopped them, as patiently as people are not."""

from dataclasses import replace

from market_maker.core import events as ev
from market_maker.core.commands import Reply
from market_maker.core.config import SymbolConfig
from market_maker.core.states import Cause, KillReason, State
from simulation.parts import Parts
from simulation.process import Process


class Desk:
    """Looks at every symbol at an interval: resets what is halted, enables what is paused."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.works = True
        self.refusals: dict[str, tuple[str, ...]] = {}
        """Why each symbol's last request was refused; empty when it was not."""

    def look(self, process: Process | None) -> None:
        """Once per interval."""
        if process is None or not self.works:
            return
        for symbol in self._parts.symbols:
            if symbol in process.owned:
                self.revive(process, symbol)

    def revive(self, process: Process, symbol: str) -> None:
        """One step towards ACTIVE."""
        state = process.engines[symbol].symbol.state
        if state is State.HALTED:
            process.control(symbol, Cause.RESET, rebase_pnl=True)
        elif state is State.PAUSED:
            process.control(symbol, Cause.ENABLE)

    def replied(self, process: Process, symbol: str, reply: Reply) -> None:
        """An engine answered."""
        codes = tuple(problem.code for problem in reply.problems)
        self.refusals[symbol] = codes
        if KillReason.EXPOSURE_BREACH.value in codes and self.works:
            config = self._parts.store.configs[symbol]
            self.configure(process, symbol, replace(config, max_position_usdt=2 * config.max_position_usdt))

    def configure(self, process: Process, symbol: str, config: SymbolConfig) -> None:
        """Another configuration: durable first, then told."""
        self._parts.store.configs[symbol] = config
        process.tell(symbol, ev.ConfigChanged(self._parts.clock.now_ns, config, "desk"))
