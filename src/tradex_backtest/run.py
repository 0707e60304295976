"""One configuration in one recorded market: the engine, what the shell around it does, and the exchange.

Of the shell's rules those matter here that change what is sent or heard: the gate right before an order
leaves, the response timeout, the pace of quoting (the engine's own), measurements of lag, and an enable that
waits until it can be given. Nothing is stored, so nothing is late for being stored.
"""

from decimal import Decimal
from typing import Final

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.core.config import SymbolConfig
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.instrument import Instrument, InstrumentStatus
from market_maker.core.ledger.inventory import Inventory
from market_maker.core.orders.ids import IdSeed
from market_maker.core.states import Cause, State
from tradex_backtest.agenda import FOREVER_NS, Agenda
from tradex_backtest.channel import Channel
from tradex_backtest.order_way import REQUESTS, OrderWay
from tradex_backtest.run_settings import RunSettings
from tradex_backtest.tapes.market import MarkStep, RecordedStream, Step
from tradex_backtest.track import Track
from tradex_backtest.venue import BacktestVenue
from tradex_sandbox import instruments

ENABLE_AGAIN_NS: Final = 100_000_000
LAG_TOPIC: Final = "orderbook.delta.v1"


class Run:
    """Plays with a stream: `advance` to the next step's time, then `play` it; `finish` at the end."""

    def __init__(
        self, stream: RecordedStream, config: SymbolConfig, settings: RunSettings, learn_us: int = 0
    ) -> None:
        """`learn_us`: so long the engine only watches."""
        began_ns = stream.began_us * 1000
        seed, latencies = f"{settings.seed}:{config.symbol}", settings.latencies
        self._feed = Channel(latencies.feed.draws(f"{seed}:feed"))
        self._engine_events = Channel(latencies.feed.draws(f"{seed}:engine events"))
        self._agenda = Agenda()
        self._enables = 0
        self._wake_ns = FOREVER_NS
        venue = BacktestVenue(stream, settings.queue_model, settings.fees, self._feed, self._engine_events)
        self._venue = venue
        self.engine = SymbolEngine(beginning(stream.instrument, config, began_ns), settings.limits)
        self._orders = OrderWay(
            venue,
            self.engine,
            settings.limits,
            latencies.order.draws(f"{seed}:order"),
            latencies.answer.draws(f"{seed}:answer"),
            self._agenda,
            self._step,
        )
        self.track = Track(self.engine, venue, began_ns, learn_us)
        venue.open(stream.began_us)
        self.began_with = self.engine.start()
        """What the engine asked for at its start."""
        self._carry_out(self.began_with, began_ns)
        self._measure(began_ns)
        self._agenda.at(began_ns + learn_us * 1000 + ENABLE_AGAIN_NS, self._enable)
        self._wake_ns = self.engine.wake_ns

    def advance(self, until_ns: int) -> None:
        """Let everything happen that is due before a time."""
        feed, engine_events, agenda = self._feed.waiting, self._engine_events.waiting, self._agenda
        step = self._step
        while True:
            feed_ns = feed[0][0] if feed else FOREVER_NS
            event_ns = engine_events[0][0] if engine_events else FOREVER_NS
            other_ns = event_ns if event_ns < agenda.next_ns else agenda.next_ns
            if self._wake_ns < other_ns:  # noqa: PLR1730 -- min() would cost as much as the rest of a round
                other_ns = self._wake_ns
            if feed_ns <= other_ns:
                if feed_ns >= until_ns:
                    return
                step(feed.popleft()[1])
            elif other_ns >= until_ns:
                return
            elif event_ns == other_ns:
                step(engine_events.popleft()[1])
            elif agenda.next_ns == other_ns:
                agenda.take()
            else:
                step(ev.Tick(other_ns))

    def play(self, recorded: Step) -> None:
        """A step of the recording happens at its time."""
        self._venue.play(recorded)
        if isinstance(recorded, MarkStep):
            at_ns = recorded.at_us * 1000
            self._measure(at_ns)
            self.track.sample(at_ns)

    def finish(self, at_ns: int) -> None:
        """The recording is over."""
        self.advance(at_ns)
        self.track.end(at_ns)

    def _step(self, event: ev.Event) -> list[cmd.Command]:
        commands = self.engine.handle(event)
        if commands:
            self._carry_out(commands, event.at_ns)
        self._wake_ns = self.engine.wake_ns
        self.track.stepped(event, commands)
        return commands

    def _carry_out(self, commands: list[cmd.Command], now_ns: int) -> None:
        for command in commands:
            if isinstance(command, REQUESTS):
                self._orders.send(command, now_ns)

    def _enable(self, at_ns: int) -> None:
        """Ask for ACTIVE; as the service does, wait while what stands in the way passes by itself."""
        self._enables += 1
        asked = ev.Control(at_ns, self._enables, Cause.ENABLE, "backtest", "backtest")
        refused = any(isinstance(said, cmd.Reply) and said.problems for said in self._step(asked))
        if refused and self.engine.symbol.state is State.PAUSED:
            self._agenda.at(at_ns + ENABLE_AGAIN_NS, self._enable)

    def _measure(self, at_ns: int) -> None:
        self._agenda.at(at_ns, self._tell_lag)

    def _tell_lag(self, at_ns: int) -> None:
        self._step(ev.LagMeasured(at_ns, 0, LAG_TOPIC))


def instrument_of(listed: instruments.Instrument) -> Instrument:
    """The exchange's instrument, as Metadata and its topics tell it."""
    return Instrument(
        listed.symbol,
        listed.base_currency,
        listed.quote_currency,
        listed.tick_size,
        listed.lot_size,
        listed.min_notional,
        InstrumentStatus(listed.status.value),
        listed.version,
    )


def beginning(listed: instruments.Instrument, config: SymbolConfig, began_ns: int) -> Restored:
    """A symbol that nobody has traded yet."""
    return Restored(
        config=config,
        instrument=instrument_of(listed),
        state=State.PAUSED,
        state_reason="never enabled",
        state_actor="system",
        kill=None,
        pnl_baseline=Decimal(0),
        inventory=Inventory(),
        trade_keys=(),
        ids=IdSeed(0, began_ns // 1_000_000, began_ns),
    )
