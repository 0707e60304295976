"""One run: the parts, the decisions carried out, the calm at the end."""

from collections.abc import Callable, Mapping

from market_maker.core.commands import Reply
from market_maker.core.states import Cause
from simulation.checks import Checks
from simulation.clock import MS, SECOND_NS, START_NS, Clock
from simulation.coverage import Coverage
from simulation.database import Trouble
from simulation.decisions import Decision, Kind
from simulation.desk import Desk
from simulation.feed import Feeds
from simulation.network import Network
from simulation.plan import Plan
from simulation.process import CrashedError, Process
from simulation.relay import Broker
from simulation.stopping import OrderlyStop
from simulation.store import Store
from simulation.stream import Stream
from simulation.truth import Truth
from simulation.venue import Venue
from tradex_backtest.run import instrument_of

Action = Callable[["World", str, Decision], None]
"""What a decision does to the world, in a symbol."""


class World:
    """Everything of a run. Made, then driven by `runner`."""

    def __init__(self, plan: Plan, *, records_lives: bool) -> None:
        self.plan = plan
        self.symbols = tuple(config.symbol for config in plan.configs)
        self.records_lives = records_lives
        self.clock = Clock()
        self.coverage = Coverage()
        self.truth = Truth(self.symbols, self.coverage)
        self.feeds = Feeds(self.clock, self.coverage)
        self.stream = Stream(self.clock, self.coverage, self.symbols)
        self.venue = Venue(
            plan, self.clock, self.truth, self.feeds.publish, self.feeds.announce, self.stream.publish
        )
        self.network = Network(
            plan.seed, self.clock, self.venue, self.truth, self.coverage, plan.limits.response_timeout_ns
        )
        self.store = Store(plan.configs)
        self.trouble = Trouble()
        self.broker = Broker(self.coverage)
        self.checks = Checks(self)
        self.desk = Desk(self)
        self.process: Process | None = None
        self.crash_is_committed = False
        self.down_ns = SECOND_NS
        self.lag_told_ns: int | None = 0
        self.lag_until_ns = 0
        self.ended_lives: list[Process] = []
        self._lives = 0
        self._writes_seen = 0
        self.steps = 0

    def begin(self, decisions: tuple[Decision, ...], actions: Mapping[Kind, Action]) -> None:
        """Open the exchange, start the service, and note what will be decided."""
        self.venue.open()
        self._start_process()
        for decision in decisions:
            self.clock.at(START_NS + decision.at_ms * MS, self._decide, actions[decision.kind], decision)
        self.clock.after(self.plan.desk_interval_ns, self._desk_looks)

    def step(self) -> None:
        """The next thing happens."""
        self.steps += 1
        try:
            self.clock.advance()
        except CrashedError:
            self.crash()
        if self.store.writes != self._writes_seen:
            self._writes_seen = self.store.writes
            self.checks.stored()

    def crash(self) -> None:
        """The process is killed; another one starts a while later."""
        process, self.process = self.process, None
        if process is None:
            return
        self.coverage.hit(Kind.CRASH.value)
        process.kill(committed=self.crash_is_committed)
        if self.records_lives:
            self.ended_lives.append(process)
        self.clock.after(self.down_ns, self._start_process)

    def terminate(self) -> None:
        """SIGTERM; another process starts a while after this one has ended."""
        process = self.process
        if process is not None and not process.is_stopping:
            self.coverage.hit(Kind.TERMINATE.value)
            process.is_stopping = True
            OrderlyStop(process, self, lambda in_order: self._exited(process, in_order))

    def _exited(self, process: Process, in_order: bool) -> None:
        self.coverage.hit("stopped_in_order" if in_order else "stop_gave_up")
        self.process = None
        process.end()
        if self.records_lives:
            self.ended_lives.append(process)
        self.clock.after(self.down_ns, self._start_process)

    def calm(self) -> None:
        """Nothing goes wrong from here on."""
        now_ns = self.clock.now_ns
        self.network.calm()
        self.feeds.calm()
        self.trouble.down_until_ns = self.trouble.slow_until_ns = self.broker.down_until_ns = 0
        self.lag_until_ns = 0
        self.desk.works = False
        for partition in range(len(self.stream.log)):
            self.stream.hold(partition, now_ns)
        for symbol in self.symbols:
            self.venue.resume(symbol)
        if self.process is not None:
            self.process.crash_in = 0
            self.give_back()
            for symbol in self.symbols:
                self.process.control(symbol, Cause.FLATTEN)

    def give_back(self) -> None:
        """Every partition is ours again."""
        process = self.process
        if process is not None and len(process.owned) < len(self.symbols):
            back = [symbol for symbol in self.symbols if symbol not in process.owned]
            process.owned.update(back)
            self.reassign(process)
            for symbol in back:
                # What was told meanwhile was not heard: the instrument is asked for anew.
                listed = self.venue.exchange.instrument(symbol)
                self.feeds.tell_instrument(symbol, instrument_of(listed), "assigned")

    def reassign(self, process: Process) -> None:
        """A rebalance: the owned partitions are read again from what is committed."""
        partitions = {self.stream.partition_of[symbol] for symbol in process.owned}
        process.consumer.assign(frozenset(partitions))
        for partition in sorted(partitions):
            process.after(MS, process.poll, partition)

    def is_at_rest(self) -> bool:
        """Whether nothing is on its way and everything has been said and stored."""
        process = self.process
        return (
            process is not None
            and not self.network.under_way
            and process.consumer.is_at_end()
            and not len(process.journal)
            and not any(map(len, process.inboxes.values()))
            and not self.store.unsent(1)
            and all(engine.is_clear and not engine.symbol.is_active for engine in process.engines.values())
            and not any(truth.possible for truth in self.truth.of.values())
        )

    def activations(self) -> dict[str, int]:
        """How often each symbol has become ACTIVE."""
        return {symbol: watch.activations for symbol, watch in self.checks.watch.items()}

    # --- Parts -----------------------------------------------------------------------------------

    def lag_ns(self) -> int | None:
        """What the lag monitor measures now."""
        if self.clock.now_ns < self.lag_until_ns:
            self.coverage.hit(Kind.LAG_UNKNOWN.value if self.lag_told_ns is None else Kind.LAG.value)
            return self.lag_told_ns
        return MS

    def replied(self, process: Process, symbol: str, reply: Reply) -> None:
        """An engine answered an operator."""
        self.desk.replied(process, symbol, reply)

    # --- inside ----------------------------------------------------------------------------------

    def _start_process(self) -> None:
        self._lives += 1
        self.process = Process(self, self._lives)
        try:
            self.process.start()
        except CrashedError:
            self.crash()

    def _decide(self, action: Action, decision: Decision) -> None:
        symbol = self.symbols[decision.symbol % len(self.symbols)]
        action(self, symbol, decision)

    def _desk_looks(self) -> None:
        self.desk.look(self.process)
        self.clock.after(self.plan.desk_interval_ns, self._desk_looks)
