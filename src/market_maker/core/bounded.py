"""Decimals from outside, bounded before anything is computed with them.

A few bytes can mean a number of a gigabyte: `0e-1000000000` takes seconds and two of them to write out, or
to turn into an integer. Nothing inside bounds a number again, so every door reads its decimals here.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

DIGITS_MAX: Final = 60
"""What the core's arithmetic is exact for (`instrument.EXACT`)."""
EXPONENT_MAX: Final = 400
"""Either way; a double's range lies within it."""
_TEXT_MAX: Final = DIGITS_MAX + EXPONENT_MAX
"""Longer texts are not looked at."""


class UnboundedError(ValueError):
    """No finite number, or one with too many digits or too large an exponent."""


def bounded(value: str | Decimal) -> Decimal:
    """The finite number that is meant. Raises UnboundedError with a sentence."""
    if isinstance(value, str) and len(value) > _TEXT_MAX:
        raise UnboundedError("is too long")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise UnboundedError("is not a number") from None
    if not number.is_finite():
        raise UnboundedError("is not a finite number")
    _, digits, exponent = number.as_tuple()
    if len(digits) > DIGITS_MAX:
        raise UnboundedError(f"has more than {DIGITS_MAX} digits")
    if not isinstance(exponent, int) or abs(exponent) > EXPONENT_MAX:
        raise UnboundedError(f"has an exponent beyond {EXPONENT_MAX}")
    return number
