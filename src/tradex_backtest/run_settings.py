"""What is the same for all runs of a backtest."""

from dataclasses import dataclass, field

from market_maker.core.config import EngineLimits
from tradex_backtest.latencies import OneWayLatencies
from tradex_sandbox.queue_position import QueueModel
from tradex_sandbox.tape import Fees


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The exchange, the ways to it, and the service's own limits."""

    latencies: OneWayLatencies
    queue_model: QueueModel = QueueModel.RISK_AVERSE
    fees: Fees = field(default_factory=Fees)
    limits: EngineLimits = field(default_factory=EngineLimits)
    learn_share: float = 0.0
    """Of the capture: so long the engine only watches, and quotes from then on."""
    seed: int = 1
    """Of the latencies that are drawn."""
