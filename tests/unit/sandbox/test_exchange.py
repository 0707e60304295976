from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lab.sandbox_market import BTC, OTHERS, OURS, Capture, new_order, only
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.instruments import InstrumentError, InstrumentStatus, parse_instrument
from tradex_sandbox.market_events import (
    InstrumentCreated,
    InstrumentHalted,
    InstrumentResumed,
    InstrumentUpdated,
    OrderAccepted,
    OrderCanceled,
)
from tradex_sandbox.orders import (
    OrderFinal,
    OrderNotFound,
    OrderRefused,
    OrderStatus,
    OrderType,
    RefusalCode,
    Side,
    TimeInForce,
)

NOW = 1_700_000_000_000_000
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    """BTCUSDT with a quiet recorded book 100.0 / 100.5, and a simulated ETHUSDT."""
    capture = Capture().opened([("100.0", "5")], [("100.5", "4")])
    for _ in range(50):
        capture.depth()
    exchange = Exchange(session="s1")
    exchange.add_recorded(capture.write(tmp_path / "market.gz"), instrument=BTC)
    exchange.add_simulated(parse_instrument("ETHUSDT:0.01:0.0001:5"), Decimal(2680), 1)
    exchange.start(NOW)
    return exchange


def refusal(exchange: Exchange, **changes: Any) -> RefusalCode:
    """The code with which an order is refused that would be good without `changes`."""
    with pytest.raises(OrderRefused) as refused:
        exchange.submit(NOW, replace(new_order(BUY, "99.0", "1"), **changes))
    assert exchange.open_orders(OURS) == []
    return refused.value.code


def test_listed_symbols_are_announced_in_order(tmp_path: Path) -> None:
    exchange = Exchange()
    exchange.add_recorded(Capture().opened([("1.0", "5")], [("2.0", "4")]).write(tmp_path / "m.gz"))
    exchange.add_simulated(parse_instrument("ETHUSDT:0.01:0.0001:5"), Decimal(2680), 1)
    created = only(InstrumentCreated, exchange.start(NOW))
    assert [event.instrument.symbol for event in created] == ["BTCUSDT", "ETHUSDT"] == exchange.symbols()


def test_a_symbol_is_listed_once(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="ETHUSDT: listed already"):
        exchange.add_simulated(exchange.instrument("ETHUSDT"), Decimal(1), 1)


def test_an_accepted_order_shows_what_was_asked_for(exchange: Exchange) -> None:
    new = new_order(BUY, "99.0", "1.5")
    submitted = exchange.submit(NOW, new)
    order = submitted.order
    assert order.order_id == "s1-BTCUSDT-o1"
    assert (order.new.price, order.new.quantity, order.filled_quantity) == (
        Decimal("99.0"),
        Decimal("1.5"),
        Decimal(0),
    )
    assert (order.status, order.created_at_us, submitted.duplicate) == (OrderStatus.OPEN, NOW, False)
    assert [event.client_order_id for event in only(OrderAccepted, submitted.events)] == [new.client_order_id]
    assert exchange.order_by_client_id(new.client_order_id) == order == exchange.order(order.order_id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "XYZUSDT"}, RefusalCode.UNKNOWN_SYMBOL),
        ({"price": Decimal("99.05")}, RefusalCode.OFF_TICK),
        ({"price": Decimal(0)}, RefusalCode.INVALID_PRICE),
        ({"price": Decimal(-1)}, RefusalCode.INVALID_PRICE),
        ({"price": Decimal("NaN")}, RefusalCode.INVALID_PRICE),
        ({"price": None}, RefusalCode.INVALID_PRICE),
        ({"quantity": Decimal("0.0005")}, RefusalCode.OFF_LOT),
        ({"quantity": Decimal(0)}, RefusalCode.INVALID_QUANTITY),
        ({"quantity": Decimal("Infinity")}, RefusalCode.INVALID_QUANTITY),
        ({"quantity": Decimal("0.05")}, RefusalCode.BELOW_MIN_NOTIONAL),
        ({"price": Decimal("100.5")}, RefusalCode.POST_ONLY_WOULD_CROSS),
        ({"time_in_force": TimeInForce.IOC}, RefusalCode.INVALID_COMBINATION),
        ({"order_type": OrderType.MARKET, "price": None}, RefusalCode.INVALID_COMBINATION),
        ({"order_type": OrderType.MARKET, "post_only": False}, RefusalCode.INVALID_PRICE),
    ],
)
def test_a_wrong_order_is_refused_with_its_code(
    exchange: Exchange, changes: dict[str, Any], code: RefusalCode
) -> None:
    assert refusal(exchange, **changes) is code


