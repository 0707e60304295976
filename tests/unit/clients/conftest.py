import asyncio
from collections.abc import Callable

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every client on both loops: uvloop runs due timers before it looks at its sockets, asyncio after."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
