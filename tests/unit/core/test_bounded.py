"""No test here measures time: what is expanded is bounded in digits, and that is what is asserted."""

from decimal import Decimal

import pytest

from market_maker.core.bounded import DIGITS_MAX, EXPONENT_MAX, UnboundedError, bounded


@pytest.mark.parametrize("text", ["0", "12.5", "-0.5", "1e-8", "3E+2", "1.7976931348623157e+308", "0e-400"])
def test_an_ordinary_number_is_read_exactly(text: str) -> None:
    assert bounded(text) == Decimal(text)
    assert bounded(Decimal(text)) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "0e-1000000000",
        "0e1000000000",
        "1e-999999999",
        "1e999999999",
        "1e99999999999999999999",
        f"1e{EXPONENT_MAX + 1}",
        f"0e-{EXPONENT_MAX + 1}",
        "9" * (DIGITS_MAX + 1),
        "0." + "1" * 1_000_000,
        "NaN",
        "sNaN",
        "-Infinity",
        "",
        "one",
    ],
)
def test_what_would_be_large_once_written_out_is_refused(text: str) -> None:
    with pytest.raises(UnboundedError):
        bounded(text)


@pytest.mark.parametrize("number", [Decimal("0e-1000000000"), Decimal("NaN"), Decimal("9" * 61)])
def test_a_decimal_is_bounded_as_its_text_is(number: Decimal) -> None:
    with pytest.raises(UnboundedError):
        bounded(number)


def test_the_longest_number_that_passes_is_short_when_written_out() -> None:
    for text in (f"{'9' * DIGITS_MAX}e{EXPONENT_MAX}", f"-{'9' * DIGITS_MAX}e-{EXPONENT_MAX}"):
        assert len(format(bounded(text), "f")) <= DIGITS_MAX + EXPONENT_MAX + 3
