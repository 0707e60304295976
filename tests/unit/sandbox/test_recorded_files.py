"""The two recorded markets that lie beside the project, whole."""

from decimal import Decimal
from pathlib import Path

import pytest

from lab.sandbox_market import only, rebuilt
from tradex_sandbox.exchange import Exchange, FeedChecks
from tradex_sandbox.instruments import parse_instrument
from tradex_sandbox.market_events import BookDelta, MarketEvent

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "binance"
SPOT = FOLDER / "spot_btcusdt_20240808.gz"
USDM = FOLDER / "usdm_btcusdt_20240808.gz"
MINUTE_US = 60_000_000

pytestmark = [
    pytest.mark.captures,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded markets at {FOLDER}"),
]


def played(path: Path, until_us: int, grid: str | None = None) -> tuple[Exchange, list[MarketEvent]]:
    exchange = Exchange()
    exchange.add_recorded(path, instrument=parse_instrument(grid) if grid else None)
    events = exchange.start(0)
    return exchange, events + exchange.advance(until_us)


# 564 on spot. On USD-M 503 pairs have their ticker first in the file and 126 more their depth message.
@pytest.mark.parametrize(
    ("path", "grid", "expected"),
    [
        (SPOT, None, FeedChecks(564, 0, 3)),
        (SPOT, "BTCUSDT:0.01:0.00001:5", FeedChecks(564, 0, 3)),
        (USDM, None, FeedChecks(503 + 126, 0, 0)),
    ],
)
def test_every_best_bid_and_ask_of_the_whole_file_is_rebuilt(
    path: Path, grid: str | None, expected: FeedChecks
) -> None:
    exchange, events = played(path, 10 * MINUTE_US, grid)
    assert exchange.finished("BTCUSDT")
    assert exchange.error("BTCUSDT") is None
    assert exchange.feed_checks("BTCUSDT") == expected
    assert rebuilt(events, "BTCUSDT", watch_top=False) == exchange.snapshot("BTCUSDT")


@pytest.mark.parametrize(("path", "tick", "lot"), [(SPOT, "0.01", "0.00001"), (USDM, "0.1", "0.001")])
def test_the_grid_is_inferred_as_the_exchange_has_it(path: Path, tick: str, lot: str) -> None:
    exchange = Exchange()
    instrument = exchange.instrument(exchange.add_recorded(path))
    assert (instrument.symbol, instrument.tick_size, instrument.lot_size) == (
        "BTCUSDT",
        Decimal(tick),
        Decimal(lot),
    )


@pytest.mark.parametrize("path", [SPOT, USDM])
def test_the_first_minute_alone_holds_enough_checks_for_a_demo(path: Path) -> None:
    exchange, events = played(path, MINUTE_US)
    assert not exchange.finished("BTCUSDT")
    assert exchange.feed_checks("BTCUSDT").checks >= 100
    assert len(only(BookDelta, events)) > 500
