"""The lease of a process: the service's own, renewed by questions to a PostgreSQL that may not answer.

Invariant 5, cancels never wait: one of an order whose id this process made leaves in the moment that decides
it. Invariant 17: while it is open whose the symbols are, nothing leaves that could hit another instance's
orders, and the first request of an engine is the cancel of everything.
"""

from collections.abc import Callable

from market_maker.actors.tenure import Lease, Tenure
from market_maker.core import commands as cmd
from market_maker.core.engine.engine import SymbolEngine
from simulation.clock import MS, Clock
from simulation.coverage import Coverage
from simulation.database import Schedule, Trouble
from simulation.violation import Violation
from simulation.virtual_loop import VirtualLoop

LEASE_NS = 800 * MS
RENEW_NS = 200 * MS
ANSWER_NS, ANSWER_NS_MAX = 2 * MS, 250 * MS
RETRY_NS = 50 * MS
"""As in the service, with a session timeout of 1.6 s."""


class Leasing:
    """Of one process; it ends with it."""

    def __init__(
        self, clock: Clock, loop: VirtualLoop, schedule: Schedule, trouble: Trouble, coverage: Coverage
    ) -> None:
        self._clock, self._loop, self._schedule = clock, loop, schedule
        self._trouble, self._coverage = trouble, coverage
        self._asked = 0
        self._began: set[str] = set()
        with loop.running():
            self.lease = Lease(lambda: clock.now_ns, LEASE_NS)
            self.tenure = Tenure(self.lease, 1)

    def start(self) -> None:
        """The instance has claimed its symbols."""
        self.lease.renewed(self._clock.now_ns)
        self._schedule(RENEW_NS, self._ask)

    def _ask(self) -> None:
        self._asked += 1
        asked_ns = self._clock.now_ns
        self._schedule(ANSWER_NS_MAX, self._failed, self._asked, asked_ns)
        if asked_ns >= self._trouble.down_until_ns:
            slow_ns = max(0, self._trouble.slow_until_ns - asked_ns)
            self._schedule(ANSWER_NS + slow_ns, self._answered, self._asked, asked_ns)

    def _answered(self, question: int, asked_ns: int) -> None:
        if question == self._asked:
            self._asked += 1
            with self._loop.running():
                self.lease.renewed(asked_ns)
            self._schedule(RENEW_NS, self._ask)

    def _failed(self, question: int, asked_ns: int) -> None:
        if question == self._asked:
            self._asked += 1
            with self._loop.running():
                self.lease.failed(asked_ns)
            self._schedule(RETRY_NS, self._ask)

    # --- requests -------------------------------------------------------------------------------

    def pass_on(
        self,
        symbol: str,
        engine: SymbolEngine,
        request: cmd.Request,
        decided_ns: int,
        send: Callable[[], None],
    ) -> None:
        """Send a cancel or a question now, or once it is clear that nobody else owns the symbol."""
        is_own = isinstance(request, cmd.CancelOrder) and engine.symbol.ids.made(request.client_order_id)

        def leave() -> None:
            self._check(symbol, request, is_own=is_own, late_ns=self._clock.now_ns - decided_ns)
            send()

        if self.tenure.lets_go(hits_only_our_own=is_own):
            if not self.lease.is_settled:
                self._coverage.hit("cancel_beyond_lease")
            leave()
        else:
            self._coverage.hit("request_held")
            with self._loop.running():
                self._loop.start(self._held(leave))

    async def _held(self, leave: Callable[[], None]) -> None:
        if await self.tenure.may_ask():
            self._schedule(0, leave)  # what a task raises would not be seen

    def _check(self, symbol: str, request: cmd.Request, *, is_own: bool, late_ns: int) -> None:
        name = type(request).__name__
        if is_own and late_ns > 0:
            raise Violation(5, f"{symbol}: the cancel of an order of our own waited {late_ns // MS} ms")
        if not is_own and not self.lease.is_settled:
            raise Violation(17, f"{symbol}: {name} leaves while it is open whose the symbol is")
        if symbol not in self._began and not isinstance(request, cmd.CancelAll):
            raise Violation(17, f"{symbol}: {name} leaves before the cancel of everything")
        self._began.add(symbol)
