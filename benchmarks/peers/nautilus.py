"""NautilusTrader's side, in its own environment: `.venv-peers/bin/python -m benchmarks.peers.nautilus`.

Its own parts, as a live node puts them together: Binance adapter's reader, DataEngine with a managed book, a
Strategy, RiskEngine, ExecutionEngine. Without the queues between them that a live node has, and with an
execution client that only takes note, so that what is measured ends where the order is decided.
"""

import time
from functools import partial
from typing import Any

import msgspec
import uvloop
from nautilus_trader.adapters.binance.common.schemas.market import BinanceOrderBookMsg
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.core import nautilus_pyo3 as pyo3
from nautilus_trader.data.client import MarketDataClient
from nautilus_trader.data.engine import DataEngine
from nautilus_trader.execution.client import ExecutionClient
from nautilus_trader.execution.engine import ExecutionEngine
from nautilus_trader.model import currencies
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import AccountType, BookAction, BookType, OmsType, OrderSide
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientId,
    InstrumentId,
    Symbol,
    TraderId,
    Venue,
    VenueOrderId,
)
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import AccountBalance, Money, Price, Quantity
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers.rule import HALF_SPREAD, ORDER_USDT
from benchmarks.peers.tape import Opening, Tape
from benchmarks.peers.worker import send_all, serve

VENUE = Venue("BINANCE")
HOLDINGS = 1_000_000_000
PRICE, QUANTITY = Price.from_str("60000.01"), Quantity.from_str("0.00015")
_READ = msgspec.json.Decoder(BinanceOrderBookMsg).decode


def instrument_of(opening: Opening) -> CurrencyPair:
    """The tape's instrument."""
    price, size = Price.from_str(opening.tick), Quantity.from_str(opening.lot)
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol(opening.symbol), VENUE),
        raw_symbol=Symbol(opening.symbol),
        base_currency=currencies.BTC,
        quote_currency=currencies.USDT,
        price_precision=price.precision,
        size_precision=size.precision,
        price_increment=price,
        size_increment=size,
        min_notional=Money(opening.min_notional, currencies.USDT),
        ts_event=0,
        ts_init=0,
    )


def opening_deltas(opening: Opening, instrument: CurrencyPair) -> OrderBookDeltas:
    """The book before the first change."""
    deltas = [OrderBookDelta.clear(instrument.id, 0, 0, 0)]
    for side, levels in ((OrderSide.BUY, opening.bids), (OrderSide.SELL, opening.asks)):
        for price, quantity in levels:
            order = BookOrder(side, Price.from_str(price), Quantity.from_str(quantity), 0)
            deltas.append(OrderBookDelta(instrument.id, BookAction.ADD, order, 0, 0, 0, 0))
    return OrderBookDeltas(instrument.id, deltas)


class Notes(ExecutionClient):  # type: ignore[misc] # the peer is not installed where this is checked
    """Takes note of what reaches the exchange's client, and lets the exchange say yes afterwards."""

    def __init__(self, msgbus: MessageBus, cache: Cache, clock: TestClock) -> None:
        super().__init__(
            client_id=ClientId(VENUE.value),
            venue=VENUE,
            oms_type=OmsType.NETTING,
            account_type=AccountType.CASH,
            base_currency=None,
            msgbus=msgbus,
            cache=cache,
            clock=clock,
        )
        self._set_account_id(AccountId(f"{VENUE.value}-1"))
        self.placed: list[Any] = []
        self.cancelled: list[Any] = []

    def submit_order(self, command: Any) -> None:
        """An order was decided and has passed the checks."""
        self.placed.append(command.order)

    def cancel_order(self, command: Any) -> None:
        """A cancel was decided."""
        self.cancelled.append(command)

    def answer(self) -> None:
        """The exchange says yes to everything."""
        for command in self.cancelled:
            self.generate_order_canceled(
                command.strategy_id, command.instrument_id, command.client_order_id, command.venue_order_id, 0
            )
        for order in self.placed:
            names = (order.strategy_id, order.instrument_id, order.client_order_id)
            self.generate_order_submitted(*names, 0)
            self.generate_order_accepted(*names, VenueOrderId(f"x-{order.client_order_id}"), 0)
        self.cancelled.clear()
        self.placed.clear()


class Feed(MarketDataClient):  # type: ignore[misc] # the peer is not installed where this is checked
    """A market data client that is asked for a book and then fed by the tape."""

    def subscribe_order_book_deltas(self, _command: Any) -> None:
        """The tape plays anyway."""


