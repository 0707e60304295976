"""What the supervisor does about a worker that fails: on real sockets, with its real parts."""

import time
from collections.abc import Iterator

import pytest
from tests.support.counted import sample

from lab.order_server import OrderServer, answer
from lab.trading_side import trading_side, until
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.engine import clearing
from market_maker.core.events import LagMeasured, OrderEvent, OrderEventKind, Tick

SYMBOL = "BTC-USDT"
CONFIG = SymbolConfig(SYMBOL, enabled=True, volatility_multiplier=False)


@pytest.fixture
def empty_exchange() -> Iterator[OrderServer]:
    """It holds no order and takes every cancel."""
    with OrderServer(answer(200, {"cancelled": 0, "orders": []})) as server:
        yield server


def defect(*_: object) -> None:
    raise KeyError("a defect")


async def test_a_symbol_beyond_repair_holds_up_nobody_and_fails_once(
    empty_exchange: OrderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading_side(empty_exchange.url, CONFIG, EngineLimits()) as side:
        worker = side.start(SYMBOL)
        await until(lambda: worker.engine.is_clear)
        monkeypatch.setattr(clearing, "advance", defect)
        side.supervisor.tell(SYMBOL, Tick(time.monotonic_ns()))
        await until(lambda: bool(side.supervisor.failure(SYMBOL)))
        told = sample(side.meters.metrics, "mm_worker_failures_total", symbol=SYMBOL)
        for number in range(3_000):
            now_ns = time.monotonic_ns()
            side.supervisor.tell(SYMBOL, LagMeasured(now_ns, 0, "md.mark.v1"))
            event = OrderEvent(now_ns, OrderEventKind.CANCELED, f"x{number}", None, None, number)
            assert side.supervisor.sinks[SYMBOL].deliver(event)
        assert len(worker.mailbox) == 0
        assert sample(side.meters.metrics, "mm_worker_failures_total", symbol=SYMBOL) == told
        await until(lambda: empty_exchange.requests[-1].query.get("status") == "open")


async def test_in_shadow_mode_a_symbol_beyond_repair_asks_the_exchange_for_nothing(
    empty_exchange: OrderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading_side(empty_exchange.url, CONFIG, EngineLimits(shadow_mode=True)) as side:
        side.start(SYMBOL)
        monkeypatch.setattr(clearing, "advance", defect)
        side.supervisor.tell(SYMBOL, Tick(time.monotonic_ns()))
        await until(lambda: bool(side.supervisor.failure(SYMBOL)))
        assert len(side.supervisor._requests) == 0
        assert {seen.path for seen in empty_exchange.requests} <= {"/health"}
