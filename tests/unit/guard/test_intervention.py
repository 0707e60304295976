"""One symbol of a lost instance: what leaves for the exchange and the database, and when it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import pytest
import structlog

from market_maker.core.events import (
    CancelAllAnswer,
    ExchangeOrder,
    ExchangeStatus,
    OpenOrdersAnswer,
    RequestOutcome,
)
from market_maker.core.side import Side
from market_maker.guard.exchange import CancellingExchange, NoExchange
from market_maker.guard.intervention import End, Intervention
from market_maker.guard.signs import Case
from market_maker.repositories.errors import DatabaseUnavailableError
from market_maker.repositories.interventions import Holder, Loss

BTC = "BTCUSDT"
LOST = Case(BTC, "lost-1", 5, 3_200_000_000)
MS = 1_000_000


def order(number: int) -> ExchangeOrder:
    price, quantity = Decimal(60_000), Decimal("0.1")
    return ExchangeOrder(
        f"x-{number}", f"c-{number}", Side.BUY, price, quantity, Decimal(0), ExchangeStatus.OPEN
    )


@dataclass
class Book:
    """An exchange in memory."""

    orders: list[ExchangeOrder] = field(default_factory=lambda: [order(1), order(2)])
    cancels: RequestOutcome = RequestOutcome.OK
    answers: RequestOutcome = RequestOutcome.OK
    said: list[str] = field(default_factory=list)
    asked_ns: list[int] = field(default_factory=list)
    cancelled_ns: list[int] = field(default_factory=list)
    retry_after_ns: int = 0
    on_ask: Callable[[], None] = lambda: None

    async def cancel_all(self, symbol: str) -> CancelAllAnswer:
        assert symbol == BTC
        self.said.append("cancel all")
        self.cancelled_ns.append(time.monotonic_ns())
        if self.cancels is RequestOutcome.OK:
            self.orders.clear()
            return CancelAllAnswer(time.monotonic_ns(), self.cancels)
        retry_after_ns = self.retry_after_ns if self.cancels is RequestOutcome.RATE_LIMITED else 0
        return CancelAllAnswer(time.monotonic_ns(), self.cancels, detail="no", retry_after_ns=retry_after_ns)

    async def open_orders(self, symbol: str) -> OpenOrdersAnswer:
        assert symbol == BTC
        self.said.append("list")
        self.on_ask()
        asked_ns = time.monotonic_ns()
        self.asked_ns.append(asked_ns)
        retry_after_ns = self.retry_after_ns if self.answers is RequestOutcome.RATE_LIMITED else 0
        return OpenOrdersAnswer(
            asked_ns, asked_ns, self.answers, tuple(self.orders), retry_after_ns=retry_after_ns
        )


@dataclass
class Ledger:
    """A database in memory."""

    holder: Holder | None = field(default_factory=lambda: Holder(6, None))
    down: bool = False
    asked: list[tuple[str, Loss, int | None]] = field(default_factory=list)
    answered_ns: int = 0

    async def take_away(self, symbol: str, loss: Loss, epoch: int | None, at: datetime) -> Holder | None:
        assert at.tzinfo is not None
        self.asked.append((symbol, loss, epoch))
        if self.down:
            raise DatabaseUnavailableError("down")
        self.answered_ns = time.monotonic_ns()
        return self.holder


@dataclass
class Sight:
    """What the newest look says."""

    living: set[str] = field(default_factory=set)
    over: bool = False
    says: str | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)

    def lives(self, instance_id: str) -> bool:
        return instance_id in self.living

    def taken_over(self, symbol: str, epoch: int) -> bool:
        self.asked.append((symbol, epoch))
        return self.over

    def claimant(self, symbol: str) -> str | None:
        assert symbol == BTC
        return self.says


@dataclass
class Scene:
    book: Book = field(default_factory=Book)
    ledger: Ledger = field(default_factory=Ledger)
    sight: Sight = field(default_factory=Sight)
    lease_ns: int = 50 * MS

    def intervention(self, case: Case = LOST) -> Intervention:
        return Intervention(case, "3s", self.book, self.ledger, self.sight, self.lease_ns)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Milliseconds in place of seconds."""
    monkeypatch.setattr("market_maker.guard.intervention.BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr("market_maker.guard.intervention.BACKOFF_MAX_S", 0.01)
    monkeypatch.setattr("market_maker.guard.intervention.SETTLE_NS", 50 * MS)


async def ended(work: Awaitable[End]) -> End:
    async with asyncio.timeout(10):
        return await work


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- made true by a task that knows nothing of us
            await asyncio.sleep(0.001)


async def test_orders_are_cancelled_and_the_symbol_is_taken_away() -> None:
    scene = Scene()
    intervention = scene.intervention()
    assert await ended(intervention.run()) is End.CLEARED
    assert scene.book.said[:2] == ["cancel all", "list"]
    assert scene.ledger.asked == [(BTC, Loss("lost-1", "lost-1 silent for 3.2 s", "3s"), 5)]
    assert intervention.epoch == 6


async def test_the_last_list_was_asked_for_when_the_lease_had_ended_for_certain() -> None:
    scene = Scene()
    await ended(scene.intervention().run())
    assert scene.book.asked_ns[-1] >= scene.ledger.answered_ns + scene.lease_ns + 50 * MS
    assert all(ns < scene.ledger.answered_ns + scene.lease_ns + 50 * MS for ns in scene.book.asked_ns[:-1])
    assert scene.book.said.count("cancel all") == 1


async def test_an_order_that_comes_while_the_lease_still_ran_is_cancelled_too() -> None:
    scene = Scene()

    def one_more() -> None:
        if len(scene.book.asked_ns) == 2:
            scene.book.orders.append(order(3))

    scene.book.on_ask = one_more
    assert await ended(scene.intervention().run()) is End.CLEARED
    assert scene.book.orders == []
    assert scene.book.said.count("cancel all") == 2


@pytest.mark.parametrize("what", ["cancels", "answers"])
async def test_an_order_service_that_is_away_is_asked_again_until_the_list_is_empty(what: str) -> None:
    scene = Scene()
    setattr(scene.book, what, RequestOutcome.UNCERTAIN)
    running = asyncio.get_running_loop().create_task(scene.intervention().run())
    with structlog.testing.capture_logs() as logged:
        await until(lambda: len(scene.book.asked_ns) > 30)
        assert not running.done()
        setattr(scene.book, what, RequestOutcome.OK)
        assert await ended(running) is End.CLEARED
    assert scene.book.orders == []
    code = {"cancels": "guard_cannot_cancel", "answers": "guard_cannot_ask"}[what]
    assert [line["event"] for line in logged].count(code) == 1


@pytest.mark.parametrize("what", ["cancels", "answers"])
async def test_a_request_that_is_to_be_sent_later_waits_for_it_and_the_other_goes_on(what: str) -> None:
    scene = Scene(book=Book(retry_after_ns=100 * MS))
    setattr(scene.book, what, RequestOutcome.RATE_LIMITED)
    sent_ns, others_ns = scene.book.cancelled_ns, scene.book.asked_ns
    if what == "answers":
        sent_ns, others_ns = others_ns, sent_ns
    running = asyncio.get_running_loop().create_task(scene.intervention().run())
    await until(lambda: len(sent_ns) == 3)
    assert all(later - earlier >= 100 * MS for earlier, later in pairwise(sent_ns))
    assert len(others_ns) > 3
    setattr(scene.book, what, RequestOutcome.OK)
    assert await ended(running) is End.CLEARED


async def test_with_postgresql_away_orders_are_cancelled_and_the_symbol_is_taken_when_it_is_back() -> None:
    scene = Scene(ledger=Ledger(down=True))
    running = asyncio.get_running_loop().create_task(scene.intervention().run())
    await until(lambda: len(scene.ledger.asked) > 10)
    assert scene.book.orders == []
    assert not running.done()
    scene.ledger.down = False
    assert await ended(running) is End.CLEARED


async def test_an_instance_that_comes_back_before_its_symbol_was_taken_keeps_it() -> None:
    scene = Scene(ledger=Ledger(down=True))
    running = asyncio.get_running_loop().create_task(scene.intervention().run())
    await until(lambda: len(scene.ledger.asked) > 3)
    scene.sight.living.add("lost-1")
    assert await ended(running) is End.RETURNED


async def test_an_instance_that_comes_back_when_its_symbol_was_taken_changes_nothing() -> None:
    scene = Scene(lease_ns=200 * MS)
    running = asyncio.get_running_loop().create_task(scene.intervention().run())
    await until(lambda: scene.ledger.answered_ns > 0)
    scene.sight.living.add("lost-1")
    assert await ended(running) is End.CLEARED


@pytest.mark.parametrize("holder", [Holder(6, "other-1"), Holder(6, "lost-1"), None])
async def test_a_symbol_that_is_somebodys_is_left_to_him(holder: Holder | None) -> None:
    scene = Scene(ledger=Ledger(holder))
    assert await ended(scene.intervention().run()) is End.TAKEN_OVER


async def test_once_another_instance_has_taken_the_symbol_over_the_guard_stops() -> None:
    scene = Scene(book=Book(cancels=RequestOutcome.UNCERTAIN))
    running = asyncio.get_running_loop().create_task(scene.intervention().run())
    await until(lambda: len(scene.book.asked_ns) > 5)
    assert (BTC, 6) in scene.sight.asked
    scene.sight.over = True
    assert await ended(running) is End.TAKEN_OVER
    asked = len(scene.book.said)
    await asyncio.sleep(0)
    assert len(scene.book.said) == asked


async def test_a_living_instance_that_says_it_owns_the_symbol_is_believed_while_postgresql_is_away() -> None:
    scene = Scene(book=Book(cancels=RequestOutcome.UNCERTAIN), ledger=Ledger(down=True))
    scene.sight.says = "lost-1"
    running = asyncio.get_running_loop().create_task(scene.intervention().run())
    await until(lambda: len(scene.book.asked_ns) > 5)
    scene.sight.says = "other-1"
    assert await ended(running) is End.TAKEN_OVER


async def test_a_symbol_that_is_nobodys_is_cleared_without_being_taken_again() -> None:
    scene = Scene()
    intervention = scene.intervention(Case(BTC, None, 6, 0))
    assert await ended(intervention.run()) is End.CLEARED
    assert scene.ledger.asked == []
    assert (scene.book.orders, intervention.epoch) == ([], 6)


async def test_without_a_known_epoch_it_is_the_databases() -> None:
    scene = Scene()
    intervention = scene.intervention(Case(BTC, "lost-1", None, 3_000_000_000))
    assert await ended(intervention.run()) is End.CLEARED
    assert scene.ledger.asked[0][2] is None
    assert intervention.epoch == 6


def test_the_guards_exchange_can_cancel_and_ask_and_nothing_else() -> None:
    for kind in (CancellingExchange, NoExchange):
        assert {name for name in dir(kind) if not name.startswith("_")} == {"cancel_all", "open_orders"}


async def test_in_shadow_mode_nothing_is_sent_and_nothing_is_open() -> None:
    shadow = NoExchange()
    assert (await shadow.cancel_all(BTC)).outcome is RequestOutcome.OK
    answer = await shadow.open_orders(BTC)
    assert (answer.outcome, answer.orders) == (RequestOutcome.OK, ())
