"""How often one peer may call: a bucket per peer address, so that none can keep the trading loop busy."""

from collections import OrderedDict

PER_SECOND = 200.0
BURST = 400.0
PEERS_MAX = 1_000


class RateLimit:
    """Token buckets. Peers not seen for longest are forgotten first; a forgotten one starts full."""

    def __init__(self, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Peer -> (calls left, monotonic seconds of the last call)."""

    def wait_s(self, peer: str, now_s: float) -> float:
        """Count a call: 0 when it may go on, else how long until one may."""
        left, last_s = self._buckets.pop(peer, (self._burst, now_s))
        left = min(self._burst, left + (now_s - last_s) * self._per_second)
        allowed = left >= 1
        self._buckets[peer] = (left - 1 if allowed else left, now_s)
        if len(self._buckets) > PEERS_MAX:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second
