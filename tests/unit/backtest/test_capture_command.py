"""`market-maker capture` on a broker: what its topics tell meanwhile becomes a file that backtests play."""

from decimal import Decimal
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.support.beside import beside
from tests.support.kafka import RegistryServer, Wire, delta, levels, now_us, partitions_of, snapshot

from market_maker.streams.topics import ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT, TRADES
from tradex_backtest import capture_command
from tradex_backtest.capture_command import main
from tradex_backtest.capture_lines import TOPICS
from tradex_backtest.tapes.market import DepthStep, RecordedStream, TradeStep
from tradex_backtest.tapes.opening import Capture, open_capture

SYMBOL, OTHER = "CAPUSDT", "NOTUSDT"
EVERY_S = 0.005
FOR = "2s"


class Market:
    """Tells two symbols' books and trades, a message each few milliseconds, and now and then nonsense."""

    def __init__(self, broker: str, wire: Wire, *, snapshots: bool = True) -> None:
        self._producer = Producer({"bootstrap.servers": broker, "linger.ms": 0, "log_level": 0})
        self._wire = wire
        self._snapshots = snapshots

    def tell(self, step: int) -> None:
        for symbol in (SYMBOL, OTHER):
            change = levels(("99.9", f"{1 + step % 7}.5"))
            self._send(ORDER_BOOK_DELTA, symbol, delta(step, step + 1, bids=change, symbol=symbol))
            if self._snapshots and step % 10 == 0:
                bids = levels(*((f"{99.9 - depth / 10:.1f}", "1.5") for depth in range(5)))
                asks = levels(*((f"{100 + depth / 10:.1f}", "1.5") for depth in range(5)))
                self._send(ORDER_BOOK_SNAPSHOT, symbol, snapshot(step + 1, bids, asks, symbol))
            if step % 3 == 0:
                trade = {"trade_id": f"t{step}", "price": "100.0", "quantity": "0.4", "side": "BUY"}
                self._send(TRADES, symbol, {"symbol": symbol, **trade, "timestamp": now_us()})
        if step % 20 == 0:
            self._producer.produce(TRADES, b"nonsense", SYMBOL.encode())
        self._producer.poll(0)

    def _send(self, topic: str, symbol: str, data: dict[str, object]) -> None:
        self._producer.produce(topic, self._wire.value(topic, data), symbol.encode())


@pytest.fixture
def environment(kafka_broker: str, registry_server: RegistryServer) -> dict[str, str]:
    for topic in TOPICS:
        partitions_of(kafka_broker, topic)
    return {"KAFKA_BROKERS": kafka_broker, "SCHEMA_REGISTRY_URL": registry_server.url}


def test_what_a_broker_tells_is_recorded_and_played_without_a_gap(
    environment: dict[str, str],
    kafka_broker: str,
    wire_format: Wire,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "tape.gz"
    with beside(Market(kafka_broker, wire_format).tell, EVERY_S):
        assert main(["--symbols", SYMBOL, "--for", FOR, "--out", str(out)], environment) == 0
    told = capsys.readouterr()
    assert told.out == f"{out}\n"
    assert f"{SYMBOL}: " in told.err
    assert "messages could not be read and were left out" in told.err
    assert OTHER not in told.err
    stream = RecordedStream(open_capture(Capture((out,))))
    assert stream.instrument.symbol == SYMBOL
    kinds = []
    while stream.due_us is not None:
        kinds.append(type(stream.take()))
    assert stream.error is None, "a gap, or a line that is none"
    assert kinds.count(DepthStep) > 20
    assert kinds.count(TradeStep) > 5
    assert stream.instrument.price(stream.crowd.top[0] or 0) == Decimal("99.9")


def test_without_a_snapshot_it_says_that_the_symbol_cannot_be_played(
    environment: dict[str, str],
    kafka_broker: str,
    wire_format: Wire,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with beside(Market(kafka_broker, wire_format, snapshots=False).tell, EVERY_S):
        words = ["--symbols", SYMBOL, "--for", "500ms", "--out", str(tmp_path / "tape.gz")]
        assert main(words, environment) == 1
    assert "NO SNAPSHOT: it cannot be played" in capsys.readouterr().err


def test_a_capture_of_nothing_leaves_the_file_that_is_there(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tape.gz"
    out.write_bytes(b"recorded before")
    assert main(["--symbols", "NOBODYUSDT", "--for", "300ms", "--out", str(out)], environment) == 1
    told = capsys.readouterr()
    assert out.read_bytes() == b"recorded before"
    assert list(tmp_path.iterdir()) == [out]
    assert f"nothing was recorded; {out} is left as it was" in told.err
    assert told.out == ""


def test_without_a_broker_it_says_so(
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(capture_command, "METADATA_S", 0.5)
    nowhere = {**environment, "KAFKA_BROKERS": "127.0.0.1:1"}
    assert main(["--symbols", SYMBOL, "--for", "1s", "--out", str(tmp_path / "tape.gz")], nowhere) == 1
    said = capsys.readouterr().err
    assert said.startswith("market-maker capture: KAFKA_BROKERS 127.0.0.1:1: ")
    assert said.endswith("; check the address, and that they run\n")
    assert "KafkaError" not in said
