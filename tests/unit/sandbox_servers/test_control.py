from typing import Any

import pytest
from tests.support.sandbox import ACCOUNT, OTHER_ACCOUNT, new_order
from tests.support.sandbox_http import Servers

from tradex_sandbox import topics
from tradex_sandbox.feed_faults import UNDECODABLE, UNKNOWN_SCHEMA


async def ask(servers: Servers, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with servers.session.request(method, f"{servers.url}{path}", json=body) as response:
        return response.status, await response.json()


async def place(servers: Servers, price: str = "50000.00") -> tuple[int, Any]:
    return await ask(servers, "POST", "/v1/orders", new_order("BTCUSDT", "buy", price, "0.001"))


async def feed(servers: Servers, fault: str, **details: Any) -> None:
    status, answer = await ask(servers, "POST", "/sandbox/feed/BTCUSDT", {"fault": fault, **details})
    assert status == 200, answer


def deltas(servers: Servers) -> list[tuple[int, int]]:
    found = servers.outlet.of(topics.DELTA)
    return [(message.data["prev_sequence"], message.data["sequence"]) for message in found]


async def test_at_start_every_instrument_and_every_book_is_published_once(servers: Servers) -> None:
    await ask(servers, "GET", "/health")
    assert [message.topic for message in servers.outlet.messages] == [
        topics.INSTRUMENT_CREATED,
        topics.SNAPSHOT,
    ]
    created, snapshot = servers.outlet.messages
    assert created.data["tick_size"] == "0.01"
    assert created.data["status"] == "TRADING"
    bids = [float(level["price"]) for level in snapshot.data["bids"]]
    assert bids == sorted(bids, reverse=True)


async def test_a_halt_is_told_and_refuses_orders_until_it_resumes(servers: Servers) -> None:
    status, instrument = await ask(servers, "POST", "/sandbox/halt/BTCUSDT", {"reason": "news"})
    assert (status, instrument["status"]) == (200, "HALTED")
    (halt,) = servers.outlet.of(topics.INSTRUMENT_HALT)
    assert (halt.data["reason"], halt.data["status"]) == ("news", "HALTED")
    status, refusal = await place(servers)
    assert (status, refusal["code"]) == (422, "INSTRUMENT_HALTED")
    status, instrument = await ask(servers, "POST", "/sandbox/resume/BTCUSDT")
    assert instrument["status"] == "TRADING"
    assert len(servers.outlet.of(topics.INSTRUMENT_RESUME)) == 1
    assert (await place(servers))[0] == 201


async def test_an_instruments_update_is_told_with_its_next_version(servers: Servers) -> None:
    status, instrument = await ask(servers, "POST", "/sandbox/instruments/BTCUSDT", {"min_notional": "10"})
    assert (status, instrument["min_notional"], instrument["version"]) == (200, "10", 2)
    (updated,) = servers.outlet.of(topics.INSTRUMENT_UPDATED)
    assert updated.data["min_notional"] == "10"


async def test_a_gap_leaves_out_deltas_and_a_duplicate_repeats_one(servers: Servers) -> None:
    await feed(servers, "gap", count=1)
    await feed(servers, "duplicate", count=1)
    for _ in range(3):
        await place(servers)
    assert deltas(servers) == [(2, 3), (2, 3), (3, 4)]


async def test_a_spoilt_delta_is_off_the_grid_or_crosses_the_book(servers: Servers) -> None:
    snapshot = servers.venue.exchange.snapshot("BTCUSDT")
    await feed(servers, "off_grid")
    await place(servers)
    await feed(servers, "crossed")
    await place(servers)
    off_grid, crossed = (message.data["bids"][-1]["price"] for message in servers.outlet.of(topics.DELTA))
    assert off_grid.endswith("5")
    assert len(off_grid.split(".")[1]) == 3
    assert float(crossed) > float(snapshot.asks[0][0])


async def test_bytes_that_nobody_can_read_are_sent_on_the_topic_asked_for(servers: Servers) -> None:
    await feed(servers, "undecodable", topic=topics.ENGINE)
    await feed(servers, "unknown_schema", count=2)
    assert [message.raw for message in servers.outlet.of(topics.ENGINE)] == [UNDECODABLE]
    assert [message.raw for message in servers.outlet.of(topics.DELTA)] == [UNKNOWN_SCHEMA] * 2


async def test_a_stopped_feed_is_silent_but_the_engine_is_not_and_it_resumes_with_a_snapshot(
    servers: Servers,
) -> None:
    await feed(servers, "stop")
    await place(servers)
    assert deltas(servers) == []
    assert len(servers.outlet.of(topics.ENGINE)) == 1
    await feed(servers, "resume")
    assert servers.outlet.of(topics.SNAPSHOT)[-1].data["sequence"] == 2
    await place(servers)
    assert deltas(servers) == [(2, 3)]


async def test_a_snapshot_can_be_asked_for(servers: Servers) -> None:
    await place(servers)
    assert (await ask(servers, "POST", "/sandbox/snapshot/BTCUSDT"))[0] == 200
    snapshots = servers.outlet.of(topics.SNAPSHOT)
    assert [message.data["sequence"] for message in snapshots] == [1, 2]


async def test_the_published_book_is_on_record_by_sequence(servers: Servers) -> None:
    book = servers.venue.exchange.snapshot("BTCUSDT")
    better = str(book.bids[0][0] + servers.venue.exchange.instrument("BTCUSDT").tick_size)
    await place(servers, better)
    status, answer = await ask(servers, "GET", "/sandbox/book/BTCUSDT?sequence=1&sequence=2&sequence=99")
    best_ask = str(book.asks[0][0])
    assert status == 200
    assert (answer["sequence"], answer["tick_size"]) == (2, "0.01")
    assert answer["tops"] == {
        "1": {"best_bid": str(book.bids[0][0]), "best_ask": best_ask},
        "2": {"best_bid": better, "best_ask": best_ask},
        "99": None,
    }


async def test_the_book_of_everybody_else_is_on_record_too(servers: Servers) -> None:
    book = servers.venue.exchange.snapshot("BTCUSDT")
    bid, best_ask = str(book.bids[0][0]), str(book.asks[0][0])
    better = str(book.bids[0][0] + servers.venue.exchange.instrument("BTCUSDT").tick_size)
    await place(servers, better)
    path = "/sandbox/book/BTCUSDT?sequence=2&sequence=99&account_id="
    _, answer = await ask(servers, "GET", path + ACCOUNT)
    assert answer["tops"] == {
        "2": {"best_bid": better, "best_ask": best_ask, "others_bid": bid, "others_ask": best_ask},
        "99": None,
    }
    _, answer = await ask(servers, "GET", path + OTHER_ACCOUNT)
    assert answer["tops"]["2"]["others_bid"] == better


async def test_the_market_starts_once(servers: Servers) -> None:
    assert await ask(servers, "POST", "/sandbox/start") == (200, {"started": True})
    assert await ask(servers, "POST", "/sandbox/start") == (200, {"started": False})
    assert (await ask(servers, "GET", "/health"))[1]["running"] is True


async def test_the_process_can_be_told_to_stop(servers: Servers) -> None:
    await ask(servers, "POST", "/sandbox/stop")
    assert servers.stopped == [True]


async def test_faults_are_listed_and_taken_back(servers: Servers) -> None:
    _, first = await ask(servers, "POST", "/sandbox/faults", {"operation": "place", "kind": "error"})
    await ask(
        servers, "POST", "/sandbox/faults", {"operation": "cancel", "kind": "drop", "symbol": "BTCUSDT"}
    )
    await feed(servers, "stop")
    _, listed = await ask(servers, "GET", "/sandbox/faults")
    assert [(fault["operation"], fault["kind"]) for fault in listed["faults"]] == [
        ("place", "error"),
        ("cancel", "drop"),
    ]
    assert listed["feeds"]["BTCUSDT"]["stopped"] is True
    assert (await ask(servers, "DELETE", f"/sandbox/faults/{first['id']}"))[0] == 200
    assert (await ask(servers, "DELETE", f"/sandbox/faults/{first['id']}"))[0] == 404
    await ask(servers, "DELETE", "/sandbox/faults")
    assert (await ask(servers, "GET", "/sandbox/faults"))[1] == {"faults": [], "feeds": {}}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        ("POST", "/sandbox/faults", {"operation": "place"}, 400, "kind"),
        ("POST", "/sandbox/faults", {"operation": "place", "kind": "delay"}, 400, "delay_ms"),
        ("POST", "/sandbox/faults", {"operation": "place", "kind": "error", "symbol": "X"}, 404, "X"),
        ("POST", "/sandbox/feed/BTCUSDT", {"fault": "smell"}, 400, "fault"),
        ("POST", "/sandbox/feed/BTCUSDT", {"fault": "gap", "count": 0}, 400, "count"),
        ("POST", "/sandbox/feed/BTCUSDT", {"fault": "undecodable", "topic": "x"}, 400, "topic"),
        ("POST", "/sandbox/feed/NOPE", {"fault": "gap"}, 404, "NOPE"),
        ("POST", "/sandbox/halt/NOPE", None, 404, "NOPE"),
        ("POST", "/sandbox/halt/BTCUSDT", {"cause": "x"}, 400, "cause"),
        ("POST", "/sandbox/snapshot/NOPE", None, 404, "NOPE"),
        ("POST", "/sandbox/instruments/BTCUSDT", {}, 400, "tick_size"),
        ("POST", "/sandbox/instruments/BTCUSDT", {"tick_size": "0"}, 400, "tick_size"),
        ("GET", "/sandbox/book/BTCUSDT?sequence=x", None, 400, "sequence"),
        ("GET", "/sandbox/book/NOPE", None, 404, "NOPE"),
        ("GET", "/sandbox/report", None, 400, "account_id"),
        ("GET", "/sandbox/trades?symbol=BTCUSDT", None, 400, "account_id"),
        ("GET", f"/sandbox/trades?account_id={ACCOUNT}", None, 404, "listed are BTCUSDT"),
    ],
)
async def test_a_control_request_that_is_wrong_is_refused_by_name(
    servers: Servers, method: str, path: str, body: Any, status: int, named: str
) -> None:
    answered, refusal = await ask(servers, method, path, body)
    assert answered == status
    assert named in refusal["message"]


async def test_the_report_of_an_account_without_trades_is_all_zeros(servers: Servers) -> None:
    await place(servers)
    status, report = await ask(servers, "GET", f"/sandbox/report?account_id={ACCOUNT}")
    assert status == 200
    assert report["open_orders"] == 1
    assert report["symbols"]["BTCUSDT"] == {
        "open_orders": 1,
        "executions": 0,
        "buys": 0,
        "sells": 0,
        "position": "0",
        "volume": "0",
        "fees": "0",
        "feed_checks": 0,
        "feed_mismatches": 0,
        "finished": False,
        "capture_error": None,
    }
