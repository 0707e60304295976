from decimal import Decimal
from itertools import islice

import pytest

from lab.sandbox_market import OURS, new_order, only, rebuilt
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.flow import THIN, Flow
from tradex_sandbox.instruments import Instrument, parse_instrument
from tradex_sandbox.market_events import (
    BookDelta,
    BookSnapshot,
    InstrumentUpdated,
    MarketEvent,
    MarkPrice,
    PublicTrade,
    Trade,
)
from tradex_sandbox.orders import OrderRefused, Side

BTC = parse_instrument("BTCUSDT:0.01:0.00001:5")
ETH = parse_instrument("ETHUSDT:0.01:0.0001:5")
SECOND = 1_000_000


def simulated(seed: int = 1, instrument: Instrument = BTC) -> Exchange:
    exchange = Exchange()
    exchange.add_simulated(instrument, Decimal(61800), seed)
    return exchange


def quoted(seed: int, step_us: int, seconds: int = 20) -> list[MarketEvent]:
    """Events of a market in which we quote every second; `advance` is called every `step_us`."""
    exchange = simulated(seed)
    events = exchange.start(0)
    for now_us in range(step_us, seconds * SECOND + 1, step_us):
        events += exchange.advance(now_us)
        if now_us % SECOND == 0:
            events += exchange.cancel_all(now_us, OURS)[1]
            number = now_us // SECOND
            for side, price in ((Side.BUY, "61780"), (Side.SELL, "61820")):
                ids = {"client_order_id": f"{side}{number}", "idempotency_key": f"{side}{number}"}
                try:
                    events += exchange.submit(now_us, new_order(side, price, "0.002", **ids)).events
                except OrderRefused:
                    events += exchange.advance(now_us)
    return events


def test_same_seed_and_same_orders_give_the_same_events_however_often_time_is_advanced() -> None:
    fine = quoted(3, 10_000)
    assert fine == quoted(3, 500_000)
    assert any(OURS in (trade.maker_account_id, trade.taker_account_id) for trade in only(Trade, fine))


def test_another_seed_gives_another_market() -> None:
    assert quoted(3, SECOND) != quoted(4, SECOND)


def test_flow_depends_on_nothing_but_the_seed() -> None:
    first = list(islice(Flow(61800.0, "1:BTCUSDT"), 500))
    assert first == list(islice(Flow(61800.0, "1:BTCUSDT"), 500))
    assert first != list(islice(Flow(61800.0, "2:BTCUSDT"), 500))


def test_symbols_of_one_seed_move_apart_from_each_other() -> None:
    alone, both = simulated(), simulated()
    both.add_simulated(ETH, Decimal(2680), 1)
    alone.start(0)
    both.start(0)
    mixed = both.advance(5 * SECOND)
    assert [event for event in mixed if getattr(event, "symbol", "") == "BTCUSDT"] == alone.advance(
        5 * SECOND
    )
    assert len([event for event in mixed if getattr(event, "symbol", "") == "ETHUSDT"]) > 100


