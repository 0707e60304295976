"""Time as one process lives through it: it may stand still, and it ends."""

from collections.abc import Callable

from simulation.clock import Clock


class Lifetime:
    """What a process schedules happens only while it is alive, and never while it stands still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.alive = True
        self.stalled_until_ns = 0
        self._stalls: list[tuple[int, int]] = []

    def after(self, delay_ns: int, action: Callable[..., None], *arguments: object) -> None:
        """Do something later, in this process: never once it is dead, and not while it stands still."""
        self._clock.at(self._clock.now_ns + delay_ns, self._run, action, arguments)

    def _run(self, action: Callable[..., None], arguments: tuple[object, ...]) -> None:
        if not self.alive:
            return
        if self._clock.now_ns < self.stalled_until_ns:
            self._clock.at(self.stalled_until_ns, self._run, action, arguments)
        else:
            action(*arguments)

    def stall(self, duration_ns: int) -> None:
        """The event loop stands still."""
        now_ns = self._clock.now_ns
        until_ns = now_ns + duration_ns
        if until_ns > self.stalled_until_ns:
            self._stalls.append((max(now_ns, self.stalled_until_ns), until_ns))
            self.stalled_until_ns = until_ns

    def stalled_ns(self, since_ns: int) -> int:
        """How long it stood still since then."""
        return sum(max(0, end_ns - max(begin_ns, since_ns)) for begin_ns, end_ns in self._stalls)
