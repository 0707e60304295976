"""The actor of one symbol: takes events from its mailbox one at a time and carries out the commands."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from market_maker.actors.journal import Journal, Pending
from market_maker.actors.mailbox import Mailbox
from market_maker.actors.tenure import Tenure
from market_maker.core import commands as cmd
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.events import Event, Source, Tick
from market_maker.core.orders.order_tracker import Order
from market_maker.replay.recording import Recording
from market_maker.repositories.journal_entry import JournalEntry
from market_maker.telemetry.stages import StageStep
from market_maker.telemetry.tracing import trace_id_of

BURST_MAX = 64
"""Events handled before other tasks of the loop get their turn."""

_REQUESTS = (cmd.PlaceOrder, cmd.CancelOrder, cmd.CancelAll, cmd.QueryOrder, cmd.QueryOpenOrders)


class Observer(Protocol):
    """What wants to know of a worker's steps: metrics, logs, waiting API calls, shadow quotes."""

    def stepped(self, worker: "Worker", event: Event, commands: Sequence[cmd.Command], took_ns: int) -> None:
        """One event was handled and its requests are on their way."""


class Worker:
    """Runs one symbol's engine. A step never awaits: between event and requests nothing else runs."""

    def __init__(
        self,
        engine: SymbolEngine,
        mailbox: Mailbox,
        execute: Callable[[cmd.Request, StageStep, str | None], None],
        tenure: Tenure,
        journal: Journal,
        observer: Observer,
        clock_ns: Callable[[], int],
        recording: Recording | None = None,
    ) -> None:
        self.engine = engine
        self.mailbox = mailbox
        self._execute = execute
        self.tenure = tenure
        self._journal = journal
        self._observer = observer
        self._clock_ns = clock_ns
        self._recording = recording
        self.crashed = False
        """Set in the very step that raised: no order may leave until the engine has been halted."""
        self._error: Exception | None = None
        """What a step raised where it was called from outside: `run` ends with it, once."""
        self._stepping = False
        self._rests_until_ns = 0
        """When it looks at its mailbox again at the latest, if nothing wakes it."""
        self._batch_ns = 0
        """The time of the last event that was handled where it was handed over; a poll's events share it."""

    @property
    def name(self) -> str:
        """The symbol."""
        return self.engine.symbol.name

    def start(self, open_orders: tuple[Order, ...]) -> None:
        """Start the engine and what it asks for: whatever of ours is in the market goes."""
        commands = self.engine.start(open_orders)
        if self._recording is not None:
            self._recording.started(commands)
        now_ns = self._clock_ns()
        self.carry_out(commands, StageStep(now_ns, now_ns, now_ns))

    def end_recording(self) -> None:
        """No step follows."""
        if self._recording is not None:
            self._recording.close()

    def deliver(self, event: Event) -> bool:
        """Take a message's event: now, while the symbol has nothing else to do, or by way of the mailbox.

        Of one poll's events the first is handled now and the others in turn: a burst serves every symbol
        before it serves one twice. False when it finds no room.
        """
        if self._stepping or event.at_ns == self._batch_ns or not self.mailbox.is_awaited:
            return self.mailbox.deliver(event)
        self._batch_ns = event.at_ns
        try:
            self.step(event)
            if self.engine.wake_ns < self._rests_until_ns:
                self.mailbox.wake()
        except Exception as error:  # noqa: BLE001 -- it ends the worker, as one of its own steps does
            self._end(error)
        return True

    def _time_has_come(self) -> float:
        """Take the step that is due, in the timer's call; returns for how long the reader may wait on."""
        try:
            now_ns = self._clock_ns()
            if self.engine.wake_ns <= now_ns:
                self.step(Tick(now_ns))
            self._rests_until_ns = self.engine.wake_ns
        except Exception as error:  # noqa: BLE001 -- as above; the timer has other symbols to call
            self._end(error)
        return (self._rests_until_ns - self._clock_ns()) / 1e9

    def _end(self, error: Exception) -> None:
        self.crashed = True
        self._error = error
        self.mailbox.wake()

    async def run(self) -> None:
        """Handle events until cancelled. An exception of a step ends it; that event is not acknowledged."""
        try:
            await self._run()
        except Exception:
            self.crashed = True
            raise

    async def _run(self) -> None:
        while self._error is None:
            for _ in range(BURST_MAX):
                event = self.mailbox.take()
                if event is None or self.step(event):
                    break
            now_ns = self._clock_ns()
            self._rests_until_ns = self.engine.wake_ns
            wait_ns = self._rests_until_ns - now_ns
            if wait_ns <= 0:
                self.step(Tick(now_ns))
                await asyncio.sleep(0)
            elif len(self.mailbox):
                await asyncio.sleep(0)
            else:
                await self.mailbox.wait(wait_ns / 1e9, self._time_has_come)
        error, self._error = self._error, None
        raise error

    def step(self, event: Event) -> bool:
        """Handle one event and start what it asks for.

        Returns whether the loop should have its turn now: a cancel of everything may wait for it, and after
        requests the other symbols of a burst have theirs first.
        """
        began_ns = self._clock_ns()
        outer, self._stepping = self._stepping, True
        try:
            return self._step(event, began_ns)
        finally:
            self._stepping = outer

    def _step(self, event: Event, began_ns: int) -> bool:
        commands = self._handle(event)
        source = getattr(event, "source", None)
        if commands or source is not None:
            step = StageStep(event.at_ns, began_ns, self._clock_ns())
            self.carry_out(commands, step, source, getattr(event, "trace", None))
        self._observer.stepped(self, event, commands, self._clock_ns() - began_ns)
        if self._recording is not None:
            self._recording.settle()
        return bool(commands) and isinstance(commands[0], _REQUESTS)

    def _handle(self, event: Event) -> list[cmd.Command]:
        recording = self._recording
        if recording is None:
            return self.engine.handle(event)
        try:
            commands = self.engine.handle(event)
        except Exception as error:
            recording.failed(event, error)
            raise
        recording.step(event, commands)
        return commands

    def carry_out(
        self,
        commands: Sequence[cmd.Command],
        step: StageStep,
        source: Source | None = None,
        trace: str | None = None,
    ) -> None:
        """Start the requests, then queue the records; `source` is acknowledged once they are durable.

        `trace` is the event's. What a requote cancels belongs to the trace of what it places.
        """
        records: list[cmd.Record] = []
        cause = _trace_of_orders(commands) or trace
        for command in commands:
            if isinstance(command, _REQUESTS):
                self._execute(command, step, cause)
            elif isinstance(command, cmd.Record):
                records.append(command)
        if records or source is not None:
            entry = self._entry(records, trace) if records else None
            self._journal.append(Pending(self.name, self._clock_ns(), entry, source))

    def _entry(self, records: list[cmd.Record], trace: str | None) -> JournalEntry:
        symbol = self.engine.symbol
        return JournalEntry(
            self.name,
            tuple(records),
            datetime.now(UTC),
            trace_id_of(trace) or "",
            self.tenure.epoch,
            symbol.ids.wall_us(symbol.now_ns),
        )


def _trace_of_orders(commands: Sequence[cmd.Command]) -> str | None:
    for command in commands:
        if isinstance(command, cmd.PlaceOrder):
            return command.trace
    return None
