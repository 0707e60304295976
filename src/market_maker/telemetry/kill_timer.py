"""How long a kill takes: until its cancel-all leaves the process, and until zero open orders are proven."""

from market_maker.telemetry.metrics import Metrics

_NS = 1e9


class KillTimer:
    """Joins what the engine decided with what the Order Service's client did. Times are monotonic."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._leaving: dict[str, int] = {}
        self._clearing: dict[str, int] = {}

    def killed(self, symbol: str, at_ns: int) -> None:
        """The event of this time fired the symbol's kill switch."""
        self._leaving[symbol] = self._clearing[symbol] = at_ns

    def cancel_all_left(self, symbol: str, at_ns: int) -> None:
        """A cancel-all was sent at this time; one from before the kill is not the kill's."""
        killed_ns = self._leaving.get(symbol)
        if killed_ns is not None and at_ns >= killed_ns:
            del self._leaving[symbol]
            self._observe("mm_kill_latency_seconds", symbol, at_ns - killed_ns)

    def cleared(self, symbol: str, at_ns: int) -> None:
        """The exchange proved zero open orders at this time."""
        killed_ns = self._clearing.pop(symbol, None)
        if killed_ns is not None:
            self._observe("mm_kill_clear_seconds", symbol, at_ns - killed_ns)

    def forget(self, symbol: str) -> None:
        """The symbol is no longer configured."""
        self._leaving.pop(symbol, None)
        self._clearing.pop(symbol, None)

    def _observe(self, name: str, symbol: str, took_ns: int) -> None:
        self._metrics.histogram(name, symbol=symbol).observe(took_ns / _NS)
