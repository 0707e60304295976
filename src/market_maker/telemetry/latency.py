"""Percentiles of latencies in a fixed amount of memory."""

from dataclasses import dataclass, field
from typing import Final

from market_maker.telemetry.stages import Stages

_SUB_BITS: Final = 6
_EXACT_BELOW: Final = 1 << (_SUB_BITS + 1)
_LONGEST_NS: Final = (1 << 40) - 1
"""18 minutes; what is longer counts as that long."""
_SIZE: Final = ((_LONGEST_NS.bit_length() - _SUB_BITS - 1) << _SUB_BITS) + _EXACT_BELOW


class LatencyHistogram:
    """Counts durations in logarithmic buckets: a percentile is right to within 1 %.

    Each power of two is divided into 64 buckets; below 128 ns every nanosecond has its own.
    """

    __slots__ = ("buckets", "count", "longest_ns")

    def __init__(self) -> None:
        self.buckets = [0] * _SIZE
        self.count = 0
        self.longest_ns = 0

    def record(self, ns: int) -> None:
        """Count one duration in nanoseconds; a negative one counts as zero."""
        ns = min(max(ns, 0), _LONGEST_NS)
        shift = ns.bit_length() - _SUB_BITS - 1
        if shift <= 0:
            self.buckets[ns] += 1
        else:
            self.buckets[(shift << _SUB_BITS) + (ns >> shift)] += 1
        self.count += 1
        self.longest_ns = max(self.longest_ns, ns)

    def percentile_us(self, q: float) -> float | None:
        """The duration in microseconds that a share `q` (0 to 1) does not exceed; None when empty."""
        if not 0 <= q <= 1:
            raise ValueError(f"q must be from 0 to 1, got {q}")
        rank = max(1, -int(-q * self.count // 1))
        seen = 0
        for bucket, count in enumerate(self.buckets):
            seen += count
            if count and seen >= rank:
                return min(_middle_ns(bucket), self.longest_ns) / 1_000
        return None


def _middle_ns(bucket: int) -> float:
    """The middle of a bucket's durations."""
    if bucket < _EXACT_BELOW:
        return bucket
    shift = (bucket >> _SUB_BITS) - 1
    low = ((bucket & ((1 << _SUB_BITS) - 1)) + (1 << _SUB_BITS)) << shift
    return low + ((1 << shift) - 1) / 2


@dataclass(frozen=True, slots=True)
class Latencies:
    """Since the start of the process.

    quote: one evaluation, from its event to its commands. tick_to_order: from the moment at which
    data was there and the quote interval allowed an evaluation, to the answer of an order it caused;
    tick_to_wire: the same to the order's bytes in the kernel.
    order_ack: from sending an order to its answer.
    """

    quote: LatencyHistogram = field(default_factory=LatencyHistogram)
    tick_to_order: LatencyHistogram = field(default_factory=LatencyHistogram)
    tick_to_wire: LatencyHistogram = field(default_factory=LatencyHistogram)
    order_ack: LatencyHistogram = field(default_factory=LatencyHistogram)
    stages: Stages = field(default_factory=Stages)
