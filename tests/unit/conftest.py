from collections.abc import AsyncIterator

import pytest

from lab.api import Api, in_process
from lab.desk import FakeDesk
from lab.desk_records import view_of
from market_maker.core.config import SymbolConfig


@pytest.fixture
def desk() -> FakeDesk:
    """BTC-USDT and ETH-USDT are configured and PAUSED; SOL-USDT is listed only."""
    return FakeDesk(views={symbol: view_of(SymbolConfig(symbol)) for symbol in ("BTC-USDT", "ETH-USDT")})


@pytest.fixture
async def api(desk: FakeDesk) -> AsyncIterator[Api]:
    async with in_process(desk) as client:
        yield client
