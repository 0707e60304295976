"""`market-maker capture`: the market that Kafka's topics tell, as a file that backtests play."""

import argparse
import gzip
import logging
import signal
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from market_maker import setting_types as to
from market_maker.durations import parse_duration
from market_maker.environment import read_settings, setting
from market_maker.security_settings import HttpTls, KafkaSecurity
from market_maker.setting_types import Secret
from market_maker.streams.avro_codec import AvroDecoder
from market_maker.streams.errors import DecodeError
from market_maker.streams.schema_registry import SchemaRegistry
from tradex_backtest.capture_lines import TOPICS, SymbolLines, line_of
from tradex_backtest.parser import command, command_parser, read_by, say

POLL_S: Final = 0.2
BATCH: Final = 500
METADATA_S: Final = 10.0

EPILOG = """The environment is that of the service; KAFKA_BROKERS and SCHEMA_REGISTRY_URL are needed.
Nothing is committed and no group is joined: the service does not notice. Ctrl-C ends a capture early, and
what was recorded is whole. A symbol can be played once a snapshot of it has come (within seconds).
exit codes: 0 recorded, 1 Kafka or the registry failed, or a symbol has no snapshot, 2 wrong arguments"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """What of the service's environment a capture needs."""

    kafka_brokers: str = setting("KAFKA_BROKERS", to.addresses, "Kafka brokers as host:port", required=True)
    schema_registry_url: Secret = setting(
        "SCHEMA_REGISTRY_URL", to.url("http", "https"), "the registry", required=True
    )
    kafka_security: KafkaSecurity
    http_tls: HttpTls

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        sections = {"kafka_security": KafkaSecurity, "http_tls": HttpTls}
        return cls(**read_settings(cls, sections, environ))


@command("capture", OSError)
def main(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command; returns the exit code."""
    found = _parser().parse_args(words)
    settings = _Settings.load(environ)
    symbols = [symbol for symbol in found.symbols.split(",") if symbol]
    out = found.out or Path(f"{'-'.join(symbols)}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.gz")
    try:
        return _capture(settings, symbols, found.for_ns, out)
    except KafkaException as error:
        brokers, why = settings.kafka_brokers, error.args[0].str()
        return say("capture", f"KAFKA_BROKERS {brokers}: {why}; check the address, and that they run", 1)


def _capture(settings: _Settings, symbols: Sequence[str], for_ns: int, out: Path) -> int:
    lines = {symbol: SymbolLines(symbol) for symbol in symbols}
    registry = SchemaRegistry(settings.schema_registry_url.reveal(), settings.http_tls.registry_properties())
    decoder = AvroDecoder(registry)
    ends_ns = time.monotonic_ns() + for_ns
    stop = _Stop()
    unreadable = 0
    with closing(registry), _consumer(settings) as consumer, _beside(out) as file, stop:
        while time.monotonic_ns() < ends_ns and not stop.asked:
            for message in consumer.consume(BATCH, POLL_S):
                if message.error() is not None:
                    raise KafkaException(message.error())
                try:
                    record = decoder.read(message.value())
                except DecodeError:
                    unreadable += 1
                    continue
                told = _told(lines, message.topic() or "", record)
                if told is not None:
                    file.write(line_of(time.time_ns(), told))
    return _summary(lines.values(), unreadable, out)


@contextmanager
def _beside(out: Path) -> Iterator[gzip.GzipFile]:
    """A file that takes the place of `out` at the end, also of a capture that fails, if anything is in it."""
    part = out.with_name(f"{out.name}.part")
    file = gzip.GzipFile(part, "wb")
    try:
        yield file
    finally:
        recorded = file.tell()
        file.close()
        if recorded:
            part.replace(out)
        else:
            part.unlink()


def _told(lines: Mapping[str, SymbolLines], topic: str, record: Mapping[str, Any]) -> dict[str, Any] | None:
    symbol = lines.get(record["data"]["symbol"])
    return None if symbol is None else symbol.line(topic, record)


def _summary(lines: Collection[SymbolLines], unreadable: int, out: Path) -> int:
    for symbol in lines:
        state = "" if symbol.joined else ", NO SNAPSHOT: it cannot be played"
        sys.stderr.write(f"{symbol.symbol}: {symbol.deltas} deltas, {symbol.trades} trades{state}\n")
    if unreadable:
        sys.stderr.write(f"{unreadable} messages could not be read and were left out\n")
    if not any(symbol.deltas or symbol.trades for symbol in lines):
        return say("capture", f"nothing was recorded; {out} is left as it was", 1)
    sys.stdout.write(f"{out}\n")
    return 0 if all(symbol.joined for symbol in lines) else 1


@contextmanager
def _consumer(settings: _Settings) -> Iterator[Consumer]:
    """Reads every partition of the market's topics from its end on, outside of any group."""
    options = {
        **settings.kafka_security.properties(),
        "bootstrap.servers": settings.kafka_brokers,
        "group.id": "market-maker-capture",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "error_cb": _raise_when_alone,
    }
    consumer = Consumer(options, logger=_silent())
    try:
        consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_END)
                for topic in TOPICS
                for partition in _partitions(consumer, topic)
            ]
        )
        yield consumer
    finally:
        consumer.close()


def _raise_when_alone(error: KafkaError) -> None:
    """Without any broker nothing more comes: what is recorded so far is whole."""
    if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 -- the client's own name for it
        raise KafkaException(error)


def _silent() -> logging.Logger:
    """The client's own lines, dozens a second while a broker is away, say nothing that the error does not."""
    log = logging.getLogger("tradex_backtest.capture.kafka")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return log


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    told = consumer.list_topics(topic, METADATA_S).topics[topic]
    if told.error is not None:
        raise KafkaException(told.error)
    return list(told.partitions)


class _Stop:
    """SIGINT and SIGTERM end a capture in order."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "market-maker capture", "Records order books and trades from Kafka into one capture.", EPILOG
    )
    add = parser.add_argument
    add("--symbols", required=True, metavar="A,B")
    add("--for", dest="for_ns", type=read_by(parse_duration), required=True, metavar="1h", help="how long")
    add("--out", type=Path, metavar="FILE.gz", help="default: symbols and time, in the present folder")
    return parser