class Quoter(Strategy):  # type: ignore[misc] # the peer is not installed where this is checked
    """The rule of `rule`: one order a side around the mid, replaced when its price has changed."""

    def __init__(self, instrument: CurrencyPair) -> None:
        super().__init__()
        self._instrument = instrument
        self._tick = float(instrument.price_increment)
        self._resting: dict[OrderSide, Any] = {}

    def on_start(self) -> None:
        """Ask for the book."""
        self.subscribe_order_book_deltas(self._instrument.id, BookType.L2_MBP, managed=True)

    def on_order_book_deltas(self, _deltas: OrderBookDeltas) -> None:
        """The book has changed."""
        book = self.cache.order_book(self._instrument.id)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None:
            return
        mid = (float(bid) + float(ask)) / 2
        self._keep(OrderSide.BUY, mid * (1 - HALF_SPREAD) // self._tick)
        self._keep(OrderSide.SELL, -(mid * (1 + HALF_SPREAD) // -self._tick))

    def _keep(self, side: OrderSide, ticks: float) -> None:
        price = self._instrument.make_price(ticks * self._tick)
        resting = self._resting.get(side)
        if resting is not None:
            if resting.price == price:
                return
            self.cancel_order(resting)
        quantity = self._instrument.make_qty(ORDER_USDT / float(price))
        order = self.order_factory.limit(self._instrument.id, side, quantity, price, post_only=True)
        self._resting[side] = order
        self.submit_order(order)


class Node:
    """A trader's parts around one strategy."""

    def __init__(self, opening: Opening) -> None:
        instrument = instrument_of(opening)
        self.clock = clock = TestClock()
        trader = TraderId("BENCH-001")
        bus, cache = MessageBus(trader, clock), Cache()
        portfolio = Portfolio(bus, cache, clock)
        self.data = DataEngine(bus, cache, clock)
        rates = RiskEngineConfig(max_order_submit_rate="1000000/00:00:01")
        risk = RiskEngine(portfolio, bus, cache, clock, config=rates)
        execution = ExecutionEngine(bus, cache, clock)
        self.exchange = Notes(bus, cache, clock)
        execution.register_client(self.exchange)
        self.data.register_client(Feed(ClientId(VENUE.value), bus, cache, clock, VENUE))
        cache.add_instrument(instrument)
        for engine in (self.data, risk, execution):
            engine.start()
        _fund(self.exchange)
        strategy = Quoter(instrument)
        strategy.register(trader, portfolio, bus, cache, clock)
        strategy.start()
        self.data.process(opening_deltas(opening, instrument))
        self.exchange.answer()
        self.instrument_id = instrument.id


def _fund(client: ExecutionClient) -> None:
    """Enough of both currencies for every order."""
    balances = [
        AccountBalance(Money(HOLDINGS, currency), Money(0, currency), Money(HOLDINGS, currency))
        for currency in (currencies.BTC, currencies.USDT)
    ]
    client.generate_account_state(balances, [], reported=True, ts_event=0)


class Nautilus:
    """The three measurements."""

    def book(self, tape: Tape) -> list[int]:
        """Its Rust book."""
        instrument = instrument_of(tape.opening)
        made = [
            _READ(change.binance).data.parse_to_order_book_deltas(instrument.id, 0) for change in tape.changes
        ]
        book = OrderBook(instrument.id, BookType.L2_MBP)
        book.apply_deltas(opening_deltas(tape.opening, instrument))
        times = []
        for deltas in made:
            began_ns = time.perf_counter_ns()
            book.apply_deltas(deltas)
            book.best_bid_price()
            book.best_ask_price()
            times.append(time.perf_counter_ns() - began_ns)
        return times

    def way(self, tape: Tape) -> tuple[list[int], list[int], int]:
        """Adapter's reader, engines and strategy."""
        node = Node(tape.opening)
        quiet: list[int] = []
        decided: list[int] = []
        orders = 0
        for change in tape.changes:
            node.clock.set_time(change.at_ns)
            began_ns = time.perf_counter_ns()
            message = _READ(change.binance)
            node.data.process(message.data.parse_to_order_book_deltas(node.instrument_id, change.at_ns))
            took_ns = time.perf_counter_ns() - began_ns
            placed = len(node.exchange.placed)
            orders += placed
            (decided if placed else quiet).append(took_ns)
            node.exchange.answer()
        return quiet, decided, orders

    async def orders(self, url: str, count: int, at_once: int) -> tuple[list[int], float]:
        """The client that its adapters use, body and answer as they make and read them."""
        client = pyo3.HttpClient()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}

        async def send(number: int) -> None:
            body = msgspec.json.encode(
                {
                    "symbol": "BTC-USDT",
                    "side": "buy",
                    "type": "limit",
                    "time_in_force": "gtc",
                    "post_only": True,
                    "price": str(PRICE),
                    "quantity": str(QUANTITY),
                    "client_order_id": f"0197f2d4-0000-7000-8000-{number:012d}",
                    "idempotency_key": f"0197f2d4-0000-7000-8000-{number:012d}",
                    "account_id": "a",
                    "user_id": "u",
                    "account_type": "SYSTEM_MARKET_MAKER",
                }
            )
            answer = await client.request(pyo3.HttpMethod.POST, f"{url}/v1/orders", headers, body)
            if answer.status != 201 or msgspec.json.decode(answer.body)["status"] != "open":
                raise AssertionError(answer.body)

        await send_all(send, count // 10, at_once)
        return await send_all(send, count, at_once)


if __name__ == "__main__":
    serve(Nautilus(), partial(uvloop.run))
