"""Takes secrets out of what is about to be logged."""

import json
import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"
_SECRET_KEYS: Final = re.compile(
    r"password|passwd|secret|token|authorization|api_?key|credential", re.IGNORECASE
)
_URL_PASSWORD: Final = re.compile(r"(?P<start>[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s\"'<>]+(?=@)", re.IGNORECASE)
_BEARER: Final = re.compile(r"(?P<start>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]+")


def is_secret_key(key: str) -> bool:
    """Whether a field of this name holds a secret, whatever its value."""
    return _SECRET_KEYS.search(key) is not None


class Redactor:
    """Masks known secrets, passwords in URLs and bearer tokens in a finished line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in (secret, json.dumps(secret)[1:-1])}
        known = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._known = re.compile(known) if known else None

    def line(self, line: str) -> str:
        """The line without secrets."""
        if self._known is not None:
            line = self._known.sub(MASK, line)
        if "://" in line:
            line = _URL_PASSWORD.sub(rf"\g<start>{MASK}", line)
        if "Bearer" in line or "Basic" in line:
            line = _BEARER.sub(rf"\g<start>{MASK}", line)
        return line
