"""What the engines are told of their surroundings: the consumer's lag, the journal's state, the lease."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from market_maker.actors.tenure import Lease
from market_maker.actors.trading import Trading
from market_maker.core.events import JournalMeasured, LagMeasured, LeaseMeasured
from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.lag import LagReport
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import CONSUMED

INTERVAL_S: Final = 0.5
REPEAT_S = 5.0
"""So often all is told again: a step that raised, or a full mailbox, may have cost a symbol the news."""
_LOG_LAG_NS: Final = 1_000_000_000


class KillSwitchFeed:
    """Tells every symbol what was measured. Metrics are another matter (`gauges`)."""

    def __init__(
        self,
        trading: Trading,
        partitions: Callable[[str], int | None],
        generations: Callable[[], Mapping[TopicPartitionKey, int]],
        lease: Lease,
        outage: Callable[[], str],
    ) -> None:
        """`partitions` tells how many a topic has, `generations` are those that are read now.

        `outage` tells why PostgreSQL no longer lets this instance act; empty while it does.
        """
        self._supervisor = trading.supervisor
        self._journal = trading.journal
        self._partitions = partitions
        self._generations = generations
        self._lease = lease
        self._outage = outage
        self.lag: LagReport | None = None
        """The last measurement."""
        self._untold: deque[str] = deque()
        """Symbols that have not been told of it yet."""
        self._journal_was_well = True
        self._lease_ran = True
        self._repeat_at_s = 0.0
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Tell until cancelled. Nothing here waits for a server: a journal that hangs is told in time."""
        while True:
            now_s = time.monotonic()
            repeat = now_s >= self._repeat_at_s
            if repeat:
                self._repeat_at_s = now_s + REPEAT_S
            self._tell_journal(repeat=repeat)
            self._tell_lease(repeat=repeat)
            left_s = self._lease.left_ns / 1e9
            await asyncio.sleep(min(INTERVAL_S, left_s) if left_s > 0 else INTERVAL_S)

    def on_lag(self, report: LagReport) -> None:
        """Tell each symbol the lag of its partition of every topic; None where it cannot be measured.

        One each turn of the loop: what 200 symbols do with it at once would hold up every order for 10 ms.
        Who waits when the next one comes stays before those who have been told.
        """
        self.lag = report
        is_telling = bool(self._untold)
        self._untold = deque(dict.fromkeys([*self._untold, *(worker.name for worker in self._supervisor)]))
        if not is_telling:
            self._tell_next_lag()

    def _tell_next_lag(self) -> None:
        if self._untold:
            symbol = self._untold.popleft()
            if self._untold:
                asyncio.get_running_loop().call_soon(self._tell_next_lag)
            self.tell_lag(symbol)

    def tell_lag(self, symbol: str) -> None:
        """Tell one symbol the last measurement; it must not be enabled before there is one since it came."""
        report = self.lag or LagReport(time.monotonic_ns(), {}, {}, {})
        longest_ns, topic, unmeasured = -1, "", ""
        for name in CONSUMED:
            lag_ns = self._lag_of(report, name, symbol)
            if lag_ns is None:
                unmeasured = name
            elif lag_ns > longest_ns:
                longest_ns, topic = lag_ns, name
        # One event for all topics: each costs the symbol a step, once a second.
        measured = LagMeasured(report.at_ns, longest_ns, topic, unmeasured)
        self._supervisor.tell(symbol, measured if topic else LagMeasured(report.at_ns, None, unmeasured))

    def longest_lag_ns(self) -> int | None:
        """Of the slowest topic; None while one cannot be measured."""
        lags = [] if self.lag is None else [*self.lag.topics.values()]
        known = [lag_ns for lag_ns in lags if lag_ns is not None]
        return max(known) if known and len(known) == len(lags) else None

    def _lag_of(self, report: LagReport, topic: str, symbol: str) -> int | None:
        """Of the symbol's partition, if it has not been begun anew since it was measured."""
        count = self._partitions(topic)
        key = (topic, partition_of(symbol, count)) if count else None
        if key is None or report.generations.get(key) != self._generations().get(key):
            return None
        return report.partitions.get(key)

    async def kafka_health(self) -> str | None:
        """Which topics' lag cannot be measured; None when that of each can."""
        if self.lag is None:
            return "not measured yet"
        unknown = sorted(topic for topic, lag_ns in self.lag.topics.items() if lag_ns is None)
        return f"lag not measurable: {', '.join(unknown)}" if unknown else None

    def _tell_journal(self, *, repeat: bool) -> None:
        """Tell the engines while something is wrong with the journal, and when it is well again."""
        lag_ns, failure = self._journal.lag_ns(), self._journal.failure or self._outage()
        well = not failure and lag_ns < _LOG_LAG_NS
        is_news = not well or not self._journal_was_well
        if is_news:
            self._log.warning("journal", lag_ms=lag_ns // 1_000_000, failure=failure, well=well)
        if is_news or repeat:
            measured = JournalMeasured(time.monotonic_ns(), lag_ns, bool(failure), failure)
            self._supervisor.tell_all(measured)
        self._journal_was_well = well
        for symbol, reason in self._journal.troubled.items():
            self._supervisor.tell(
                symbol, JournalMeasured(time.monotonic_ns(), lag_ns, failed=True, detail=reason)
            )

    def _tell_lease(self, *, repeat: bool) -> None:
        """Tell the engines again and again while it has ended, and when it runs again."""
        runs = self._lease.is_current
        if repeat or not (runs and self._lease_ran):
            self._supervisor.tell_all(LeaseMeasured(time.monotonic_ns(), runs))
        if self._lease_ran and not runs:
            self._log.warning("lease_ended")
        if runs and not self._lease_ran:
            self._log.info("lease_runs_again", symbols=[worker.name for worker in self._supervisor])
        self._lease_ran = runs
