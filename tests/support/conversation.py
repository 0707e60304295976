"""One engine that is told events and answers with commands; see `playbook` for how that reads."""

from decimal import Decimal
from typing import Self

from tests.support.said import Said, Scribe

from market_maker.core import events as ev
from market_maker.core.applied import Applied
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.instrument import Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.ledger.markouts import Watched
from market_maker.core.obligations import Programme
from market_maker.core.orders.ids import IdSeed
from market_maker.core.orders.order_tracker import Order
from market_maker.core.risk.kill_switch import Trigger
from market_maker.core.states import State

START_NS = 1_000_000_000_000
MS = 1_000_000
EXCHANGE_US = 1_000
"""The exchange's clock in these scripts: microseconds of the same time."""

INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5))
CONFIG = SymbolConfig("BTC-USDT", enabled=True, volatility_multiplier=False, inventory_skew_factor=Decimal(0))
"""Around a mid of 1000: bid 9995, ask 10005 ticks, 100 lots each."""
LIMITS = EngineLimits()


class Conversation:
    """One engine with a clock that only the script moves."""

    def __init__(
        self,
        *,
        config: SymbolConfig = CONFIG,
        limits: EngineLimits = LIMITS,
        instrument: Instrument = INSTRUMENT,
        state: State = State.PAUSED,
        kill: Trigger | None = None,
        inventory: Inventory | None = None,
        pnl_baseline: Decimal = Decimal(0),
        trade_keys: tuple[tuple[str, str], ...] = (),
        open_orders: tuple[Order, ...] = (),
        filled_by_order: tuple[tuple[str, Decimal], ...] = (),
        rebase_pending: bool = False,
        phase: int = 0,
        applied: Applied | None = None,
        due_markouts: tuple[Watched, ...] = (),
        programmes: tuple[Programme, ...] = (),
    ) -> None:
        self.now_ns = START_NS
        self.instrument = instrument
        self.sequence = 0
        self._scribe = Scribe()
        self._requests = 0
        restored = Restored(
            config,
            instrument,
            state,
            "before",
            "someone",
            kill,
            pnl_baseline,
            inventory if inventory is not None else Inventory(),
            trade_keys,
            IdSeed(12345, START_NS // MS, START_NS),
            filled_by_order,
            rebase_pending,
            phase,
            applied,
            due_markouts=due_markouts,
            programmes=programmes,
        )
        self.engine = SymbolEngine(restored, limits)
        self.said = self._scribe.said(self.engine.start(open_orders))
        """The answer to the latest event; at first, to the start."""

    # --- the clock ---------------------------------------------------------------------------

    def after(self, ms: float) -> Self:
        """Let time pass without telling the engine."""
        self.now_ns += round(ms * MS)
        return self

    def tick(self, ms: float = 0) -> Said:
        """Time passed, and nothing else happened."""
        self.after(ms)
        return self.when(ev.Tick(self.now_ns))

    def evaluate(self) -> Said:
        """The next evaluation that the quote interval allows."""
        return self.tick((self.engine.symbol.due_ns - self.now_ns) / MS)

    # --- events ------------------------------------------------------------------------------

    def when(self, event: ev.Event) -> Said:
        """Hand over any event."""
        self.said = self._scribe.said(self.engine.handle(event))
        return self.said

    # --- names -------------------------------------------------------------------------------

    def id(self, name: str) -> str:
        """The client order id behind a name."""
        return self._scribe.id(name)

    @property
    def names(self) -> list[str]:
        """The names of all orders that were placed, oldest first."""
        return self._scribe.names

    @staticmethod
    def order_id(name: str) -> str:
        """The exchange's id of an order."""
        return "x" + name.removeprefix("c")
