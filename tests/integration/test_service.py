"""The whole service on Apache Kafka."""

from collections.abc import Awaitable, Callable

from tests.support.service import Site

BTC, ETH = "BTCUSDT", "ETHUSDT"
SYMBOLS = (BTC, ETH)

StartSite = Callable[..., Awaitable[Site]]


async def test_the_service_quotes_and_counts_every_fill(start_site: StartSite) -> None:
    site = await start_site()
    for symbol in SYMBOLS:
        await site.operator.configure(symbol)
    for symbol in SYMBOLS:
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
        await site.trade_against(symbol, fills=5)
    assert (await site.operator.emergency("flatten")).status == 200
    for symbol in SYMBOLS:
        await site.operator.clear(symbol)
        assert len(await site.require_equal_fills(symbol)) >= 5
    assert await site.orders_at_exchange() == 0
