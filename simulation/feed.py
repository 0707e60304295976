"""Market data and instruments on their way to a process, in order per symbol, and what spoils them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from market_maker.core import events as ev
from market_maker.core.book.grid import GridCache
from market_maker.core.instrument import Instrument, OffGridError
from simulation import translate
from simulation.clock import MS, Clock
from simulation.coverage import Coverage
from simulation.decisions import Kind
from simulation.venue import Feed
from tradex_backtest.run import instrument_of
from tradex_sandbox import instruments
from tradex_sandbox import market_events as me

DELIVERY_NS = MS

Deliver = Callable[[str, ev.Event], None]


@dataclass(slots=True)
class Channel:
    """One symbol's market data."""

    grid: GridCache
    """What the poll thread reads books on: the grid on which the engine works."""
    announced: Instrument
    """The newest instrument that was delivered."""
    waiting: list[tuple[Feed, int]] = field(default_factory=list)
    held_until_ns: int = 0
    lose: int = 0
    repeat: int = 0
    corrupt: bool = False
    cross: bool = False
    late_snapshot_ns: int = 0


class Feeds:
    """All symbols."""

    def __init__(self, clock: Clock, coverage: Coverage) -> None:
        self._clock, self._coverage = clock, coverage
        self.channels: dict[str, Channel] = {}
        self.deliver: Deliver = lambda _symbol, _event: None
        self.history: dict[str, list[Instrument]] = {}

    def announce(self, symbol: str, listed: instruments.Instrument, reason: str) -> None:
        """The exchange tells of an instrument."""
        instrument = instrument_of(listed)
        if symbol not in self.channels:
            self.channels[symbol] = Channel(GridCache(instrument), instrument)
        self.history.setdefault(symbol, []).append(instrument)
        self._clock.after(DELIVERY_NS, self.tell_instrument, symbol, instrument, reason)

    def tell_instrument(self, symbol: str, instrument: Instrument, reason: str) -> None:
        """It reaches the process."""
        channel = self.channels[symbol]
        if instrument.version >= channel.announced.version:
            channel.announced = instrument
        self.deliver(symbol, ev.InstrumentUpdated(self._clock.now_ns, instrument, reason))

    def works_on(self, symbol: str, instrument: Instrument) -> None:
        """The engine works on this grid now."""
        channel = self.channels[symbol]
        if channel.grid.instrument is not instrument:
            if not channel.grid.instrument.same_grid(instrument):
                self._coverage.hit("grid_adopted")
            channel.grid = GridCache(instrument)

    def publish(self, symbol: str, message: Feed) -> None:
        """The exchange tells of its market."""
        channel = self.channels[symbol]
        if isinstance(message, me.BookDelta) and channel.lose:
            channel.lose -= 1
            self._coverage.hit(Kind.FEED_GAP.value)
            return
        delay_ns = DELIVERY_NS
        if isinstance(message, me.BookSnapshot) and channel.cross and message.bids and message.asks:
            channel.cross = False
            self._coverage.hit(Kind.FEED_CROSSED.value)
            message = translate.crossed(message)
        if isinstance(message, me.BookSnapshot) and channel.late_snapshot_ns:
            delay_ns += channel.late_snapshot_ns
            channel.late_snapshot_ns = 0
            self._coverage.hit(Kind.FEED_LATE_SNAPSHOT.value)
        self._clock.after(delay_ns, self._arrive, symbol, message, self._clock.now_ns)
        if channel.repeat:
            channel.repeat -= 1
            self._coverage.hit(Kind.FEED_TWICE.value)
            self._clock.after(delay_ns, self._arrive, symbol, message, self._clock.now_ns)

    def hold(self, symbol: str, until_ns: int) -> None:
        """Nothing arrives until then."""
        self.channels[symbol].held_until_ns = until_ns
        self._clock.at(until_ns, self._release, symbol)

    def calm(self) -> None:
        """No faults from here on."""
        for symbol, channel in self.channels.items():
            channel.lose = channel.repeat = channel.late_snapshot_ns = channel.held_until_ns = 0
            channel.corrupt = channel.cross = False
            self._release(symbol)

    def _arrive(self, symbol: str, message: Feed, data_ns: int) -> None:
        channel = self.channels[symbol]
        if self._clock.now_ns < channel.held_until_ns:
            self._coverage.hit(Kind.FEED_HOLD.value)
            channel.waiting.append((message, data_ns))
        else:
            self._read(symbol, channel, message, data_ns)

    def _release(self, symbol: str) -> None:
        channel = self.channels[symbol]
        if self._clock.now_ns >= channel.held_until_ns:
            waiting, channel.waiting = channel.waiting, []
            for message, data_ns in waiting:
                self._read(symbol, channel, message, data_ns)

    def _read(self, symbol: str, channel: Channel, message: Feed, data_ns: int) -> None:
        now_ns = self._clock.now_ns
        if isinstance(message, me.MarkPrice):
            self.deliver(symbol, ev.MarkPrice(now_ns, data_ns, message.price))
        elif isinstance(message, me.PublicTrade):
            self.deliver(symbol, translate.trade(message, now_ns, data_ns, self._clock.us_of(data_ns)))
        elif channel.corrupt:
            channel.corrupt = False
            self._coverage.hit(Kind.FEED_CORRUPT.value)
            self.deliver(symbol, ev.BookInvalid(now_ns, "unreadable"))
        elif channel.grid.instrument.same_grid(channel.announced):
            try:
                event: ev.Event = translate.book(
                    message, channel.grid, now_ns, data_ns, self._clock.us_of(data_ns)
                )
            except OffGridError as error:
                event = ev.BookInvalid(now_ns, str(error))
            self.deliver(symbol, event)
