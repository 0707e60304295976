"""All actors of the process: starts and stops them, delivers to them, and keeps a crash to its symbol."""

import asyncio
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

import structlog

from market_maker.actors.effects import Effects, OrderGateway, Placed
from market_maker.actors.journal import Journal
from market_maker.actors.last_resort import cancel_once, clear_for, clear_market, halted_records
from market_maker.actors.mailbox import Mailbox
from market_maker.actors.observer import StepObserver
from market_maker.actors.precise_timer import PreciseTimer
from market_maker.actors.send_gate import ActorGate, SendGate
from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Tenure
from market_maker.actors.worker import Worker
from market_maker.core.config import EngineLimits
from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.engine.symbol import Restored
from market_maker.core.events import Answer, Control, Event, Fault, Retire
from market_maker.core.orders.order_tracker import Order
from market_maker.core.states import Cause, KillReason
from market_maker.replay.beginning import Beginning
from market_maker.replay.recorder import Recorder
from market_maker.telemetry.stages import StageStep
from market_maker.telemetry.tracing import Tracing

NOBODY_ASKS = 0
"""A request id whose reply nobody waits for."""


@dataclass(slots=True)
class Actor:
    """One symbol's worker and its running task."""

    worker: Worker
    task: "asyncio.Task[None]"
    failed: str = ""
    """Why the worker can no longer handle events at all; empty while it can."""


class MailboxFullError(RuntimeError):
    """Answers and control messages alone overflow a mailbox: its worker has stopped reading."""


