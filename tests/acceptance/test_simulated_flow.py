"""The simulated market's order flow follows from its seed alone, in whatever process and whenever it runs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.operator import until
from tests.support.sandbox import SandboxClient, SandboxServers
from tests.support.service import ExchangeServers

from lab.processes import ServerProcess

SYMBOL = "ADAUSDT"
"""Nobody else's on the shared broker."""
CHANGES = 400


@pytest.fixture
def start_market(shared_exchange: ExchangeServers, tmp_path: Path) -> Iterator[Callable[..., SandboxServers]]:
    """Start one more exchange on the shared broker, without anybody who quotes."""
    started: list[ServerProcess] = []

    def start(*arguments: str) -> SandboxServers:
        address = shared_exchange.kafka
        command = ("--broker", address, "--symbols", SYMBOL, "--speed", "40", *arguments)
        process = ServerProcess("tradex_sandbox", *command, directory=tmp_path)
        started.append(process)
        return SandboxServers(process, address, process.ready["control"], process.ready["metadata"])

    yield start
    for process in started:
        process.close()


async def test_the_same_seed_gives_the_same_order_flow_and_another_seed_another(
    start_market: Callable[..., SandboxServers], http: aiohttp.ClientSession
) -> None:
    one, same, other = [
        await _book_history(SandboxClient(http, start_market("--seed", seed))) for seed in ("5", "5", "6")
    ]
    assert one == same
    assert one != other
    assert len({(top["best_bid"], top["best_ask"]) for top in one.values()}) > 20


async def _book_history(market: SandboxClient) -> dict[str, Any]:
    """Best bid and ask after each of the first changes of the book."""
    tops: dict[str, Any] = {}

    async def long_enough() -> bool:
        nonlocal tops
        tops = await market.tops(SYMBOL, *range(1, CHANGES))
        return all(top is not None for top in tops.values())

    await until(f"{CHANGES} changes of the book", long_enough)
    return tops
