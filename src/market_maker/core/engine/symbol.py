"""Everything one engine knows: plain data that the handlers of the core read and change.

No behaviour lives here beyond small derived values; each handler module owns one kind of event.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from market_maker.core.applied import Applied
from market_maker.core.book.order_book import OrderBook
from market_maker.core.commands import Command
from market_maker.core.config import EngineLimits, FairValue, SymbolConfig
from market_maker.core.engine.clearing_progress import Clearing
from market_maker.core.engine.stats import Stats
from market_maker.core.events import PublicTrade
from market_maker.core.instrument import EXACT, Instrument
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.ledger.markouts import Markouts, Watched
from market_maker.core.ledger.presence import Presence
from market_maker.core.ledger.quoting_time import QuotingTime
from market_maker.core.obligations import Programme
from market_maker.core.orders.ids import IdSeed, OrderIds
from market_maker.core.orders.order_tracker import OrderTracker
from market_maker.core.pricing.choices import Choices
from market_maker.core.pricing.model_quotes import ModelQuotes, model_quotes
from market_maker.core.pricing.models.proposal import NotReady
from market_maker.core.pricing.quoting import QuoteLevel, QuoteSet, QuotingEngine
from market_maker.core.pricing.reference_mid import MidSource, ReferenceMid
from market_maker.core.pricing.volatility import Volatility
from market_maker.core.results import NOTHING, Parts
from market_maker.core.risk.fill_protection import FillProtection
from market_maker.core.risk.kill_switch import Surroundings, Trigger
from market_maker.core.risk.pre_trade_check import OrderLimits
from market_maker.core.side import Side
from market_maker.core.states import State
from market_maker.core.view import KillView

NS_PER_MS = 1_000_000

_BUY, _SELL = Side.BUY.value, Side.SELL.value
_ACTIVE, _MARK = State.ACTIVE, MidSource.MARK

PUBLIC_TRADES_MAX = 16
"""Public trades remembered: when the latest prove to be ours, one of others may stand before them."""


@dataclass(frozen=True, slots=True)
class PricePoint:
    """A price in quote currency and the monotonic time at which it was true."""

    price: Decimal
    data_ns: int


class Valuation(NamedTuple):
    """The price that values the position, where it is from, and the monotonic time at which it was true."""

    price: Decimal
    source: MidSource
    data_ns: int


Basis = tuple[ReferenceMid, Decimal, tuple[QuoteLevel, ...], tuple[QuoteLevel, ...], int, OrderLimits]
"""What orders are held against: mid, result, bids, asks, how far inside its level an order may rest, and the
limits, which are made anew when they change. A plain tuple, as it is made at each evaluation."""

Out = list[Command]
"""Where handlers put the commands of one event."""


@dataclass(slots=True)
class Symbol:
    """The state of one symbol's engine. Times are monotonic nanoseconds, amounts quote currency."""

    config: SymbolConfig
    limits: EngineLimits
    instrument: Instrument
    state: State
    inventory: Inventory
    ids: OrderIds
    pnl_baseline: Decimal = Decimal(0)
    parts_baseline: Parts = NOTHING
    """What `pnl_baseline` came from."""
    rebase_pending: bool = False
    """Whether a reset asked for a new P&L baseline that still waits for a price."""
    state_reason: str = ""
    state_actor: str = "system"
    state_since_ns: int = 0
    kill: KillView | None = None
    now_ns: int = 0
    phase: int = 0
    """Where within its interval the symbol is evaluated: any number, of which the remainder counts."""
    retired: str = ""
    """Why the symbol may not become ACTIVE any more: shutdown, deletion, partition gone; usually empty."""

    book: OrderBook = field(default_factory=OrderBook)
    volatility: Volatility = field(default_factory=Volatility)
    orders: OrderTracker = field(default_factory=OrderTracker)
    clearing: Clearing = field(default_factory=Clearing)
    health: Surroundings = field(default_factory=Surroundings)
    stats: Stats = field(default_factory=Stats)
    markouts: Markouts = field(default_factory=Markouts)
    """Fills that wait for a later price."""
    presence: Presence = field(default_factory=lambda: Presence(()))
    """How far the symbol's programmes are kept."""
    quoting_time: QuotingTime = field(default_factory=QuotingTime)
    minute_ns: int = 0
    """The next full minute of the wall clock, monotonic."""
    minute_parts: Parts | None = None
    """What the result came from at the last full minute that was recorded."""
    protection: FillProtection = field(default_factory=FillProtection)
    quoting: QuotingEngine = field(init=False)
    """The formula: the default model, and what quotes while another is not ready."""
    model_quotes: ModelQuotes | None = None
    """The configuration's model; None for the formula."""
    choices: Choices | None = None
    """What the desk asks of the quotes of any model; None for nothing."""
    quotes_plainly: bool = True
    """By the formula around the mid and nothing else."""
    not_ready: NotReady | None = None
    """Why the model did not quote in the last evaluation."""
    order_limits: OrderLimits = field(init=False)
    interval_ns: int = field(init=False)
    """Time between two evaluations, as a rule."""
    due_ns: int = field(init=False)
    """When the next evaluation is due."""
    staleness_ns: int = field(init=False)
    """Age at which market data may no longer be quoted from."""
    tick_size: float = field(init=False)
    """For statistics only: a mid in quote currency stays comparable when the grid changes."""
    price_threshold: tuple[int, int] = field(init=False)
    """How far an order may stand from its level, in bps as numerator and denominator."""
    reference_units_min: int = field(init=False)
    """Ticks * lots of others that a level needs to count for the reference mid."""

    mark: PricePoint | None = None
    trades: deque[PublicTrade] = field(default_factory=lambda: deque(maxlen=PUBLIC_TRADES_MAX))
    """The latest public trades; some may turn out to be ours."""
    mid: ReferenceMid | None = None
    """The reference mid of the last look; while undecided, the possible one nearest to `certain_mid`."""
    mid_data_ns: int = 0
    """When the data behind `mid` was true."""
    _priced_mid: ReferenceMid | None = None
    """The mid that `_mid_price` is the price of."""
    _mid_price: Decimal = Decimal(0)
    certain_mid: ReferenceMid | None = None
    """The last mid about which there was no doubt."""
    mid_sequence: int = 0
    """The book's sequence at the last look."""
    undecided: tuple[tuple[int | None, int | None], tuple[int | None, int | None]] | None = None
    """Others' possible and certain best bid and ask at the last look; None when they settle the mid."""
    quote: QuoteSet | None = None
    verdicts: dict[tuple[Side, int], str] = field(default_factory=dict)
    """What became of each level of `quote`: resting, placed, or why no order was sent for it. An order may
    rest for a level that says the latter: it stands elsewhere and stays until its replacement is sent."""
    no_quote_reason: str = "not evaluated yet"
    """Why there is no `quote` at all."""
    next_instrument: Instrument | None = None
    """A new grid that waits until no order of the old one is left."""

    grid_since_ns: int = 0
    """When the latest grid was learned: a book that waited since before counts in ticks of the old one."""
    evaluated_ns: int = 0
    urgent: bool = False
    """Evaluate now, whatever the quote interval says."""
    unseen_ns: int | None = None
    """When the first market data arrived that no evaluation has seen; None when all has been seen."""
    caused_ns: int = 0
    """Since when the current evaluation was possible: data was there and the interval allowed it."""
    trace: str | None = None
    """The trace of the latest market data that no evaluation has seen."""
    place_after_ns: int = 0
    """No placement before this time: the exchange asked for a pause."""
    sends: deque[int] = field(default_factory=deque)
    """Times of the latest sends, at most MAX_ORDERS_PER_SECOND of them."""
    last_sent: Side | None = None
    """The side of the latest new order: where all else is equal, the other one is next."""
    trade_keys: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)
    applied: Applied | None = None
    """How far engine events are counted; None until the first execution is."""
    settled: Basis | None = None
    """What the orders were last held against, if they served every level and nothing was to be done: the same
    again leads to nothing. Forgotten with any event that is no market data, and with any command."""
    owed: "Out | None" = None
    """Records of a step that raised, until the fault that follows; usually None."""

    def __post_init__(self) -> None:
        self.regrid()

    def regrid(self) -> None:
        """Make anew what depends on configuration and instrument."""
        config, limits = self.config, self.limits
        self.model_quotes = model_quotes(config, self.instrument, self.model_quotes)
        self.not_ready = None
        self.choices = Choices.of(config, self.instrument)
        plain = self.model_quotes is None and self.choices is None
        self.quotes_plainly = plain and config.fair_value is FairValue.MID
        self.quoting = QuotingEngine(config, self.instrument)
        self.order_limits = OrderLimits(config, limits, self.instrument)
        self.interval_ns = max(int(config.quote_interval_ms * NS_PER_MS), limits.quote_update_interval_ns)
        self.staleness_ns = limits.market_data_staleness_ns
        if config.check_staleness:
            self.staleness_ns = min(self.staleness_ns, int(config.staleness_threshold_ms * NS_PER_MS))
        self.tick_size = float(self.instrument.tick_size)
        self.reference_units_min = self.instrument.units_of(config.reference_min_notional_usdt)
        self.price_threshold = config.price_threshold_bps.as_integer_ratio()
        self._priced_mid = None
        self._pace()

    def evaluated(self) -> None:
        """An evaluation takes place now."""
        self.evaluated_ns = self.now_ns
        self._pace()

    def _pace(self) -> None:
        """The next evaluation is due an interval after the last one, at the nearest time of the own phase.

        One stall makes all symbols late at once; from then on they would be evaluated one right after the
        other, in each interval, without the phase.
        """
        due_ns = self.evaluated_ns + self.interval_ns
        ahead_ns = (due_ns - self.phase) % self.interval_ns
        self.due_ns = due_ns - ahead_ns + (self.interval_ns if 2 * ahead_ns > self.interval_ns else 0)

    @property
    def name(self) -> str:
        """The symbol."""
        return self.config.symbol

    @property
    def latest_instrument(self) -> Instrument:
        """The newest metadata: that of the book's ticks and lots, also while old orders are cleared."""
        return self.next_instrument or self.instrument

    @property
    def is_active(self) -> bool:
        """Whether orders may be placed at all."""
        return self.state is _ACTIVE and self.kill is None

    @property
    def wants_orders(self) -> bool:
        """Whether an order may stay in the market: there is a quote that it serves."""
        return self.is_active and self.quote is not None

    def fresh(self, point: PricePoint | None) -> Decimal | None:
        """The price, or None when there is none or it is too old."""
        if point is None or self.now_ns - point.data_ns > self.staleness_ns:
            return None
        return point.price

    @property
    def last_trade(self) -> PricePoint | None:
        """The latest trade of others: no execution of ours, nor what may prove to be one."""
        for trade in reversed(self.trades):
            if not self.is_ours(trade) and not self._may_be_ours(trade):
                return PricePoint(trade.price, trade.data_ns)
        return None

    def is_ours(self, trade: PublicTrade) -> bool:
        """Whether the matching engine has said that our account took part in it."""
        keys, trade_id = self.trade_keys, trade.trade_id
        return (trade_id, _BUY) in keys or (trade_id, _SELL) in keys

    def _may_be_ours(self, trade: PublicTrade) -> bool:
        """Whether an order of ours stood at its price, of which not all fills may have reached us.

        The public trade and our execution travel different ways. Once such an order is settled, its fills are
        known, and a trade that is none of them was of others.
        """
        return any(order.price == trade.price and order.sent_ns <= trade.at_ns for order in self.orders)

    @property
    def book_is_fresh(self) -> bool:
        """Whether the book's data is young enough to quote from."""
        return self.now_ns < self.stale_ns

    @property
    def stale_ns(self) -> int:
        """From when on the book's data is too old to quote from; 0 when there is none."""
        data_ns = self.book.data_ns
        return data_ns + self.staleness_ns + 1 if data_ns is not None else 0

    def drop_quote(self, reason: str) -> None:
        """There is no quote any more; operators are told why."""
        self.quote = None
        self.verdicts.clear()
        self.no_quote_reason = reason

    @property
    def valuation(self) -> Valuation | None:
        """What unrealized P&L is reckoned with: mark if fresh, else the last reference mid."""
        mark = self.mark
        if mark is not None and self.fresh(mark) is not None:
            return Valuation(mark.price, _MARK, mark.data_ns)
        if self.mid is None:
            return None
        return Valuation(self.price_of(self.mid), self.mid.source, self.mid_data_ns)

    @property
    def inventory_value(self) -> Decimal | None:
        """Position times reference mid, None while no mid is known."""
        if self.mid is None:
            return Decimal(0) if self.inventory.position == 0 else None
        return self.inventory.value(self.price_of(self.mid))

    def price_of(self, mid: ReferenceMid) -> Decimal:
        """The mid in quote currency, worked out once for each."""
        if mid is not self._priced_mid:
            self._priced_mid, self._mid_price = mid, mid.price(self.instrument)
        return self._mid_price

    @property
    def exposure_is_unknown(self) -> bool:
        """Whether there is a position and no reference mid that is young enough to value it."""
        has_mid = self.mid is not None and self.now_ns - self.mid_data_ns <= self.staleness_ns
        return bool(self.inventory.position) and not has_mid

    @property
    def gross_pnl(self) -> Decimal:
        """Realized plus unrealized, before the baseline; without any price the latter counts as zero."""
        valuation = self.valuation
        unrealized = self.inventory.unrealized(valuation.price) if valuation is not None else Decimal(0)
        return EXACT.add(self.inventory.realized, unrealized)

    @property
    def total_pnl(self) -> Decimal:
        """Realized plus unrealized minus baseline."""
        return EXACT.subtract(self.gross_pnl, self.pnl_baseline)

    @property
    def gross_parts(self) -> Parts:
        """What `gross_pnl` comes from."""
        valuation = self.valuation
        return self.inventory.parts(valuation.price if valuation is not None else None)

    @property
    def parts(self) -> Parts:
        """What `total_pnl` comes from."""
        return self.gross_parts.since(self.parts_baseline)


