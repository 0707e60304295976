"""What streams tell: each turn is made once, and nobody who is slow misses anything."""

import asyncio

import pytest

from lab.api import Alone
from lab.desk import FakeDesk
from market_maker.api import board as board_module
from market_maker.api.answers import SymbolSummary
from market_maker.api.board import Board
from market_maker.api.fleet_answers import FleetGlance
from market_maker.core.states import State
from market_maker.fleet.view import FleetView

BTC, ETH = "BTC-USDT", "ETH-USDT"
READERS = 32


class CountingFleet(FleetView):
    """Notes what is asked of it."""

    def __init__(self, desk: FakeDesk) -> None:
        super().__init__(desk, Alone())
        self.asked: list[str] = []

    def own(self, symbol: str) -> SymbolSummary | None:
        self.asked.append(symbol)
        return super().own(symbol)

    def glance(self) -> FleetGlance:
        self.asked.append("glance")
        return super().glance()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but a change makes a turn after the first."""
    monkeypatch.setattr(board_module, "MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(board_module, "LOOK_S", 60.0)
    monkeypatch.setattr(board_module, "HEARTBEAT_S", 60.0)


async def test_a_turn_is_made_once_however_many_wait_for_it(desk: FakeDesk) -> None:
    fleet = CountingFleet(desk)
    board = Board(desk, fleet)
    first = await asyncio.gather(*(board.after(0) for _ in range(READERS)))
    assert (set(first), fleet.asked) == ({1}, [BTC, ETH, "glance"])
    assert board.since(0) is board.since(0)
    fleet.asked.clear()
    desk.change(ETH, state=State.ACTIVE)
    second = await asyncio.gather(*(board.after(1) for _ in range(READERS)))
    assert (set(second), fleet.asked) == ({2}, [ETH])
    [piece] = board.since(1)
    assert piece.count(b"event: ") == 1


async def test_who_has_missed_turns_hears_of_each_symbol_once_and_as_it_is_now(desk: FakeDesk) -> None:
    board = Board(desk, FleetView(desk, Alone()))
    assert await board.after(0) == 1
    for orders in (3, 4):
        desk.change(ETH, open_orders=orders)
        await board.after(orders - 2)
    await desk.delete_config(BTC, "bob", "test")
    assert await board.after(3) == 4
    [missed] = board.since(1)
    assert b'"open_orders":4' in missed
    assert missed.count(b"event: status") == 1
    assert b"event: removed\ndata: BTC-USDT\n" in missed
    [anew] = board.since(0)
    assert (b"removed" in anew, anew.count(b"event: heartbeat")) == (False, 1)


async def test_a_turn_that_its_maker_gives_up_is_made_by_the_next_who_waits(desk: FakeDesk) -> None:
    board = Board(desk, FleetView(desk, Alone()))
    await board.after(0)
    maker, waiting = (asyncio.ensure_future(board.after(1)) for _ in range(2))
    await asyncio.sleep(0)
    maker.cancel()
    desk.change(ETH, state=State.ACTIVE)
    assert await waiting == 2
    assert b'"symbol":"ETH-USDT"' in board.since(1)[0]


async def test_a_symbol_whose_event_could_not_be_made_is_told_by_the_next_turn_and_holds_no_other_up(
    desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    class FailsOnce(CountingFleet):
        def own(self, symbol: str) -> SymbolSummary | None:
            summary = super().own(symbol)
            if self.asked == [BTC]:
                raise RuntimeError("once")
            return summary

    fleet = FailsOnce(desk)
    board = Board(desk, fleet)
    assert await board.after(0) == 1
    assert caplog.messages == [f"symbol not shown in this turn: {BTC}"]
    [piece] = board.since(0)
    assert (b'"symbol":"BTC-USDT"' in piece, b'"symbol":"ETH-USDT"' in piece) == (False, True)
    desk.change(ETH, state=State.ACTIVE)
    assert await board.after(1) == 2
    assert b'"symbol":"BTC-USDT"' in board.since(1)[0]


async def test_readers_are_told_when_there_will_be_no_more(desk: FakeDesk) -> None:
    board = Board(desk, FleetView(desk, Alone()))
    await board.after(0)
    waiting = [asyncio.ensure_future(board.after(1)) for _ in range(3)]
    await asyncio.sleep(0)
    board.close()
    assert await asyncio.gather(*waiting) == [None, None, None]
