"""Redis' side of the service: a sign of life and a picture each second, and requests of other instances."""

import asyncio
import secrets
import socket
import time
from datetime import UTC, datetime
from typing import Final

import structlog

from market_maker import __version__
from market_maker.actors.supervisor import Supervisor
from market_maker.actors.tasks import TaskGroup
from market_maker.api.ports import Desk
from market_maker.api.signed_out import SignedOut
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.forward import InProcess
from market_maker.fleet.heartbeat import Heartbeat
from market_maker.fleet.redis_peers import RedisPeers
from market_maker.fleet.view import Note
from market_maker.settings import Settings
from market_maker.telemetry.metrics import Metrics

BEAT_S: Final = 1.0

_log = structlog.get_logger()


def make_instance_id(settings: Settings) -> str:
    """A new one for each process: an instance that starts again is another one."""
    name = settings.instance_name or socket.gethostname()
    return f"{name}-{secrets.token_hex(4)}"


class Membership:
    """Nothing here is waited for by trading; Redis away means that the others do not see us."""

    def __init__(
        self,
        bus: FleetBus,
        peers: RedisPeers,
        desk: Desk,
        supervisor: Supervisor,
        metrics: Metrics,
        note: Note,
        signed_out: SignedOut,
        *,
        has_secret: bool,
    ) -> None:
        """`note` is told of each summary that is published; `signed_out` is shared with the other instances.

        `has_secret`: whether FLEET_SECRET is set, without which instances do not hear each other.
        """
        self._note = note
        self._signed_out = signed_out
        self._has_secret = has_secret
        self._bus = bus
        self._peers = peers
        self._desk = desk
        self._supervisor = supervisor
        self._guards = metrics.gauge("mm_guards_seen")
        self.guards: int | None = None
        """How many live; None: not known."""
        self._beat = 0
        self._started_at = datetime.now(UTC)

    def start(self, tasks: TaskGroup, app: InProcess) -> None:
        """Begin with everything; `app` answers requests that other instances send on."""
        tasks.start("fleet requests", self._bus.run(app.answer))
        tasks.start("heartbeat", self._run_heartbeat())
        tasks.start("fleet status", self._run_status())

    async def leave(self) -> None:
        """An orderly end."""
        await self._bus.leave()

    async def _run_heartbeat(self) -> None:
        """A task of its own: pictures of many symbols take their time."""
        while True:
            began = time.monotonic()
            self._beat += 1
            symbols = tuple(worker.name for worker in self._supervisor if worker.tenure.is_held)
            await self._bus.beat(
                Heartbeat(self._peers.instance, self._beat, self._started_at, symbols, __version__)
            )
            await self._bus.share_signed_out(self._signed_out)
            self.guards = await self._bus.guards()
            self._guards.set(self.guards if self.guards is not None else float("nan"))
            self._warn_without_secret()
            await asyncio.sleep(max(0.0, began + BEAT_S - time.monotonic()))

    def _warn_without_secret(self) -> None:
        """PostgreSQL says who the others are: nobody can make us believe in them through Redis."""
        others = self._peers.others()
        if others and not self._has_secret:
            fix = "set FLEET_SECRET, the same for all: until then they do not hear or believe each other"
            _log.error("fleet_secret_missing", others=others, fix=fix)
            self._has_secret = True  # once is enough

    async def _run_status(self) -> None:
        while True:
            await self._peers.publish(self._desk, self._note)
            await asyncio.sleep(BEAT_S)
