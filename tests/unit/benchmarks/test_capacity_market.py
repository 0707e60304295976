from io import BytesIO
from itertools import pairwise
from typing import Any

import fastavro
from benchmarks.capacity.encoding import BookEncoder, text
from benchmarks.capacity.market import DEPTH, START_TICKS, SyntheticBook

from tradex_contracts import avro_schema

DELTA, SNAPSHOT = "md.orderbook.delta.v1", "md.orderbook.snap.v1"
SYMBOL = "S001USDT"
AT_US = 1_790_000_000_123_456


def applied(book: dict[int, dict[int, int]], changes: Any) -> None:
    for side, levels in enumerate(changes):
        for ticks, lots in levels:
            if lots:
                book[side][ticks] = lots
            else:
                del book[side][ticks]


def test_the_changes_lead_from_one_book_to_the_next_and_never_cross_it() -> None:
    market = SyntheticBook("seed")
    followed = {side: dict(levels) for side, levels in enumerate(market.levels())}
    mids = set()
    for _ in range(5_000):
        applied(followed, market.change(20.0))
        bids, asks = market.levels()
        assert followed == {0: dict(bids), 1: dict(asks)}
        assert len(bids) == len(asks) == DEPTH
        assert bids[0][0] < asks[0][0]
        mids.add(bids[0][0] + 1)
    assert len(mids) > 10
    assert max(abs(mid - START_TICKS) for mid in mids) < START_TICKS / 2


def test_a_market_moves_as_much_per_second_at_every_rate() -> None:
    def moves_per_s(rate: float) -> float:
        market, mids = SyntheticBook("seed"), []
        for _ in range(int(rate * 100)):
            market.change(rate)
            mids.append(market.levels()[0][0][0])
        return sum(a != b for a, b in pairwise(mids)) / 100

    assert abs(moves_per_s(20.0) - moves_per_s(200.0)) < 2.0


def read(topic: str, value: bytes) -> Any:
    assert value[:5] == b"\x00\x00\x00\x00\x07"
    record = fastavro.schemaless_reader(BytesIO(value[5:]), fastavro.parse_schema(avro_schema(topic)), None)
    assert isinstance(record, dict)
    return record


def test_a_delta_reads_as_the_contract_says() -> None:
    encoder = BookEncoder(DELTA, 7)
    value = encoder.delta(text(SYMBOL), 77, AT_US, 1_000, ([(9_999, 1_500), (9_990, 0)], []))
    record = read(DELTA, value)
    assert record["event_type"] == DELTA
    assert len(record["event_id"]) == 36
    assert len(record["trace_id"]) == 32
    assert record["event_id"].endswith(f"{77:012x}")
    assert int(record["timestamp"].timestamp() * 1e6) == AT_US
    assert record["data"] == {
        "symbol": SYMBOL,
        "prev_sequence": 999,
        "sequence": 1_000,
        "bids": [{"price": "99.99", "quantity": "1.500"}, {"price": "99.90", "quantity": "0"}],
        "asks": [],
    }


def test_a_snapshot_reads_as_the_contract_says() -> None:
    levels = SyntheticBook("seed").levels()
    record = read(SNAPSHOT, BookEncoder(SNAPSHOT, 7).snapshot(text(SYMBOL), 1, AT_US, 5, levels))
    assert record["data"]["sequence"] == 5
    assert [level["price"] for level in record["data"]["bids"]][:2] == ["99.99", "99.98"]
    assert len(record["data"]["asks"]) == DEPTH
