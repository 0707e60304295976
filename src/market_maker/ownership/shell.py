"""Carries out what the ownership machine decides: Kafka's listener, PostgreSQL, the lease and the actors."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Set
from itertools import count
from typing import Any, Final

import structlog

from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Lease, Tenure
from market_maker.actors.trading import Trading
from market_maker.actors.worker import Worker
from market_maker.clients.metadata import MetadataError, MetadataUnavailableError
from market_maker.core.engine.control import activation_problems
from market_maker.core.instrument import Instrument
from market_maker.core.states import Cause
from market_maker.ownership import commands as cmd
from market_maker.ownership import events as ev
from market_maker.ownership.machine import OwnershipMachine
from market_maker.ownership.ports import Around
from market_maker.ownership.rows import OwnerRows, persist
from market_maker.ownership.states import TAKING, Hold, Stage
from market_maker.ownership.tenancy import Tenancy
from market_maker.ownership.watch import ActorWatch
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.owners import Claim, OwnerRepository, Release
from market_maker.streams.topic_counts import differing

AT_ONCE_MAX: Final = 8
"""Symbols that are restored at the same time: as many as the pool has connections."""
TICK_S: Final = 0.1
REPLY_S_MAX: Final = 2.0
SYSTEM: Final = "system"

_CAUSES: Final = {
    Hold.REVOKED: Cause.OWNERSHIP_LOST,
    Hold.LOST: Cause.OWNERSHIP_LOST,
    Hold.REMOVED: Cause.FLATTEN,
    Hold.ENDING: Cause.FLATTEN,
}

Work = Coroutine[Any, Any, None] | None
"""What a command begins; None where it is carried out at once."""

_log = structlog.get_logger()


class Ownership:
    """Implements the consumer's RebalanceListener."""

    def __init__(
        self,
        instance_id: str,
        lease: Lease,
        owners: OwnerRepository,
        trading: Trading,
        around: Around,
        tasks: TaskGroup,
        started: Callable[[str], None],
    ) -> None:
        """`started` is told of each symbol that was taken, which must learn of its surroundings."""
        self.machine = OwnershipMachine(instance_id, lease.duration_ns)
        self.tenancy = Tenancy(instance_id, owners, lease, self.tell)
        self._lease = lease
        self._supervisor = trading.supervisor
        self._actors = around.actors
        self._kills = around.kills
        self._reader = around.reader
        self._controls = trading.controls
        self._watch = ActorWatch(self.machine, trading, tasks, self.tell)
        self._journal = trading.journal
        self._tasks = tasks
        self._started = started
        self._rows = OwnerRows(instance_id, owners, tasks, self._claimed, self._claim_refused, self._released)
        self._starting: dict[str, tuple[asyncio.Task[None], Tenure]] = {}
        self._room = asyncio.Semaphore(AT_ONCE_MAX)
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._moved = asyncio.Event()
        self._counts: Mapping[str, int] = {}
        """How many partitions each topic has, as the machine knows it."""
        self._carry_out: dict[type[cmd.OwnershipCommand], Callable[[Any], Work]] = {
            cmd.Describe: self._describe,
            cmd.ClaimSymbol: self._claim,
            cmd.StartActor: self._start,
            cmd.Abandon: self._abandon,
            cmd.ClearWithoutActor: self._clear_without_actor,
            cmd.WakeActor: self._wake,
            cmd.Refresh: self._refresh,
            cmd.Restrain: self._restrain,
            cmd.CarryOutKills: self._carry_out_kills,
            cmd.ClearAgain: self._clear_again,
            cmd.StopQuoting: self._stop_quoting,
            cmd.Save: self._save,
            cmd.ReleaseSymbol: self._release,
            cmd.StopActor: self._stop,
            cmd.ReadAgain: self._read_again,
            cmd.AskToResume: self._ask_to_resume,
            cmd.GiveUpResuming: self._give_up_resuming,
            cmd.AskConfigured: self._ask_configured,
            cmd.Done: self._end_waiting,
        }

    def start(self) -> None:
        """Begin to renew the lease, and to tell the machine that time passes."""
        self._tasks.start("lease", self.tenancy.run())
        self._tasks.start("ownership", self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self._reader.counts() != self._counts:
                self._tell_added(frozenset())  # a topic has come into being
            self.tell(ev.Passed(time.monotonic_ns()))

    def tell(self, event: ev.OwnershipEvent) -> None:
        """Tell the machine of an event and carry out, or begin, what it says."""
        for command in self.machine.handle(event):
            work = self._carry_out[type(command)](command)
            if work is not None:
                self._tasks.start(f"ownership: {command}", work)
        self._moved.set()
        self._watch.watch()

    # --- what the consumer tells ----------------------------------------------------------------

    def added(self, numbers: frozenset[int]) -> None:
        """These are ours too from now on. No symbol starts by itself, and none that is ours already stops."""
        _log.info("partitions_assigned", numbers=sorted(numbers))
        self._tell_added(numbers)

    def _tell_added(self, numbers: frozenset[int]) -> None:
        self._counts = self._reader.counts()
        if problem := differing(self._counts):
            _log.error("topics_differ", detail=problem)
        self.tell(ev.Assigned(time.monotonic_ns(), numbers, self._counts))

    async def revoking(self, numbers: frozenset[int]) -> None:
        """Return once nothing of the symbols on these partitions can be in the market any more.

        Symbols of which that is not proven in time are not released: whoever takes them waits for our lease.
        """
        _log.warning("partitions_gone", numbers=sorted(numbers), reason=Hold.REVOKED.value)
        self._watch.report_all()
        await self._done(lambda ticket: ev.Revoking(time.monotonic_ns(), numbers, ticket))

    def lost(self, numbers: frozenset[int]) -> None:
        """Somebody else may have these already: stop quoting at once."""
        _log.warning("partitions_gone", numbers=sorted(numbers), reason=Hold.LOST.value)
        self.tell(ev.Lost(time.monotonic_ns(), numbers))

    # --- what changes besides -------------------------------------------------------------------

    async def read_configs(self) -> None:
        """Begin to take what was configured, and to stop what is no longer. Raises DatabaseError."""
        if await self._actors.read_configs():
            self._configured()

    def _configured(self) -> None:
        self.tell(ev.Configured(time.monotonic_ns(), frozenset(self._actors.symbols)))

    async def take(self, symbol: str) -> None:
        """Return once a symbol that was just configured has its actor, or cannot have one now."""
        self._configured()
        while self.machine.stage(symbol) in TAKING | {Stage.ADMITTING}:
            await self._move()

    def removing(self, symbol: str, *, is_under_way: bool) -> None:
        """Let nothing be enabled while its configuration is being deleted."""
        self.tell(ev.Removing(time.monotonic_ns(), symbol, is_under_way))

    async def removed(self, symbol: str) -> None:
        """Give a symbol up whose configuration was deleted."""
        self.tell(ev.Removed(time.monotonic_ns(), symbol))
        while self.machine.stage(symbol) is not Stage.FREE and symbol not in self._actors.symbols:
            await self._move()

    def operator_spoke(self, symbol: str) -> None:
        """A person has decided about the symbol."""
        self.tell(ev.OperatorSpoke(time.monotonic_ns(), symbol))

    def fenced(self, symbol: str, epoch: int) -> None:
        """Records were dropped because somebody else has counted the symbol's epoch up."""
        self.tell(ev.Fenced(time.monotonic_ns(), symbol, epoch))

    def close(self) -> None:
        """The process ends: nothing is taken any more, and what quotes stops."""
        self._watch.report_all()
        self.tell(ev.ProcessEnds(time.monotonic_ns()))

    async def cleared(self) -> None:
        """Return once nothing of what is ours is in the market."""
        await self._watch.until_clear()

    async def let_go(self) -> None:
        """Release what is out of the market. Only when all is durable: whoever is next reads it."""
        self._watch.report_all()
        await self._done(lambda ticket: ev.Flushed(time.monotonic_ns(), ticket))

    # --- whose symbol it is ---------------------------------------------------------------------

    @property
    def expected(self) -> Set[str]:
        """Symbols on their way to an actor, live: what must be kept for them waits."""
        return self.machine.expected

    def sends_for(self, symbol: str) -> bool:
        """Whether the symbol's events are this instance's to send: its own, and what nobody here acts for."""
        worker = self._supervisor.worker(symbol)
        if worker is not None:
            return worker.tenure.is_held
        return symbol not in self.expected and self.machine.is_mine(symbol)

    # --- taking ---------------------------------------------------------------------------------

    async def _describe(self, command: cmd.Describe) -> None:
        symbol = command.symbol
        await self._journal.drain()  # fills that came before the symbol was known are in its history now
        instrument, is_refused = None, True
        try:
            instrument = await self._actors.instrument(symbol)
        except MetadataUnavailableError as error:
            is_refused = False
            _log.warning("symbol_waits", symbol=symbol, reason=str(error))
        except MetadataError as error:
            _log.error("symbol_left_out", symbol=symbol, reason=str(error))
        except Exception as error:  # noqa: BLE001 -- whatever it is concerns this symbol only
            self._supervisor.could_not_be_taken(symbol, error)
        now_ns = time.monotonic_ns()
        if instrument is not None or (not is_refused and self._may_be_woken(symbol)):
            self.tell(ev.Described(now_ns, symbol, instrument))
        else:
            self.tell(ev.NotDescribed(now_ns, symbol, is_refused))

    def _may_be_woken(self, symbol: str) -> bool:
        """Whether there is an actor that may go on, whatever the Metadata Service says."""
        worker = self._supervisor.worker(symbol)
        return worker is not None and not worker.tenure.is_held and not self._supervisor.failure(symbol)

    def _claim(self, command: cmd.ClaimSymbol) -> None:
        self._rows.claim(command.symbol)

    def _claimed(self, claim: Claim) -> None:
        age = claim.resume_age
        age_ns = None if age is None else round(age.total_seconds() * 1e9)
        is_sound = self._may_be_woken(claim.symbol) and not self._journal.holds(claim.symbol)
        _log.info("claimed", symbol=claim.symbol, epoch=claim.epoch, released=claim.was_released)
        self.tell(
            ev.Claimed(time.monotonic_ns(), claim.symbol, claim.epoch, claim.was_released, age_ns, is_sound)
        )

    def _claim_refused(self, symbol: str, error: DatabaseError) -> None:
        self._supervisor.could_not_be_taken(symbol, error)
        self.tell(ev.NotClaimed(time.monotonic_ns(), symbol))

    def _wake(self, command: cmd.WakeActor) -> None:
        worker = self._supervisor.worker(command.symbol)
        if worker is not None:
            worker.tenure.renew(command.epoch)
            self._started(command.symbol)

    def _start(self, command: cmd.StartActor) -> None:
        tenure = Tenure(self._lease, command.epoch)
        self._supervisor.cancel_all(command.symbol, tenure)
        restoring = self._restore(command.symbol, command.instrument, tenure)
        self._starting[command.symbol] = self._tasks.start(f"take {command.symbol}", restoring), tenure

    async def _restore(self, symbol: str, instrument: Instrument, tenure: Tenure) -> None:
        try:
            if self._supervisor.worker(symbol) is not None:
                await asyncio.shield(self._actors.stop(symbol))
            async with self._room:
                worker = await persist(symbol, lambda: self._actors.start(symbol, instrument, tenure))
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others go on
            self._supervisor.could_not_be_taken(symbol, error)
            self.tell(ev.NotStarted(time.monotonic_ns(), symbol, is_configured=True))
            return
        del self._starting[symbol]
        if worker is None:
            tenure.close()
            self.tell(ev.NotStarted(time.monotonic_ns(), symbol, is_configured=False))
        else:
            self._started(symbol)
            self.tell(ev.Started(time.monotonic_ns(), symbol))

    def _abandon(self, command: cmd.Abandon) -> None:
        self._rows.abandon(command.symbol)
        task, tenure = self._starting.pop(command.symbol, (None, None))
        if task is not None and tenure is not None:
            task.cancel()
            tenure.close()

    def _clear_without_actor(self, command: cmd.ClearWithoutActor) -> None:
        task, tenure = self._starting.pop(command.symbol, (None, Tenure(self._lease, command.epoch)))
        if task is not None:
            task.cancel()
        self._supervisor.clear_without_actor(command.symbol, tenure, self._lease.duration_ns / 1e9)

    async def _refresh(self, command: cmd.Refresh) -> None:
        await self._actors.refresh(command.symbol)

    async def _carry_out_kills(self, command: cmd.CarryOutKills) -> None:
        await persist("kills", lambda: self._kills.carry_out_kills([command.symbol]), DatabaseError)
        self.tell(ev.Admitted(time.monotonic_ns(), command.symbol, command.epoch))

    # --- what an actor is told ------------------------------------------------------------------

    def _restrain(self, command: cmd.Restrain) -> None:
        self._supervisor.retire(command.symbol, command.hold.value if command.hold is not None else "")

    def _clear_again(self, command: cmd.ClearAgain) -> None:
        self._supervisor.clear(command.symbol, "the last owner's lease has ended")

    async def _ask_to_resume(self, command: cmd.AskToResume) -> None:
        request_id, reply = self._controls.open()
        self._supervisor.ask(
            command.symbol, request_id, Cause.RESUME, SYSTEM, "went on after a clean hand-over"
        )
        done, _ = await asyncio.wait([reply], timeout=REPLY_S_MAX)
        reply.cancel()
        is_active = bool(done) and not reply.result().problems
        self.tell(ev.Resumed(time.monotonic_ns(), command.symbol, is_active))

    def _give_up_resuming(self, command: cmd.GiveUpResuming) -> None:
        worker = self._supervisor.worker(command.symbol)
        found = () if worker is None else activation_problems(worker.engine.symbol, resume=True)
        _log.warning("not_resumed", symbol=command.symbol, problems=[problem.code for problem in found])

    # --- giving up ------------------------------------------------------------------------------

    def _stop_quoting(self, command: cmd.StopQuoting) -> None:
        request_id, _ = self._controls.open()
        why = command.hold
        self._supervisor.ask(command.symbol, request_id, _CAUSES[why], SYSTEM, why.value)

    async def _save(self, command: cmd.Save) -> None:
        await self._journal.drain()
        await self._actors.before_release(command.symbol)
        while self._journal.holds(command.symbol):
            await self._journal.drain()
        self._watch.report(command.symbol)
        self.tell(ev.Saved(time.monotonic_ns(), command.symbol))

    def _release(self, command: cmd.ReleaseSymbol) -> None:
        worker = self._supervisor.worker(command.symbol)
        if worker is not None and worker.tenure.epoch == command.epoch:
            worker.tenure.end()
        self._rows.release(Release(command.symbol, command.epoch, command.resume))

    def _released(self, release: Release) -> None:
        self.tell(ev.Released(time.monotonic_ns(), release.symbol, release.epoch))

    def _stop(self, command: cmd.StopActor) -> Work:
        worker = self._supervisor.worker(command.symbol)
        if worker is not None and command.is_fenced:
            worker.tenure.end()
            _log.error("symbol_lost", symbol=command.symbol, epoch=worker.tenure.epoch)
        return self._end(command.symbol, worker)

    async def _end(self, symbol: str, worker: Worker | None) -> None:
        unread: Iterable[Any] = ()
        if worker is not None and self._supervisor.worker(symbol) is worker:
            await self._actors.stop(symbol)
            unread = iter(worker.mailbox.take, None)
        left_unread = any(getattr(event, "source", None) is not None for event in unread)
        self.tell(ev.Stopped(time.monotonic_ns(), symbol, left_unread))

    def _read_again(self, command: cmd.ReadAgain) -> None:
        self._reader.read_again(command.symbol)

    async def _ask_configured(self, command: cmd.AskConfigured) -> None:
        if not await persist("removal", lambda: self._actors.is_configured(command.symbol), DatabaseError):
            self.tell(ev.Removed(time.monotonic_ns(), command.symbol))

    # --- who waits ------------------------------------------------------------------------------

    async def _done(self, event: Callable[[int], ev.OwnershipEvent]) -> None:
        ticket = next(self._ids)
        done = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        self.tell(event(ticket))
        await done

    def _end_waiting(self, command: cmd.Done) -> None:
        done = self._waiting.pop(command.ticket)
        if not done.done():
            done.set_result(None)

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()
