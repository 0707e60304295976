"""Text from outside, made storable: one odd character must never block the journal."""

import json


def storable(text: str) -> str:
    """The text itself; what PostgreSQL cannot hold (NUL, half a surrogate pair) becomes `?` or U+FFFD."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def to_json(value: object) -> str:
    """JSON for a jsonb column, with every text made storable.

    Raises TypeError for what is not JSON, and for a float: an amount has to be text by now.
    """
    return json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"))


def _clean(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, float):
        raise TypeError(f"{value!r}: a float has no place in the database; amounts are text")
    return value
