"""Every door through which a number comes in from outside refuses one that would be large written out."""

import io
import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from market_maker import setting_types as to
from market_maker.clients.json_fields import COUNT_MAX, count, decimal, parse_object
from market_maker.clients.metadata import MetadataInvalidError, read_instrument
from market_maker.core.instrument import Instrument
from market_maker.demo.arguments import parse_arguments
from market_maker.durations import parse_duration
from market_maker.streams import envelope
from market_maker.streams.avro_codec import WriterSchema
from market_maker.streams.errors import DecodeError
from market_maker.streams.level_reader import LevelReader
from tradex_contracts import metadata_pb2 as pb

NUMBERS = ["0e-1000000000", "1e-1000000000", "1e999999999", "9" * 1_000_000]
INSTRUMENT = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.001"), Decimal(5))


def _grpc(text: str) -> object:
    wrong = pb.Instrument(symbol="X", tick_size=text, lot_size="1", min_notional="1", status="TRADING")
    return read_instrument(wrong)


def _order_answer(text: str) -> object:
    return decimal(parse_object(json.dumps({"price": text}).encode()), "price")


DOORS: dict[str, Callable[[str], object]] = {
    "kafka text": lambda text: envelope.number({"price": text}, "price"),
    "kafka decimal": lambda text: envelope.number({"price": Decimal(text)}, "price"),
    "book level text": lambda text: LevelReader(INSTRUMENT).ticks(text),
    "grpc": _grpc,
    "order service": _order_answer,
    "setting": to.decimal(Decimal(10**12)),
    "setting, whole": to.integer(1, 10),
    "setting, duration": lambda text: parse_duration(f"{text}s"),
}


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("door", DOORS)
def test_a_number_that_is_large_written_out_passes_no_door(door: str, text: str) -> None:
    with pytest.raises((ValueError, MetadataInvalidError), match=r".") as caught:
        DOORS[door](text)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("number", [COUNT_MAX + 1, 10**4_000])
def test_a_count_of_an_answer_has_64_bits(number: int) -> None:
    with pytest.raises(ValueError, match="cancelled: must be a whole number"):
        count({"cancelled": number}, "cancelled")


@pytest.mark.parametrize("text", NUMBERS)
def test_the_demos_words_are_a_door_too(text: str) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--spread-bps", text])


def test_a_price_written_with_endless_zeros_is_read_and_not_kept() -> None:
    reader = LevelReader(INSTRUMENT)
    assert reader.ticks("1." + "0" * 100_000) == 100
    assert not reader.tick_cache


def test_an_avro_decimal_of_many_bytes_is_bad_input_before_it_becomes_a_number() -> None:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 8}
    schema = {"type": "record", "name": "Priced", "fields": [{"name": "price", "type": kind}]}
    reader = WriterSchema(1, schema)

    def message(digits: bytes) -> bytes:
        body = io.BytesIO(bytes(5))
        body.seek(5)
        write_long(body, len(digits))
        return body.getvalue() + digits

    assert reader.read(message(b"\x05\xf5\xe1\x00")) == {"price": Decimal(1)}
    with pytest.raises(DecodeError, match="a decimal of 1000000 bytes"):
        reader.read(message(b"\x01" * 1_000_000))


def write_long(out: io.BytesIO, number: int) -> None:
    """As Avro writes it: zigzag, seven bits a byte."""
    number <<= 1
    while number > 0x7F:
        out.write(bytes([number & 0x7F | 0x80]))
        number >>= 7
    out.write(bytes([number]))
