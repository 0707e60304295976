"""Who has signed out, told to the other instances and kept over a restart: a sorted set in Redis.

Each instance adds what it knows with every heartbeat and learns the rest, so nothing is lost while Redis is
away. The members are fingerprints, which open nothing; who can write into Redis can sign somebody out, no
more.
"""

import re
import time
from typing import Final

from market_maker.api.signed_out import TOKENS_MAX, SignedOut
from market_maker.fleet.link import Command, FleetLink

KEY: Final = "mm:signed-out"
_MEMBER: Final = re.compile(rb"([0-9a-f]{64}):([0-9]{1,12})")
"""Fingerprint and end; the end is the score as well, by which Redis finds those that are over."""


async def share(link: FleetLink, signed_out: SignedOut) -> None:
    """Tell what is known here and learn what the others know. Redis away: the next time."""
    now = int(time.time())
    known = signed_out.known()
    commands: list[Command] = [("ZREMRANGEBYSCORE", KEY, "-inf", now - 1)]
    if known:
        members = (part for one, end in known.items() for part in (end, f"{one}:{end}"))
        commands.append(("ZADD", KEY, *members))
    commands.append(("ZREVRANGE", KEY, 0, TOKENS_MAX - 1))
    answers = await link.run(*commands)
    if answers is None or isinstance(answers[-1], Exception):
        return
    found = [match for member in answers[-1] if (match := _MEMBER.fullmatch(member)) is not None]
    signed_out.learn({match[1].decode(): int(match[2]) for match in found})
