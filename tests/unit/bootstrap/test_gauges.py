"""What is shown of all symbols must not hold up those that trade."""

import pytest
from tests.support.owning import BTC, ETH
from tests.support.surroundings import Surroundings


async def test_trading_has_its_turn_between_the_gauges_of_two_symbols(around: Surroundings) -> None:
    await around.configure(BTC, ETH)
    north = await around.start("north")
    north.assign(BTC, ETH)
    for symbol in (BTC, ETH):
        await north.taken(symbol)
        await north.clear(symbol)
    depths = [north.meters.metrics.gauge("mm_mailbox_depth", symbol=symbol) for symbol in (BTC, ETH)]
    for depth in depths:
        depth.set(99)
    before = [depth.text() for depth in depths]

    def shown() -> int:
        return sum(depth.text() != text for depth, text in zip(depths, before, strict=True))

    showing = north.gauges.show()
    showing.send(None)
    assert shown() == 1, "the loop has its turn now"
    showing.send(None)
    assert shown() == 2
    with pytest.raises(StopIteration):
        showing.send(None)
