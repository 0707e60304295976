"""Client order ids: UUIDv7, made without reading a clock or a random source.

Layout and monotonic counter: RFC 9562, section 5.7 and 6.2 method 1. The shell gives one random
seed and one reading of the wall clock per engine; everything after that follows from event times,
so that a replay makes the same ids.
"""

from dataclasses import dataclass

RAND_B_BITS = 62
_RAND_B_MASK = (1 << RAND_B_BITS) - 1


@dataclass(frozen=True, slots=True)
class IdSeed:
    """`random` is 62 random bits of the shell; `wall_ms` was the wall clock when `at_ns` was monotonic."""

    random: int
    wall_ms: int
    at_ns: int


class OrderIds:
    """Makes the client order ids of one engine; no id is ever made twice."""

    __slots__ = ("_counter", "_seed")

    def __init__(self, seed: IdSeed) -> None:
        self._seed = seed
        self._counter = 0

    def next(self, now_ns: int) -> str:
        """A new UUIDv7 for an order made at `now_ns` (monotonic)."""
        seed = self._seed
        self._counter += 1
        unix_ms = self.wall_us(now_ns) // 1_000
        rand_b = (seed.random + self._counter) & _RAND_B_MASK
        value = unix_ms << 80 | 0x7 << 76 | (self._counter & 0xFFF) << 64 | 0b10 << 62 | rand_b
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def wall_us(self, now_ns: int) -> int:
        """The wall time at a monotonic one, microseconds since 1970 UTC."""
        return self._seed.wall_ms * 1_000 + (now_ns - self._seed.at_ns) // 1_000

    def made(self, client_order_id: str) -> bool:
        """Whether this is one of them; any text may be asked for."""
        try:
            rand_b = int(client_order_id[-17:].replace("-", ""), 16) & _RAND_B_MASK
        except ValueError:
            return False
        return 0 < (rand_b - self._seed.random) & _RAND_B_MASK <= self._counter
