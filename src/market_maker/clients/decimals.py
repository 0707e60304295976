"""Decimal numbers as other services write them: texts, never binary floating point."""

import re
from decimal import Decimal
from typing import Final

_DECIMAL: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)


def parse_decimal(text: str, *, zero_allowed: bool = False) -> Decimal | None:
    """The positive number (or zero, if allowed) in the text; None when it is not one.

    An exponent is understood; signs, spaces, underscores and words such as NaN are not.
    """
    if not _DECIMAL.fullmatch(text):
        return None
    value = Decimal(text)
    return value if value or zero_allowed else None
