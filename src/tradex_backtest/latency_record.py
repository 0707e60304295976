"""Latencies of a recorded service (MM_RECORD_DIR): how late the book came, and the answers to orders.

A record tells when a request was decided and when its answer was heard; each way is taken for half of that.
"""

from pathlib import Path

from market_maker.core import commands as cmd
from market_maker.core import events as ev
from market_maker.replay.record import RecordError, RecordReader
from tradex_backtest.errors import BacktestError
from tradex_backtest.latencies import Distribution, OneWayLatencies

MESSAGES_MIN = 100
ORDERS_MIN = 20
PLACE = cmd.PlaceOrder.__name__


def measured(path: Path) -> OneWayLatencies:
    """The distributions of one record; BacktestError when it cannot be read or holds too little."""
    feed: list[int] = []
    trips: list[int] = []
    sent: dict[str, int] = {}
    try:
        with RecordReader(path) as record:
            for step in record.steps():
                event = step.event() if step.name != "Start" else None
                if isinstance(event, ev.BookDelta):
                    feed.append(event.at_ns - event.data_ns)
                elif isinstance(event, ev.PlaceAnswer) and event.client_order_id in sent:
                    trips.append(event.at_ns - sent.pop(event.client_order_id))
                if event is not None and not isinstance(step.said, str):
                    for name, fields in step.said:
                        if name == PLACE:
                            sent[fields[0][0]] = event.at_ns
    except RecordError as error:
        raise BacktestError(f"--latency-from: {path}: {error}") from None
    if len(feed) < MESSAGES_MIN or len(trips) < ORDERS_MIN:
        raise BacktestError(
            f"--latency-from: {path} holds {len(feed)} book messages and {len(trips)} answers to orders; "
            f"{MESSAGES_MIN} and {ORDERS_MIN} are needed"
        )
    one_way = Distribution.of([trip // 2 for trip in trips])
    return OneWayLatencies(Distribution.of(feed), one_way, one_way)
