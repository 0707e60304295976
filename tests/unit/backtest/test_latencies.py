"""Latencies are drawn from what was measured: its shape, the same draws for a seed, nothing overtakes."""

from decimal import Decimal
from random import Random

import pytest

from market_maker.core.events import MarkPrice
from tradex_backtest.channel import Channel
from tradex_backtest.latencies import Distribution
from tradex_backtest.measured import MEASURED

US = 1_000


def skewed(count: int = 5_000) -> list[int]:
    """Samples as networks give them: most near the least, a few very late."""
    rng = Random(11)  # noqa: S311 - samples, not secrets
    return [200 * US + int(rng.lognormvariate(5, 1) * US) for _ in range(count)]


def at(samples: list[int], share: float) -> int:
    return sorted(samples)[round((len(samples) - 1) * share)]


def drawn(distribution: Distribution, count: int = 20_000, seed: str = "s") -> list[int]:
    draw = distribution.draws(seed)
    return [draw() for _ in range(count)]


def test_draws_have_the_quantiles_of_what_was_measured() -> None:
    samples = skewed()
    draws = drawn(Distribution.of(samples))
    for share in (0.05, 0.25, 0.5, 0.75, 0.9, 0.95):
        assert at(draws, share) == pytest.approx(at(samples, share), rel=0.03)
    assert sum(draws) / len(draws) == pytest.approx(sum(samples) / len(samples), rel=0.1)


def test_no_draw_is_outside_of_what_was_measured() -> None:
    samples = skewed()
    distribution = Distribution.of(samples)
    assert (distribution.quantiles_ns[0], distribution.quantiles_ns[-1]) == (min(samples), max(samples))
    draws = drawn(distribution)
    assert min(samples) <= min(draws)
    assert max(draws) <= max(samples)


def test_a_seed_fixes_the_draws_and_another_gives_others() -> None:
    distribution = Distribution.of(skewed())
    assert drawn(distribution, 100) == drawn(distribution, 100)
    assert drawn(distribution, 100) != drawn(distribution, 100, "another")


def test_one_value_is_a_constant_and_one_sample_is_enough() -> None:
    assert set(drawn(Distribution((7,)), 100)) == {7}
    assert set(drawn(Distribution.of([7]), 100)) == {7}


def test_the_default_is_a_distribution_in_order_and_never_negative() -> None:
    for one_way in (MEASURED.feed, MEASURED.order, MEASURED.answer):
        assert list(one_way.quantiles_ns) == sorted(one_way.quantiles_ns)
        assert one_way.quantiles_ns[0] >= 0
        assert len(one_way.quantiles_ns) > 1


def test_what_was_sent_later_arrives_no_earlier() -> None:
    channel = Channel(Distribution.of(skewed()).draws("feed"))
    for step in range(2_000):
        sent_ns = step * 50 * US
        channel.put(MarkPrice(channel.arrives_ns(sent_ns), sent_ns, Decimal(1)))
    arrivals = [at_ns for at_ns, _ in channel.waiting]
    assert arrivals == sorted(arrivals)
    late = [at_ns - event.data_ns for at_ns, event in channel.waiting if isinstance(event, MarkPrice)]
    assert min(late) >= 200 * US