def test_a_halted_instrument_refuses_orders_until_it_resumes(exchange: Exchange) -> None:
    (halted,) = only(InstrumentHalted, exchange.halt(NOW, "BTCUSDT", "circuit breaker"))
    assert (halted.reason, halted.instrument.status) == ("circuit breaker", InstrumentStatus.HALTED)
    assert only(InstrumentHalted, exchange.halt(NOW, "BTCUSDT", "again")) == []
    assert refusal(exchange) is RefusalCode.INSTRUMENT_HALTED
    (resumed,) = only(InstrumentResumed, exchange.resume(NOW, "BTCUSDT", "over"))
    assert resumed.instrument.version == 3
    assert only(InstrumentResumed, exchange.resume(NOW, "BTCUSDT", "again")) == []
    assert exchange.submit(NOW, new_order(BUY, "99.0", "1")).order.status is OrderStatus.OPEN


def test_same_key_again_gives_the_first_answer_and_no_second_order(exchange: Exchange) -> None:
    new = new_order(BUY, "99.0", "1")
    first = exchange.submit(NOW, new)
    again = exchange.submit(NOW + 5, new)
    assert (again.order, again.duplicate) == (first.order, True)
    assert only(OrderAccepted, again.events) == []
    assert len(exchange.open_orders(OURS)) == 1


def test_first_answer_is_repeated_even_after_the_order_ended(exchange: Exchange) -> None:
    new = new_order(BUY, "99.0", "1")
    first = exchange.submit(NOW, new)
    exchange.cancel(NOW, first.order.order_id)
    assert exchange.submit(NOW, new).order == first.order
    assert exchange.open_orders(OURS) == []


def test_same_key_with_another_payload_is_refused(exchange: Exchange) -> None:
    new = new_order(BUY, "99.0", "1")
    exchange.submit(NOW, new)
    with pytest.raises(OrderRefused, match="IDEMPOTENCY_KEY_REUSED"):
        exchange.submit(NOW, replace(new, quantity=Decimal(2)))


def test_a_client_order_id_is_used_once(exchange: Exchange) -> None:
    new = new_order(BUY, "99.0", "1")
    exchange.submit(NOW, new)
    with pytest.raises(OrderRefused, match="DUPLICATE_CLIENT_ORDER_ID"):
        exchange.submit(NOW, replace(new, idempotency_key="another"))


def test_a_refusal_is_repeated_for_its_key_even_when_the_reason_is_gone(exchange: Exchange) -> None:
    new = new_order(BUY, "99.0", "1")
    exchange.halt(NOW, "BTCUSDT", "")
    with pytest.raises(OrderRefused, match="INSTRUMENT_HALTED"):
        exchange.submit(NOW, new)
    exchange.resume(NOW, "BTCUSDT", "")
    with pytest.raises(OrderRefused, match="INSTRUMENT_HALTED"):
        exchange.submit(NOW, new)
    with pytest.raises(OrderNotFound):
        exchange.order_by_client_id(new.client_order_id)


def test_cancel_takes_the_order_out_and_says_so(exchange: Exchange) -> None:
    order = exchange.submit(NOW, new_order(BUY, "99.0", "1")).order
    cancelled, events = exchange.cancel(NOW + 1, order.order_id)
    assert (cancelled.status, cancelled.reason, cancelled.updated_at_us) == (
        OrderStatus.CANCELLED,
        "REQUESTED",
        NOW + 1,
    )
    assert [event.order_id for event in only(OrderCanceled, events)] == [order.order_id]
    with pytest.raises(OrderFinal) as final:
        exchange.cancel(NOW, order.order_id)
    assert final.value.order == cancelled


def test_an_unknown_order_is_not_found(exchange: Exchange) -> None:
    with pytest.raises(OrderNotFound):
        exchange.cancel(NOW, "nobody")
    with pytest.raises(OrderNotFound):
        exchange.order("nobody")
    with pytest.raises(OrderNotFound):
        exchange.order_by_client_id("nobody")


def test_cancel_all_takes_one_account_and_one_symbol(exchange: Exchange) -> None:
    ours = exchange.submit(NOW, new_order(BUY, "99.0", "1")).order
    eth = exchange.submit(NOW, new_order(BUY, "2000", "1", symbol="ETHUSDT")).order
    theirs = exchange.submit(NOW, new_order(BUY, "99.0", "1", OTHERS)).order
    orders, events = exchange.cancel_all(NOW, OURS, "BTCUSDT")
    assert [order.order_id for order in orders] == [ours.order_id]
    assert len(only(OrderCanceled, events)) == 1
    assert [order.order_id for order in exchange.open_orders(OURS)] == [eth.order_id]
    orders, _ = exchange.cancel_all(NOW, OURS)
    assert [order.order_id for order in orders] == [eth.order_id]
    assert [order.order_id for order in exchange.open_orders(OTHERS)] == [theirs.order_id]


