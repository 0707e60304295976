"""What instances and guards leave in Redis for everybody to read; all of it expires by itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from market_maker.fleet.heartbeat import ID, GarbledError, Heartbeat
from market_maker.fleet.link import Command, FleetLink
from market_maker.fleet.seal import HEAD_BYTES, Seal

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


class FleetBoard:
    """The keys under `mm:`. A key with something unreadable in it is told once and passed over.

    What is not signed by one of the fleet is as good as not there.
    """

    def __init__(self, link: FleetLink, seal: Seal) -> None:
        self._link = link
        self._seal = seal
        self._told: set[str] = set()
        self._log = structlog.get_logger()

    async def write(self, index: str, owner: str, texts: Mapping[str, tuple[bytes, int]]) -> bool:
        """Leave texts (by key, each with the seconds until it expires) of one owner; false: not done."""
        for key, (text, _) in texts.items():
            if len(text) > TEXT_BYTES_MAX:
                self._tell(key, f"{len(text)} bytes, more than {TEXT_BYTES_MAX}: not written")
                return False
        now_ms = await self._link.known_ms()
        if now_ms is None:
            return False
        commands: list[Command] = [
            ("SET", key, self._seal.sealed(key, text, now_ms), "EX", ttl)
            for key, (text, ttl) in texts.items()
        ]
        return await self._link.run_timed(*commands, ("SADD", index, owner)) is not None

    async def remove(self, index: str, owner: str, *keys: str) -> None:
        """Take back what an owner has left."""
        await self._link.run(("DEL", *keys), ("SREM", index, owner))

    async def heartbeats(self) -> tuple[Heartbeat, ...] | None:
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
