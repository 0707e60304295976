"""What a stranger with a token may write into every field of every route: refused or taken, never a 5xx.

No test here measures time. What costs time is what is written out or computed with, so memory is held flat
and the numbers that come through are held short.
"""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal

import pytest

from lab.api import Api
from market_maker.api.admission import RateLimit
from market_maker.api.decimals import plain
from market_maker.api.exact_json import exact_json
from market_maker.api.guard import BODY_BYTES_MAX
from market_maker.api.problems import ProblemError
from market_maker.api.strangers import Refusals

JSON = {"Content-Type": "application/json"}
PEAK_BYTES_MAX = 8 << 20

EXPONENTS = [
    "0e-1000000000",
    "-0e-1000000000",
    "0e1000000000",
    "1e-1000000000",
    "1e1000000000",
    "1E+999999999",
    "1e-999999999",
    "5e-401",
    "1e400",
    "1e99999999999999999999",
    "0.0e-99999999999999999999",
    "-1e-300",
]
LONG_NUMBERS = [
    "9" * 4_000,
    "-" + "9" * 4_000,
    "9" * 5_000,
    "0." + "0" * 60_000 + "1",
    "1." + "9" * 60_000,
    "9" * 60_000 + ".5",
    "1" + "0" * 39 + "." + "1" * 40,
    "9223372036854775808",
    "-1",
    "-0",
    "-0.0",
    "1e0",
    "2.0",
]
CONTROL_CHARACTERS = [
    json.dumps(text)
    for text in (
        "\x00",
        "a\x00b",
        "\r\nSet-Cookie: x=1",
        "\n\ndata: {}\n\n",
        "\x1b[2J\x1b[31m",
        "\x7f\x80\x9b31m",
        "\u2028\u2029\u202e",
        "\ufeff",
        "\ud800",
        "'; DROP TABLE mm_configs; --",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "${jndi:ldap://x}",
        "%s%n%x",
        "NaN",
        "1e5",
        "0x10",
        "1_000",
        "\u0661\u0662",
        " 1",
    )
]
SIZES = [
    json.dumps("x" * 60_000),
    json.dumps("\U0001f4a3" * 4_000),
    json.dumps(["BTC-USDT"] * 5_000),
    json.dumps([f"S{number}" for number in range(1_001)]),
    "[" * 2_000 + "]" * 2_000,
    "{" + ",".join(f'"k{number}":1' for number in range(5_000)) + "}",
    '{"a":' * 500 + "1" + "}" * 500,
    "[]",
    "{}",
    '""',
    "null",
    "true",
    "[null]",
    "[1e-1000000000]",
    '[{"symbol": 0e-1000000000}]',
]
NASTY = [*EXPONENTS, *LONG_NUMBERS, *CONTROL_CHARACTERS, *SIZES]


def doors(api: Api) -> Iterator[tuple[str, str, dict[str, str | None]]]:
    """Method, target and the fields (with a harmless value for each that is required) of every route."""
    document = api.app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                schema = str(operation["requestBody"]["content"]["application/json"]["schema"])
                name = schema.partition("#/components/schemas/")[2].partition("'")[0]
                fields = document["components"]["schemas"][name]["properties"]
                target = path.replace("{symbol}", "BTC-USDT")
                yield method.upper(), target, {field: _harmless(field) for field in fields}


def _harmless(name: str) -> str | None:
    return {"reason": '"a reason"', "symbol": '"SOL-USDT"'}.get(name)


def test_there_are_more_than_42_kinds_of_nastiness() -> None:
    assert len(set(NASTY)) > 42


async def test_no_field_of_any_route_answers_a_nasty_value_with_a_failure(api: Api) -> None:
    at_any_pace = 1e6
    api.app.state.rate = RateLimit(at_any_pace, at_any_pace)
    api.app.state.refusals = Refusals(at_any_pace, at_any_pace)
    tried = 0
    for method, target, fields in doors(api):
        for field in [*fields, "unheard_of"]:
            for value in NASTY:
                others = {name: one for name, one in fields.items() if one is not None and name != field}
                pairs = [f'"{name}": {one}' for name, one in {**others, field: value}.items()]
                body = ("{" + ", ".join(pairs) + "}").encode("utf-8", "surrogatepass")
                answer = await api.call(method, target, data=body, headers=JSON)
                assert answer.status < 500, (method, target, field, value[:60], answer.text[:200])
                tried += 1
    assert tried > 42 * 50


@pytest.mark.parametrize("value", [value.encode() for value in NASTY])
async def test_no_route_answers_a_nasty_body_with_a_failure(api: Api, value: bytes) -> None:
    for method, target, _ in doors(api):
        assert (await api.call(method, target, data=value, headers=JSON)).status < 500


async def test_memory_stays_flat_whatever_number_arrives(api: Api) -> None:
    tracemalloc.start()
    try:
        for value in (*EXPONENTS, *LONG_NUMBERS):
            for field in ("level_spacing_bps", "num_levels", "order_size_usdt"):
                body = f'{{"{field}": {value}}}'.encode()
                await api.call("PUT", "/v1/mm-configs/BTC-USDT", data=body, headers=JSON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < PEAK_BYTES_MAX


@pytest.mark.parametrize("value", EXPONENTS + LONG_NUMBERS)
def test_a_number_that_is_read_at_all_is_short_when_written_out(value: str) -> None:
    with suppress(ProblemError):
        found = exact_json(value.encode())
        assert len(plain(found) if isinstance(found, Decimal) else str(found)) < BODY_BYTES_MAX / 10