class Supervisor:
    """Every symbol of this process by name."""

    def __init__(
        self,
        limits: EngineLimits,
        gateway: OrderGateway,
        journal: Journal,
        observer: StepObserver,
        tracing: Tracing,
        placed: Placed,
        clock_ns: Callable[[], int],
        recorder: Recorder | None = None,
    ) -> None:
        self._limits = limits
        self._gateway = gateway
        self._journal = journal
        self._observer = observer
        self._tracing = tracing
        self._placed = placed
        self._clock_ns = clock_ns
        self._recorder = recorder
        self._actors: dict[str, Actor] = {}
        self.sinks: dict[str, Worker] = {}
        """Where the Kafka router delivers, by symbol."""
        self._timer = PreciseTimer() if sys.platform == "linux" else None
        self._requests = TaskGroup(self._request_failed)
        self._log = structlog.get_logger()

    def __iter__(self) -> Iterator[Worker]:
        """All workers, by symbol."""
        return iter([self._actors[name].worker for name in sorted(self._actors)])

    def worker(self, symbol: str) -> Worker | None:
        """The symbol's worker, None when it has none."""
        actor = self._actors.get(symbol)
        return actor.worker if actor is not None else None

    def failure(self, symbol: str) -> str:
        """Why the symbol's worker cannot go on; empty while it can."""
        return self._actors[symbol].failed

    def start(self, restored: Restored, tenure: Tenure, open_orders: tuple[Order, ...] = ()) -> Worker:
        """Start a symbol's actor; it first clears whatever of ours is in the market."""
        symbol = restored.config.symbol
        engine = SymbolEngine(restored, self._limits)
        mailbox = Mailbox(later=self._timer.call_later if self._timer is not None else None)

        def is_well() -> bool:
            actor = self._actors.get(symbol)
            return actor is not None and not actor.failed and not actor.worker.crashed and tenure.is_current

        def deliver(answer: Answer) -> None:
            self.tell(symbol, answer)

        gate = ActorGate(SendGate(engine, self._limits.max_orders_per_second), is_well, self._clock_ns)
        effects = Effects(
            symbol,
            self._gateway,
            self._requests,
            deliver,
            gate,
            tenure,
            self._tracing,
            self._placed,
            engine.symbol.ids.made,
        )
        recording = None
        if self._recorder is not None:
            recording = self._recorder.record(engine, Beginning.of(restored, self._limits, open_orders))
        worker = Worker(
            engine, mailbox, effects.execute, tenure, self._journal, self._observer, self._clock_ns, recording
        )
        self._run(symbol, worker)
        self.sinks[symbol] = worker
        self._observer.metrics_of(symbol).show_state(engine.symbol.state)
        try:
            worker.start(open_orders)
        except Exception as error:  # noqa: BLE001 -- as in a step: the symbol is halted, the others go on
            self._crashed(symbol, worker, error)
        return worker

    # --- symbols that have no actor yet -----------------------------------------------------------

    def cancel_all(self, symbol: str, tenure: Tenure) -> None:
        """Cancel what rests in a symbol that was just claimed, before anything of it is read.

        Nobody looks at the answer: the symbol's engine cancels again, and asks for the proof.
        """
        if not self._limits.shadow_mode:
            self._requests.start(f"cancel all {symbol}", cancel_once(symbol, self._gateway, tenure))

    def clear_without_actor(self, symbol: str, tenure: Tenure, seconds: float) -> None:
        """Clear a symbol's market for so long at most: it is ours, and its actor could not be started."""
        if not self._limits.shadow_mode:
            clearing = clear_for(seconds, symbol, self._gateway, self._tracing, tenure)
            self._requests.start(f"clear {symbol}", clearing)

    def could_not_be_taken(self, symbol: str, error: Exception) -> None:
        """Say so: an actor that should be is not, or is not let in."""
        self._observer.metrics_of(symbol).worker_failures.inc()
        self._log.error("symbol_left_out", symbol=symbol, exc_info=error)

    # --- symbols that have one --------------------------------------------------------------------

    async def stop(self, symbol: str) -> None:
        """End a symbol's actor; the caller has made sure that nothing is left in the market.

        What it has on its way to the exchange and has not sent yet stays here.
        """
        actor = self._actors.pop(symbol)
        self.sinks.pop(symbol, None)
        actor.worker.tenure.close()
        actor.task.cancel()
        await asyncio.gather(actor.task, return_exceptions=True)
        actor.worker.end_recording()
        self._observer.forget(symbol)

    async def close(self) -> None:
        """End all actors and requests."""
        for symbol in tuple(self._actors):
            await self.stop(symbol)
        await self._requests.cancel()
        if self._timer is not None:
            self._timer.close()

    def tell(self, symbol: str, event: Event) -> None:
        """Put an answer, a measurement or a control message into the symbol's mailbox."""
        actor = self._actors.get(symbol)
        if actor is None:
            return
        if not actor.worker.mailbox.deliver(event):
            waiting = len(actor.worker.mailbox)
            error = MailboxFullError(f"{waiting} events wait and none may be dropped")
            self._crashed(symbol, actor.worker, error)

    def ask(
        self, symbol: str, request_id: int, cause: Cause, actor: str, reason: str, *, rebase_pnl: bool = False
    ) -> None:
        """Put an operator's request into the symbol's mailbox; its Reply goes to the observer."""
        self.tell(symbol, Control(self._clock_ns(), request_id, cause, actor, reason, rebase_pnl))

    def retire(self, symbol: str, reason: str) -> None:
        """Refuse activation of a symbol from this moment on, even one that waits in its mailbox already.

        An empty reason takes it back.
        """
        self._step(symbol, Retire(self._clock_ns(), reason))

    def clear(self, symbol: str, reason: str) -> None:
        """Clear the market once more from this moment on: what was proven before is proven no more."""
        self._step(symbol, Control(self._clock_ns(), NOBODY_ASKS, Cause.FLATTEN, "system", reason))

    def _step(self, symbol: str, event: Event) -> None:
        worker = self.worker(symbol)
        if worker is None:
            return
        try:
            worker.step(event)
        except Exception as error:  # noqa: BLE001 -- a broken engine concerns its symbol only
            self._crashed(symbol, worker, error)

    async def durable(self, symbols: Collection[str], seconds: float) -> frozenset[str]:
        """Of which symbols all that has been decided so far is durable, waiting for so long at most."""
        asked_ns = self._clock_ns()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._journal.drain()
        return frozenset(symbol for symbol in symbols if not self._journal.holds(symbol, asked_ns))

    def tell_all(self, event: Event) -> None:
        """Put an event into every mailbox."""
        for symbol in tuple(self._actors):
            self.tell(symbol, event)

    def _run(self, symbol: str, worker: Worker) -> None:
        task = asyncio.get_running_loop().create_task(worker.run(), name=f"worker {symbol}")
        self._actors[symbol] = Actor(worker, task)
        task.add_done_callback(lambda done: self._ended(symbol, worker, done))

    def _ended(self, symbol: str, worker: Worker, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashed(symbol, worker, error)

    def _crashed(self, symbol: str, worker: Worker, error: BaseException) -> None:
        """Halt the symbol whose worker failed; where even that fails, clear its orders without the engine."""
        self._observer.metrics_of(symbol).worker_failures.inc()
        self._log.error("worker_failed", symbol=symbol, exc_info=error)
        actor = self._actors.get(symbol)
        if actor is None or actor.failed:
            return
        detail = f"{type(error).__name__}: {error}"
        fault = Fault(self._clock_ns(), KillReason.WORKER_FAILURE, detail)
        try:
            worker.step(fault)
        except Exception as second:  # noqa: BLE001 -- whatever the broken engine raises, its orders must go
            actor.failed = detail
            worker.mailbox.close()
            self._log.error("worker_beyond_repair", symbol=symbol, exc_info=second)
            records = halted_records(worker.engine.symbol, detail)
            worker.carry_out(records, StageStep(fault.at_ns, fault.at_ns, fault.at_ns))
            self._observer.gave_up(worker, records, fault)
            if not self._limits.shadow_mode:
                clearing = clear_market(symbol, self._gateway, self._tracing, worker.tenure)
                self._requests.start(f"last resort {symbol}", clearing)
        else:
            worker.crashed = False
            if actor.task.done():
                self._run(symbol, worker)

    def _request_failed(self, name: str, error: BaseException) -> None:
        """A request task raised: a defect of ours, so its symbol halts."""
        symbol = name.rsplit(" ", 1)[-1]
        self._log.error("request_failed", symbol=symbol, request=name, exc_info=error)
        self.tell(symbol, Fault(self._clock_ns(), KillReason.WORKER_FAILURE, f"{name}: {error!r}"))
