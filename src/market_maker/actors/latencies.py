"""The latencies that the status API and the demo's summary show."""

from dataclasses import dataclass, field

from market_maker.telemetry.latency import LatencyHistogram
from market_maker.telemetry.stages import Stages


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
