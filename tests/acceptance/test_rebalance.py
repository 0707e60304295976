"""The consumer group gives our partitions to somebody else: nothing of ours stays in their markets."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.operator import until
from tests.support.other_member import another_member
from tests.support.service import SOON_FORGOTTEN, Site

ETH, BTC = "ETHUSDT", "BTCUSDT"
"""On partitions 1 and 2 of 4: cooperative assignment gives the lower half to whoever comes."""
SESSION_MS = 3000
"""The built-in broker lets a member in after the longest session of the group."""

StartSite = Callable[..., Awaitable[Site]]


async def test_a_symbol_whose_partition_is_revoked_is_paused_and_cleared_and_no_other_is(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    for symbol in (ETH, BTC):
        await site.operator.configure(symbol)
        await site.operator.enable(symbol)
        await site.operator.quoting(symbol)
    with another_member(site, heartbeat_ms=SESSION_MS // 10, session_ms=SESSION_MS):
        await _given_up(site)
        assert await site.orders_at_exchange(ETH) == 0
        await site.operator.quoting(BTC)
        assert len(await site.operator.rows(BTC, "events")) == 1  # it was enabled, and nothing since
    assert (await site.operator.state(ETH, "PAUSED"))["state"]["reason"] == "partition revoked"
    await site.operator.clear(ETH)


async def test_a_halt_that_was_announced_while_the_partition_was_away_is_found_by_asking_metadata(
    start_site: StartSite,
) -> None:
    site = await start_site(**SOON_FORGOTTEN)
    await site.operator.configure(ETH)
    await site.operator.enable(ETH)
    await site.operator.quoting(ETH)
    with another_member(site, heartbeat_ms=SESSION_MS // 10, session_ms=SESSION_MS):
        await _given_up(site)
        await site.exchange.halt(ETH, "maintenance")
    try:
        await site.operator.until(ETH, "the halt is known", _refused_for_a_halt)
    finally:
        await site.exchange.resume(ETH)


async def _given_up(site: Site) -> None:
    """Wait until the symbol is nobody's; its history tells why it is paused."""

    async def is_nobodys() -> bool:
        answer = await site.operator.ask("GET", f"/v1/mm-configs/{ETH}/status")
        return answer.status == 503 and answer.code == "NO_OWNER"

    await until("nobody owns the symbol", is_nobodys)
    change = (await site.operator.rows(ETH, "events"))[-1]["data"]
    assert (change["from"], change["to"], change["reason"]) == ("ACTIVE", "PAUSED", "partition revoked")


def _refused_for_a_halt(status: dict[str, Any]) -> bool:
    return any(problem["code"] == "MARKET_HALT" for problem in status["enable_problems"])
