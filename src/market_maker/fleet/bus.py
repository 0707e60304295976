"""The fleet's bus over Redis: heartbeats, live status, and questions from instance to instance.

What instances and guards leave under `mm:` for everybody to read expires by itself.

Nothing here is on the way of an order, and nothing that Redis does is raised: a call says "not reached"
within a second, and everything goes on by itself when Redis is back. One connection per instance waits for
messages; the others are shared. Redis' own clock decides whether a request is still wanted, because the
machines' clocks may differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from secrets import token_bytes
from typing import Any, Final

import structlog

from market_maker.api.signed_out import SignedOut
from market_maker.fleet.heartbeat import ID, GarbledError, Heartbeat
from market_maker.fleet.link import FleetLink
from market_maker.fleet.questions import AnswerTo, FleetQuestions
from market_maker.fleet.seal import HEAD_BYTES, Seal
from market_maker.fleet.signed_out import share

INSTANCES: Final = "mm:instances"
"""The set of ids whose keys to look for: finding keys by pattern would walk through all that Redis holds."""
GUARDS: Final = "mm:guards"
HEARTBEAT: Final = "mm:instance:"
STATUS: Final = "mm:status:"
GUARD: Final = "mm:guard:"
HEARTBEAT_S: Final = 10
STATUS_S: Final = 5
GUARD_S: Final = 5
TEXT_BYTES_MAX: Final = 4 << 20
HEARTBEAT_BYTES_MAX: Final = 512 << 10
TOTAL_BYTES_MAX: Final = 64 << 20
"""Of all texts that are read at a time; each may be half garbage."""
INDEX_BYTES_MAX: Final = 1 << 20
IDS_MAX: Final = 1000
"""Ids that are looked at."""
_TOLD_MAX: Final = 1000


class FleetBus:
    """One instance's (or guard's) end of the bus. Make it on its event loop; `close` it in the end.

    A key with something unreadable in it is told once and passed over; what is not signed by one of the fleet
    is as good as not there.
    """

    def __init__(
        self, url: str, instance_id: str, secret: bytes | None, tls: Mapping[str, Any] | None = None
    ) -> None:
        """`secret` is the fleet's; without one this end is a fleet by itself, which hears nobody else.

        `tls` are redis-py's options for rediss:// addresses. Raises ValueError for an id that is none.
        """
        if not ID.fullmatch(instance_id):
            raise ValueError(f"{instance_id!r} is not an id: visible ASCII without a colon is")
        self._id = instance_id
        self._link = FleetLink(url, tls)
        self._seal = Seal(secret or token_bytes())
        self._requests = FleetQuestions(self._link, instance_id, self._seal)
        self._has_left = False
        self._told: set[str] = set()
        self._log = structlog.get_logger()

    async def run(self, answer: AnswerTo) -> None:
        """Serve requests until cancelled. Answers to our own questions arrive here too."""
        await self._requests.run(answer)

    async def ask(self, instance_id: str, body: bytes, timeout_s: float) -> bytes | None:
        """The other instance's answer; None when none came in time, or when it cannot be reached.

        The other one may have done what it was asked although its answer is missing.
        """
        return await self._requests.ask(instance_id, body, timeout_s)

    async def beat(self, heartbeat: Heartbeat) -> bool:
        """Leave a sign of life, which lasts 10 s; false: Redis does not answer, or this instance has left."""
        return await self._leave_there(INSTANCES, HEARTBEAT, heartbeat.encode(), HEARTBEAT_S)

    async def publish_status(self, payload: bytes) -> bool:
        """Leave the live status, which lasts 5 s; false as for `beat`."""
        return await self._leave_there(INSTANCES, STATUS, payload, STATUS_S)

    async def guard_beat(self, payload: bytes) -> bool:
        """Leave the sign of life of a guard, which lasts 5 s; false as for `beat`."""
        return await self._leave_there(GUARDS, GUARD, payload, GUARD_S)

    async def _leave_there(self, index: str, prefix: str, text: bytes, expires_s: int) -> bool:
        key = f"{prefix}{self._id}"
        if len(text) > TEXT_BYTES_MAX:
            self._tell(key, f"{len(text)} bytes, more than {TEXT_BYTES_MAX}: not written")
            return False
        now_ms = None if self._has_left else await self._link.known_ms()
        if now_ms is None:
            return False
        sealed = self._seal.sealed(key, text, now_ms)
        return (
            await self._link.run_timed(("SET", key, sealed, "EX", expires_s), ("SADD", index, self._id))
            is not None
        )

    async def instances(self) -> tuple[Heartbeat, ...] | None:
        """The last heartbeat of every instance, by id; None: Redis does not answer."""
        texts = await self._read(INSTANCES, HEARTBEAT, HEARTBEAT_BYTES_MAX)
        if texts is None:
            return None
        found = (self._heartbeat(owner, text) for owner, text in sorted(texts.items()))
        return tuple(heartbeat for heartbeat in found if heartbeat is not None)

    async def statuses(self) -> Mapping[str, bytes] | None:
        """The last status of every instance, by its id; None: Redis does not answer."""
        return await self._read(INSTANCES, STATUS, TEXT_BYTES_MAX, expiry_matters=False)

    async def guards(self) -> int | None:
        """How many guards live; None: Redis does not answer."""
        texts = await self._read(GUARDS, GUARD, HEARTBEAT_BYTES_MAX)
        return None if texts is None else len(texts)

    async def share_signed_out(self, signed_out: SignedOut) -> None:
        """Tell who has signed out here, and learn who has elsewhere."""
        await share(self._link, signed_out)

    async def health(self) -> str | None:
        """Why Redis does not answer within a second; None when it does."""
        return await self._link.health()

    async def leave(self) -> None:
        """An orderly end: take back what this instance has left; a late beat does not bring it again."""
        self._has_left = True
        await self._link.run(
            ("DEL", f"{HEARTBEAT}{self._id}", f"{STATUS}{self._id}"), ("SREM", INSTANCES, self._id)
        )
        await self._link.run(("DEL", f"{GUARD}{self._id}"), ("SREM", GUARDS, self._id))

    async def close(self) -> None:
        """Close every connection, after `run` was cancelled."""
        await self._link.close()

    async def _read(
        self, index: str, prefix: str, bytes_max: int, *, expiry_matters: bool = True
    ) -> dict[str, bytes] | None:
        """The text of every owner that has one; owners without one leave the index if that matters."""
        deadline = self._link.deadline()
        asked = await self._link.run_timed(("MEMORY", "USAGE", index, "SAMPLES", 0), deadline=deadline)
        if asked is None:
            return None
        if (asked[0] or 0) > INDEX_BYTES_MAX:
            self._tell(index, f"{asked[0]} bytes, more than {INDEX_BYTES_MAX}: not read")
            return {}
        answers = await self._link.run(("SMEMBERS", index), deadline=deadline)
        if answers is None:
            return None
        keys = {f"{prefix}{owner}": owner for owner in self._owners(index, answers[0])}
        lengths = await self._link.run(*(("STRLEN", key) for key in keys), deadline=deadline)
        if lengths is None:
            return None
        readable = self._readable(keys, lengths, bytes_max)
        # A part of a text is as unreadable as one that is too long, and takes no more memory.
        ranges = [("GETRANGE", key, 0, bytes_max + HEAD_BYTES) for key in readable]
        texts = await self._link.run(*ranges, deadline=deadline)
        if texts is None:
            return None
        missing = [owner for owner, length in zip(keys.values(), lengths, strict=True) if length == 0]
        if missing and expiry_matters:
            await self._link.run(("SREM", index, *missing), deadline=deadline)
        opened = {key: self._opened(key, text) for key, text in zip(readable, texts, strict=True)}
        return {keys[key]: text for key, text in opened.items() if text is not None}

    def _readable(self, keys: Iterable[str], lengths: Sequence[Any], bytes_max: int) -> list[str]:
        """Which keys to read: no text of them is too long, and all together are not."""
        found, left = [], TOTAL_BYTES_MAX
        for key, length in zip(keys, lengths, strict=True):
            if isinstance(length, Exception):
                self._tell(key, str(length))
            elif length > min(bytes_max + HEAD_BYTES, left):
                self._tell(key, f"more than {min(bytes_max, left)} bytes")
            elif length:
                found.append(key)
                left -= length
        return found

    def _opened(self, key: str, text: Any) -> bytes | None:
        """The text that was signed; None when it was not, or the key was changed meanwhile."""
        now_ms = self._link.now_ms()
        if isinstance(text, Exception) or not text or now_ms is None:
            return None
        try:
            return self._seal.opened(key, text, now_ms)
        except GarbledError as error:
            self._tell(key, str(error))
            return None

    def _owners(self, index: str, answer: Any) -> list[str]:
        if isinstance(answer, Exception):
            self._tell(index, str(answer))
            return []
        ids = [member.decode("ascii", "replace") for member in answer]
        known = sorted(owner for owner in ids if ID.fullmatch(owner))
        if len(known) < len(ids) or len(known) > IDS_MAX:
            self._tell(
                index, f"{len(ids)} members, of which {len(known)} are ids; at most {IDS_MAX} are read"
            )
        return known[:IDS_MAX]

    def _heartbeat(self, owner: str, text: bytes) -> Heartbeat | None:
        try:
            heartbeat = Heartbeat.decode(text)
        except GarbledError as error:
            self._tell(f"{HEARTBEAT}{owner}", str(error))
            return None
        if heartbeat.instance_id != owner:
            self._tell(
                f"{HEARTBEAT}{owner}", f"instance_id: {heartbeat.instance_id!r} is not whose key it is"
            )
            return None
        return heartbeat

    def _tell(self, key: str, problem: str) -> None:
        if key in self._told:
            return
        if len(self._told) >= _TOLD_MAX:
            self._told.clear()
        self._told.add(key)
        self._log.warning("fleet_bus_garbage", key=key, reason=problem[:300])
