"""Everything about which symbols are this instance's, put together."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self

from market_maker.actors.controls import Controls
from market_maker.actors.journal import Journal
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.actors.tenure import Lease, lease_ns
from market_maker.api.changes import ChangeFeed
from market_maker.bootstrap.errands import Errands
from market_maker.bootstrap.fleet import Fleet
from market_maker.bootstrap.hand_over import HandOver
from market_maker.bootstrap.ownership import Ownership
from market_maker.bootstrap.resumptions import Resumptions
from market_maker.bootstrap.taking import Taking
from market_maker.bootstrap.tenancy import Tenancy
from market_maker.bootstrap.upkeep import Upkeep
from market_maker.repositories.executor import Database
from market_maker.repositories.kill_orders import KillOrderRepository
from market_maker.repositories.owners import OwnerRepository


@dataclass(frozen=True, slots=True)
class Owning:
    """The parts, each with one thing to do."""

    tenancy: Tenancy
    hand_over: HandOver
    resumptions: Resumptions
    errands: Errands
    ownership: Ownership
    upkeep: Upkeep

    @classmethod
    def make(
        cls,
        instance_id: str,
        session_timeout_ns: int,
        database: Database,
        lease_database: Database,
        supervisor: Supervisor,
        fleet: Fleet,
        controls: Controls,
        changes: ChangeFeed,
        journal: Journal,
        counts: Callable[[], Mapping[str, int]],
        read_again: Callable[[str], None],
        tasks: TaskGroup,
        started: Callable[[str], None],
    ) -> Self:
        """`lease_database` is the lease's own: nobody else's queries keep it waiting.

        `counts` tells how many partitions each topic has; empty while that is unknown. `read_again` has the
        consumer read a symbol's partition anew from the first event that is not durable. `started` is told
        of each symbol that was taken, which must learn of its surroundings.
        """
        lease = Lease(time.monotonic_ns, lease_ns(session_timeout_ns))
        owners = OwnerRepository(lease_database)

        def lost(symbol: str) -> None:
            resumptions.forget(symbol)
            ownership.taken_away(symbol)

        def look_at_configs() -> Awaitable[None]:
            return ownership.look_at_configs()

        tenancy = Tenancy(instance_id, owners, lease, supervisor, lost)
        resumptions = Resumptions(supervisor, controls, changes, tasks)
        hand_over = HandOver(supervisor, controls, changes, journal, tenancy, resumptions)
        kills = KillOrderRepository(database)
        errands = Errands(supervisor, controls, journal, kills, look_at_configs)
        taking = Taking(supervisor, fleet, journal, tenancy, errands, resumptions, tasks, started)
        ownership = Ownership(supervisor, fleet, taking, hand_over, counts, read_again, tasks)
        upkeep = Upkeep(supervisor, tenancy, taking, ownership, tasks)
        return cls(tenancy, hand_over, resumptions, errands, ownership, upkeep)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to renew the lease, to look for what others ask for, and for what should not be."""
        tasks.start("lease", self.tenancy.run())
        tasks.start("errands", self.errands.run())
        tasks.start("upkeep", self.upkeep.run())
