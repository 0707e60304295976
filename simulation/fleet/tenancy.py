"""An instance's lease: PostgreSQL is asked again and again what is its own."""

from collections.abc import Callable
from typing import Final

from market_maker.actors.tenure import Lease
from simulation.clock import MS, Clock
from simulation.fleet.postgres import ANSWER_NS_MAX, FleetPostgres
from simulation.fleet.rows import FleetRows
from simulation.lifetime import Lifetime
from simulation.virtual_loop import VirtualLoop

RENEW_NS: Final = 200 * MS
RETRY_NS: Final = 50 * MS

OnRenewed = Callable[[int, dict[str, int], dict[str, str]], None]
"""When it was asked, the epochs of what is ours, and who owns what."""


class FleetTenancy:
    """As the service's `ownership.tenancy`."""

    def __init__(
        self,
        name: str,
        lifetime: Lifetime,
        loop: VirtualLoop,
        clock: Clock,
        postgres: FleetPostgres,
        rows: FleetRows,
        lease: Lease,
        renewed: OnRenewed,
    ) -> None:
        """`renewed` is told before the lease goes on."""
        self._name, self._lifetime, self._loop, self._clock = name, lifetime, loop, clock
        self._postgres, self._rows, self._lease, self._renewed = postgres, rows, lease, renewed
        self._questions = 0

    def renew(self) -> None:
        """Ask, and again after the answer, or after it did not come in time."""
        self._questions += 1
        asked_ns, question = self._clock.now_ns, self._questions
        answer: list[tuple[dict[str, int], dict[str, str]]] = []

        def read() -> None:
            answer.append((self._rows.owned(self._name), self._rows.owners_by_symbol()))

        def answered() -> None:
            if question == self._questions:
                self._questions += 1
                self._renewed(asked_ns, *answer[0])
                with self._loop.running():
                    self._lease.renewed(asked_ns)
                self._lifetime.after(RENEW_NS, self.renew)

        def failed() -> None:
            if question == self._questions:
                self._questions += 1
                with self._loop.running():
                    self._lease.failed(asked_ns)
                self._lifetime.after(RETRY_NS, self.renew)

        self._postgres.ask(read, answered, lambda: None)
        self._lifetime.after(ANSWER_NS_MAX, failed)