def test_open_orders_are_oldest_first_and_of_one_symbol_if_asked(exchange: Exchange) -> None:
    first = exchange.submit(NOW, new_order(BUY, "99.0", "1")).order
    second = exchange.submit(NOW, new_order(BUY, "99.5", "1")).order
    exchange.submit(NOW, new_order(BUY, "2000", "1", symbol="ETHUSDT"))
    assert exchange.open_orders(OURS, "BTCUSDT") == [first, second]
    assert len(exchange.open_orders(OURS)) == 3


def test_events_of_a_refused_order_are_handed_over_by_the_next_call(exchange: Exchange) -> None:
    exchange.advance(NOW)
    with pytest.raises(OrderRefused):
        exchange.submit(NOW + 3000, new_order(BUY, "100.5", "1"))
    kinds = [type(event).__name__ for event in exchange.advance(NOW + 3000)]
    assert kinds.count("OrderRejected") == 1


def test_minimum_notional_changes_without_touching_orders(exchange: Exchange) -> None:
    exchange.submit(NOW, new_order(BUY, "99.0", "0.1"))
    events = exchange.update_instrument(NOW, "BTCUSDT", min_notional=Decimal(50), reason="policy")
    (updated,) = only(InstrumentUpdated, events)
    assert (updated.instrument.min_notional, updated.reason) == (Decimal(50), "policy")
    assert len(exchange.open_orders(OURS)) == 1
    with pytest.raises(OrderRefused, match="BELOW_MIN_NOTIONAL"):
        exchange.submit(NOW, new_order(BUY, "99.0", "0.1"))


@pytest.mark.parametrize(
    "change", [{"tick_size": Decimal("0.3")}, {"lot_size": Decimal(1)}, {"tick_size": Decimal(0)}]
)
def test_a_grid_that_the_recorded_book_does_not_fit_is_refused(
    exchange: Exchange, change: dict[str, Any]
) -> None:
    exchange.submit(NOW, new_order(BUY, "99.0", "1"))
    with pytest.raises(InstrumentError, match="BTCUSDT"):
        exchange.update_instrument(NOW, "BTCUSDT", **change)
    assert len(exchange.open_orders(OURS)) == 1
    assert exchange.instrument("BTCUSDT") == BTC


def test_top_of_book_is_on_record_by_sequence(exchange: Exchange) -> None:
    exchange.submit(NOW, new_order(BUY, "100.2", "1"))
    exchange.cancel_all(NOW, OURS)
    tops = [exchange.published_top("BTCUSDT", sequence) for sequence in (1, 2, 3)]
    assert tops == [
        (Decimal("100.0"), Decimal("100.5")),
        (Decimal("100.2"), Decimal("100.5")),
        (Decimal("100.0"), Decimal("100.5")),
    ]
    assert exchange.published_top("BTCUSDT", 0) is None
    assert exchange.published_top("BTCUSDT", 4) is None


def test_best_bid_and_ask_of_others_are_on_record_by_sequence_for_each_account(exchange: Exchange) -> None:
    exchange.submit(NOW, new_order(BUY, "100.3", "1"))
    exchange.submit(NOW, new_order(BUY, "100.2", "1", OTHERS))
    exchange.cancel_all(NOW, OURS)
    asked = [(sequence, account) for sequence in (1, 2, 3, 4) for account in (OURS, OTHERS, "nobody")]
    bids = [str((exchange.others_top("BTCUSDT", *pair) or (None,))[0]) for pair in asked]
    assert bids[0:3] == ["100.0", "100.0", "100.0"]
    assert bids[3:6] == ["100.0", "100.3", "100.3"]
    assert bids[6:9] == ["100.2", "100.3", "100.3"]
    assert bids[9:12] == ["100.2", "100.0", "100.2"]
    assert exchange.others_top("BTCUSDT", 5, OURS) is None


def test_others_are_told_in_the_grid_of_their_sequence(exchange: Exchange) -> None:
    exchange.submit(NOW, new_order(BUY, "100.3", "1"))
    exchange.update_instrument(NOW, "BTCUSDT", tick_size=Decimal("0.05"))
    exchange.submit(NOW, new_order(BUY, "100.35", "1"))
    tops = [exchange.others_top("BTCUSDT", sequence, OURS) for sequence in (2, 3, 4)]
    assert tops == [(Decimal("100.0"), Decimal("100.5"))] * 3


def test_an_unknown_symbol_is_a_key_error(exchange: Exchange) -> None:
    with pytest.raises(KeyError):
        exchange.snapshot("XYZUSDT")
