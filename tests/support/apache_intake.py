"""Kafka in on Apache Kafka: what its tests share."""

from collections.abc import Callable

from tests.support.intake import Desk
from tests.support.kafka import levels

from market_maker.core.events import Execution
from market_maker.streams.partitioner import partition_of
from market_maker.streams.topics import ENGINE_EVENT

PARTITIONS = 4
BTC = "BTCUSDT"
PARTITION = partition_of(BTC, PARTITIONS)
BEST = (levels(("100.10", "1")), levels(("100.20", "1")))
MakeDesk = Callable[..., Desk]


def make_durable(desk: Desk, first: int = 0, end: int | None = None) -> None:
    """The effects of these executions are in the database."""
    for event in desk.boxes[BTC].of(Execution)[first:end]:
        desk.offsets.done(event.source)


def lag_ns(desk: Desk) -> int:
    """The last measured lag of BTC's engine events; -1 when it could not be measured."""
    lag = desk.reports[-1].partitions.get((ENGINE_EVENT, PARTITION)) if desk.reports else None
    return -1 if lag is None else lag