@dataclass(frozen=True, slots=True)
class Restored:
    """What an engine starts from: rows of the database and metadata. See `engine.SymbolEngine`."""

    config: SymbolConfig
    instrument: Instrument
    state: State
    state_reason: str
    state_actor: str
    kill: Trigger | None
    pnl_baseline: Decimal
    inventory: Inventory
    trade_keys: tuple[tuple[str, str], ...]
    """(trade id, side) of the latest executions already counted, oldest first."""
    ids: IdSeed
    filled_by_order: tuple[tuple[str, Decimal], ...] = ()
    """(exchange's order id, base quantity) that those executions filled, of the latest orders."""
    rebase_pending: bool = False
    phase: int = 0
    """See `Symbol.phase`; another one for each symbol."""
    applied: Applied | None = None
    """How far engine events are counted in those executions."""
    spread_baseline: Decimal = Decimal(0)
    """The part of `pnl_baseline` that was spread capture ..."""
    fees_baseline: Decimal = Decimal(0)
    """... and what was fees; the rest was inventory."""
    due_markouts: tuple[Watched, ...] = ()
    """Fills of which not all markouts are stored."""
    programmes: tuple[Programme, ...] = ()
    """What was promised to the exchange for this symbol."""
    learned: str = ""
    """What the configuration's model goes on from, as its own text; it can read it."""

    @property
    def parts_baseline(self) -> Parts:
        """What the baseline came from."""
        inventory = EXACT.add(EXACT.subtract(self.pnl_baseline, self.spread_baseline), self.fees_baseline)
        return Parts(self.spread_baseline, inventory, self.fees_baseline)
