"""What the consumer asks of librdkafka."""

import pytest
from confluent_kafka import Consumer

from market_maker.streams.consumer_options import ConsumerOptions


@pytest.mark.parametrize(("session_ms", "rebalance_ms"), [(6_000, 30_000), (300_000, 300_000)])
def test_the_group_waits_for_a_member_that_does_not_poll_half_a_minute_or_a_session(
    session_ms: int, rebalance_ms: int
) -> None:
    properties = ConsumerOptions("127.0.0.1:1", session_timeout_ms=session_ms).member()
    assert properties["max.poll.interval.ms"] == rebalance_ms
    Consumer({**properties, "log_level": 0}).close()  # it refuses less than a session