@pytest.mark.parametrize("seed", range(3))
def test_crowd_makes_a_two_sided_liquid_market_at_a_modest_rate(seed: int) -> None:
    exchange = simulated(seed)
    events = exchange.start(0) + exchange.advance(60 * SECOND)
    per_second = len(only(BookDelta, events)) / 60
    assert 30 < per_second < 70
    assert 1 < len(only(Trade, events)) / 60 < 15
    assert len(only(Trade, events)) == len(only(PublicTrade, events))
    assert {trade.maker_account_id for trade in only(Trade, events)} == {"crowd-provider"}
    assert "crowd-provider" not in {trade.taker_account_id for trade in only(Trade, events)}
    tops = [exchange.published_top("BTCUSDT", delta.sequence) for delta in only(BookDelta, events)]
    spreads = sorted((ask - bid) / bid * 10_000 for top in tops if top for bid, ask in [top] if bid and ask)
    assert len(spreads) == len(tops)
    assert spreads[len(spreads) // 2] < 6
    assert rebuilt(events, "BTCUSDT") == exchange.snapshot("BTCUSDT")


def test_market_opens_with_both_sides_and_a_mark_each_second() -> None:
    exchange = simulated()
    _, snapshot = exchange.start(7)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.sequence == 1
    assert len(snapshot.bids) > 20 < len(snapshot.asks)
    marks = only(MarkPrice, exchange.advance(3 * SECOND))
    assert [mark.at_us for mark in marks] == [7, SECOND + 7, 2 * SECOND + 7]
    assert all(abs(mark.price / 61800 - 1) < Decimal("0.005") for mark in marks)
    assert all(mark.index_price is not None for mark in marks)


def test_halt_stops_the_crowd_and_resume_continues_it_unchanged() -> None:
    halted, free = simulated(), simulated()
    halted.start(0)
    free.start(0)
    before = halted.advance(SECOND)
    halted.halt(SECOND, "BTCUSDT", "test")
    assert halted.advance(9 * SECOND) == []
    halted.resume(9 * SECOND, "BTCUSDT", "test")
    after = halted.advance(10 * SECOND)
    free_after = free.advance(2 * SECOND)[len(before) :]
    assert [getattr(event, "price", None) for event in after] == [
        getattr(event, "price", None) for event in free_after
    ]


@pytest.mark.parametrize(("tick", "lot"), [("0.5", "0.001"), ("0.001", "0.000001"), ("0.03", "0.0007")])
def test_a_new_grid_moves_the_crowd_to_it_and_tells_the_book_anew(tick: str, lot: str) -> None:
    exchange = simulated()
    events = exchange.start(0) + exchange.advance(SECOND)
    ours = exchange.submit(SECOND, new_order(Side.BUY, "61700", "0.002"))
    changed = exchange.update_instrument(SECOND, "BTCUSDT", tick_size=Decimal(tick), lot_size=Decimal(lot))
    updated, snapshot = changed[-2:]
    assert isinstance(updated, InstrumentUpdated)
    assert updated.instrument.version == 2
    assert isinstance(snapshot, BookSnapshot)
    assert exchange.order(ours.order.order_id).reason == "INSTRUMENT_UPDATED"
    events += ours.events + changed + exchange.advance(20 * SECOND)
    assert rebuilt(events, "BTCUSDT") == exchange.snapshot("BTCUSDT")
    for price, quantity in exchange.snapshot("BTCUSDT").bids + snapshot.asks:
        assert updated.instrument.ticks(price) is not None
        assert updated.instrument.lots(quantity) is not None


def test_a_maker_ten_basis_points_wide_is_filled_on_both_sides_and_earns() -> None:
    for seed in (1, 2, 3):
        exchange = simulated(seed)
        exchange.start(0)
        for now_us in range(SECOND, 120 * SECOND, SECOND // 2):
            exchange.advance(now_us)
            exchange.cancel_all(now_us, OURS)
            bid, ask = exchange.snapshot("BTCUSDT").bids[0][0], exchange.snapshot("BTCUSDT").asks[0][0]
            half = (bid + ask) / 2 * Decimal("0.0005")
            for side, price in ((Side.BUY, (bid + ask) / 2 - half), (Side.SELL, (bid + ask) / 2 + half)):
                try:
                    exchange.submit(now_us, new_order(side, f"{price:.2f}", "0.0016"))
                except OrderRefused:
                    continue
        done = exchange.executions(OURS, "BTCUSDT")
        bid, ask = exchange.snapshot("BTCUSDT").bids[0][0], exchange.snapshot("BTCUSDT").asks[0][0]
        cash = sum(
            trade.price * trade.quantity * (-1 if trade.is_buyer_maker else 1)
            for trade in exchange.trades(OURS, "BTCUSDT")
        )
        takers = {trade.taker_account_id for trade in exchange.trades(OURS, "BTCUSDT")}
        assert takers <= {"crowd-sweeper", "crowd-noise", "crowd-informed"}
        assert 15 < done.count < 240
        assert min(done.buys, done.sells) > 5
        assert cash + done.position * (bid + ask) / 2 - done.fees > 0


@pytest.mark.parametrize("grid", ["BTCUSDT:0.01:0.00001:5", "BTCUSDT:1:0.00001:5"])
@pytest.mark.parametrize("seed", range(3))
def test_a_thin_crowd_has_a_handful_of_levels_on_both_sides_nearly_always(grid: str, seed: int) -> None:
    exchange = Exchange()
    exchange.add_simulated(parse_instrument(grid), Decimal(61800), seed, THIN)
    events = exchange.start(0)
    levels: list[int] = []
    for look in range(1, 601):
        events += exchange.advance(look * SECOND // 10)
        book = exchange.snapshot("BTCUSDT")
        levels += [len(book.bids), len(book.asks)]
    assert sum(count == 0 for count in levels) <= len(levels) / 200
    assert 3 <= sorted(levels)[len(levels) // 2] <= 12
    assert 10 < len(only(BookDelta, events)) / 60 < 25


def test_others_of_a_thin_market_join_the_best_price_whoever_stands_there() -> None:
    exchange = Exchange()
    exchange.add_simulated(BTC, Decimal(61800), 1, THIN)
    exchange.start(0)
    joined = 0
    for second in range(1, 61):
        exchange.advance(second * SECOND)
        exchange.cancel_all(second * SECOND, OURS)
        (bid, _), (ask, _) = exchange.snapshot("BTCUSDT").bids[0], exchange.snapshot("BTCUSDT").asks[0]
        if ask - bid <= BTC.tick_size:
            continue
        price = bid + BTC.tick_size
        exchange.submit(second * SECOND, new_order(Side.BUY, f"{price:.2f}", "0.002"))
        exchange.advance(second * SECOND + SECOND - 1)
        sequence = exchange.snapshot("BTCUSDT").sequence
        others = exchange.others_top("BTCUSDT", sequence, OURS)
        joined += bool(exchange.open_orders(OURS)) and others is not None and others[0] == price
    assert joined >= 5
