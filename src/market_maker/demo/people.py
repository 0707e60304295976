"""Who works at a demo that asks for tokens (`--approvals`).

Two people for whoever tries it, so that one may approve what the other has proposed, and the demo itself
with a second one of its own. Their tokens are the sandbox's Auth Service's.
"""

import asyncio
from pathlib import Path
from typing import Final

from market_maker.demo.http import JsonClient

PEOPLE: Final = ("nora", "sam")
ITSELF: Final = ("demo", "demo-second")
ROLES: Final = ("mm:read", "mm:operate", "mm:emergency")
TOKEN_S: Final = 86_400
RENEW_S: Final = 3_600.0


class Pass:
    """A person's token, a new one each hour."""

    def __init__(self, sandbox: JsonClient, name: str) -> None:
        self._sandbox = sandbox
        self._name = name
        self._token = ""
        self._until = 0.0

    async def __call__(self) -> str:
        """The token, good for some hours yet."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            wanted = {"subject": self._name, "roles": list(ROLES), "expires_in": TOKEN_S}
            self._token = (await self._sandbox.post("/sandbox/auth/token", wanted))["token"]
            self._until = now + RENEW_S
        return self._token


async def write_tokens(directory: Path, sandbox: JsonClient) -> None:
    """A file for each of the people, which only its owner can read: mmctl refuses others.

    Written again and again, each time with a new token: who signs out of the console ends the one in use.
    """
    for name in PEOPLE:
        path = token_file(directory, name)
        new = path.with_suffix(".new")
        new.touch(0o600)
        new.write_text(f"{await Pass(sandbox, name)()}\n")
        new.replace(path)


def token_file(directory: Path, name: str) -> Path:
    """Where a person's token is."""
    return directory / f"{name}.token"
