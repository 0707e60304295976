"""Protection against being filled too fast: a side pauses after its fill, and all quotes leave after a burst.

A burst begins with the fill that brings what filled within `fill_burst_window_ms` above
`fill_burst_quantity` or `fill_burst_usdt`. The quotes leave in that step and come back
`fill_burst_pause_ms` after the last fill that found the window above a limit. That is not a kill and never
ends one: it only keeps an ACTIVE symbol from quoting.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import EXACT
from market_maker.core.side import Side

NS_PER_MS = 1_000_000
FILLS_MAX = 1_000
"""Fills remembered; beyond it the two oldest count as one of the later time, which only protects longer."""


@dataclass(slots=True)
class FillProtection:
    """What filled lately, and until when what pauses. Times are monotonic nanoseconds."""

    burst_until_ns: int = 0
    _side_until_ns: dict[Side, int] = field(default_factory=dict)
    _fills: deque[tuple[int, Decimal, Decimal]] = field(default_factory=deque)
    """(time, base quantity, value in quote currency) within the window."""

    def filled(
        self, now_ns: int, side: Side, quantity: Decimal, price: Decimal, config: SymbolConfig
    ) -> bool:
        """Take a fill; whether quotes must leave for it now."""
        pause_ns = int(config.fill_pause_ms * NS_PER_MS)
        if pause_ns:
            self._side_until_ns[side] = now_ns + pause_ns
        burst = self._is_burst(now_ns, quantity, price, config)
        if burst:
            self.burst_until_ns = now_ns + int(config.fill_burst_pause_ms * NS_PER_MS)
        return burst or bool(pause_ns)

    def in_burst(self, now_ns: int) -> bool:
        """Whether nothing may be quoted."""
        return now_ns < self.burst_until_ns

    def rests(self, side: Side, now_ns: int) -> bool:
        """Whether the side pauses after a fill."""
        return now_ns < self._side_until_ns.get(side, 0)

    def _is_burst(self, now_ns: int, quantity: Decimal, price: Decimal, config: SymbolConfig) -> bool:
        if not config.fill_burst_quantity and not config.fill_burst_usdt:
            self._fills.clear()
            return False
        fills = self._fills
        fills.append((now_ns, quantity, EXACT.multiply(quantity, price)))
        since_ns = now_ns - int(config.fill_burst_window_ms * NS_PER_MS)
        while fills[0][0] < since_ns:
            fills.popleft()
        if len(fills) > FILLS_MAX:
            (_, quantity_1, value_1), (later_ns, quantity_2, value_2) = fills.popleft(), fills.popleft()
            fills.appendleft((later_ns, EXACT.add(quantity_1, quantity_2), EXACT.add(value_1, value_2)))
        filled, value = Decimal(0), Decimal(0)
        for _, one, worth in fills:
            filled, value = EXACT.add(filled, one), EXACT.add(value, worth)
        over_quantity = bool(config.fill_burst_quantity) and filled > config.fill_burst_quantity
        return over_quantity or (bool(config.fill_burst_usdt) and value > config.fill_burst_usdt)
