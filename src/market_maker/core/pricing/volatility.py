"""How wild the market is now, compared with how wild it usually is.

Two exponentially weighted means of the mid's squared log return per nanosecond, one with a short and
one with a long half-life. Samples come at irregular times: a sample weighs as much as the time that
it covers. Both means are corrected for their short history, so that they start equal.
"""

from math import expm1, inf, isfinite, log, sqrt

SHORT_HALF_LIFE_NS = 30_000_000_000
LONG_HALF_LIFE_NS = 900_000_000_000

FACTOR_ONE_PPM = 1_000_000
"""A volatility factor of 1; factors are whole millionths so that prices stay exact."""
FACTOR_MAX_PPM = 3_000_000

WARM_UP_NS = 60_000_000_000
"""Until the samples span two short half-lives the factor is 1 ..."""
WARM_UP_SAMPLES = 30
"""... and until there are this many: a return or two say nothing about a variance."""

_LN2 = log(2)


class Volatility:
    """Short over long realized volatility of one symbol's mid."""

    __slots__ = ("_last_log", "_last_ns", "_long", "_samples", "_short", "_span_ns")

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._last_log = 0.0
        self._span_ns = 0
        self._samples = 0
        self._short = _DecayingMean(SHORT_HALF_LIFE_NS)
        self._long = _DecayingMean(LONG_HALF_LIFE_NS)

    def update(self, at_ns: int, mid: float) -> None:
        """Take in the mid at a monotonic time, in any unit that stays the same.

        A second sample at one time, or one from the past, is ignored: the next one covers it. So is
        a mid that is not a positive number.
        """
        if not 0.0 < mid < inf:
            return
        last_ns = self._last_ns
        if last_ns is None:
            self._last_ns, self._last_log = at_ns, log(mid)
            return
        elapsed_ns = at_ns - last_ns
        if elapsed_ns <= 0:
            return
        log_mid = log(mid)
        squared = (log_mid - self._last_log) ** 2
        self._short.add(squared, elapsed_ns)
        self._long.add(squared, elapsed_ns)
        self._last_ns, self._last_log = at_ns, log_mid
        self._span_ns += elapsed_ns
        self._samples += 1

    def interrupt(self) -> None:
        """The next mid is no return on the last one: it is another kind of price."""
        self._last_ns = None

    @property
    def factor_ppm(self) -> int:
        """The volatility factor in millionths, from FACTOR_ONE_PPM to FACTOR_MAX_PPM."""
        if self._span_ns < WARM_UP_NS or self._samples < WARM_UP_SAMPLES:
            return FACTOR_ONE_PPM
        usual = self._long.value
        if usual <= 0.0:
            return FACTOR_ONE_PPM
        factor = sqrt(self._short.value / usual) * FACTOR_ONE_PPM
        return min(max(round(factor), FACTOR_ONE_PPM), FACTOR_MAX_PPM) if isfinite(factor) else FACTOR_MAX_PPM


class _DecayingMean:
    """Mean of a rate over time, in which the weight of the past halves every half-life."""

    __slots__ = ("_decay", "_sum", "_weight")

    def __init__(self, half_life_ns: int) -> None:
        self._decay = _LN2 / half_life_ns
        self._sum = 0.0
        self._weight = 0.0

    def add(self, amount: float, elapsed_ns: int) -> None:
        """`amount` gathered over the last `elapsed_ns` (> 0)."""
        fresh = -expm1(-self._decay * elapsed_ns)
        self._sum += (amount / elapsed_ns - self._sum) * fresh
        self._weight += (1.0 - self._weight) * fresh

    @property
    def value(self) -> float:
        """The mean per nanosecond; 0 before the first amount."""
        return self._sum / self._weight if self._weight > 0.0 else 0.0
