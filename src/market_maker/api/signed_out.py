"""Tokens whose bearers have signed out: refused by every instance until they would have ended anyway.

A token is known by what was signed of it. The signature is left out, because whoever has one of an elliptic
curve can make another that holds as well.
"""

import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

TOKENS_MAX: Final = 10_000
"""Only tokens that were valid get here; beyond this the one that ends first makes room."""


class SignedOut:
    """The tokens that count no more, each with the second in which it ends by itself."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}

    def add(self, token: str, ends: int) -> None:
        """Its bearer has signed out. `ends`: UTC, in seconds since 1970."""
        self.learn({fingerprint(token): ends})

    def learn(self, ends: Mapping[str, int]) -> None:
        """What another instance knows, by fingerprint."""
        now = int(time.time())
        known = {**self._ends, **ends}
        left = sorted(((end, one) for one, end in known.items() if end >= now), reverse=True)
        self._ends = {one: end for end, one in left[:TOKENS_MAX]}

    def holds(self, token: str) -> bool:
        """Whether its bearer has signed out."""
        return bool(self._ends) and fingerprint(token) in self._ends

    def known(self) -> Mapping[str, int]:
        """All that have not ended, by fingerprint."""
        return dict(self._ends)


def fingerprint(token: str) -> str:
    """What a token is told by, which opens nothing."""
    return sha256(token.rpartition(".")[0].encode()).hexdigest()
