"""How one environment variable's text becomes a value. What may live here: parsers.

Each raises ValueError with a sentence that follows the variable's name ("must be ...").
"""

import re
from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from market_maker.durations import format_duration, parse_duration

MASK: Final = "***"
_SECRET_QUERY_KEYS = re.compile(r"pass|secret|token|key", re.IGNORECASE)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_NAME: Final = re.compile(r"[\x21-\x39\x3b-\x7e]{1,100}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_FLEET_SECRET_MIN: Final = 32
_INTEGER = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?")


class Secret:
    """A text that shows itself only when asked: `str` and `repr` give its redacted form."""

    __slots__ = ("_shown", "_value")

    def __init__(self, value: str, shown: str = MASK) -> None:
        self._value = value
        self._shown = shown

    def reveal(self) -> str:
        """The text itself; for the one place that needs it."""
        return self._value

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"Secret({self._shown!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def redacted_url(url: str) -> str:
    """The URL without passwords, neither in its user part nor in its query; all masked when in doubt."""
    if "@" not in url and "?" not in url:
        return url
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return MASK
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return MASK
    user_info, at, location = parts.netloc.rpartition("@")
    user, colon, _ = user_info.partition(":")
    netloc = f"{user}{colon and f':{MASK}'}{at}{location}"
    shown = [(key, MASK if _SECRET_QUERY_KEYS.search(key) else value) for key, value in query]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(shown, safe="*/:,"), parts.fragment))


def text(value: str) -> str:
    """Any text without control characters."""
    if not value.isprintable():
        raise ValueError("must not hold control characters")
    return value


def name(value: str) -> str:
    """Visible ASCII without a colon, for it becomes a part of keys; at most 100 characters."""
    if not _NAME.fullmatch(value):
        raise ValueError("must be at most 100 visible ASCII characters, without spaces and colons")
    return value


def secret(value: str) -> Secret:
    """A bearer token: it goes into a header, so it holds visible ASCII only."""
    if not _VISIBLE.fullmatch(value):
        raise ValueError("must hold visible ASCII characters only, without spaces or line ends")
    return Secret(value)


def password(value: str) -> Secret:
    """A password: any text without control characters."""
    return Secret(text(value))


def flag(value: str) -> bool:
    """`true` or `false`, nothing else: a misspelt safety switch must not read as off."""
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


def uuid(value: str) -> str:
    """A UUID in its canonical form."""
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("must be a UUID such as 00000000-0000-0000-0000-000000000001") from None


def choice(*allowed: str) -> Callable[[str], str]:
    """One of some words, in any case."""
    by_lower = {word.lower(): word for word in allowed}

    def parse(value: str) -> str:
        if value.lower() not in by_lower:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return by_lower[value.lower()]

    return parse


def integer(minimum: int, maximum: int, unit: str = "") -> Callable[[str], int]:
    """A whole number within bounds, both included."""
    wanted = f"must be a whole number from {minimum} to {maximum}{unit and f' ({unit}, without a unit)'}"

    def parse(value: str) -> int:
        if not _INTEGER.fullmatch(value) or not minimum <= int(value) <= maximum:
            raise ValueError(wanted)
        return int(value)

    return parse


port = integer(1, 65_535)


def decimal(maximum: Decimal) -> Callable[[str], Decimal]:
    """A positive decimal number up to a bound."""

    def parse(value: str) -> Decimal:
        if not _DECIMAL.fullmatch(value) or not 0 < Decimal(value) <= maximum:
            raise ValueError(f"must be a decimal number above 0 and at most {maximum}, such as 12.5")
        return Decimal(value)

    return parse


def duration(minimum: str, maximum: str) -> Callable[[str], int]:
    """A duration in nanoseconds within bounds, both included."""
    low, high = parse_duration(minimum), parse_duration(maximum)

    def parse(value: str) -> int:
        ns = parse_duration(value)
        if not low <= ns <= high:
            raise ValueError(f"must be from {format_duration(low)} to {format_duration(high)}")
        return ns

    return parse


def host(value: str) -> str:
    """A host name or an IP address."""
    if not _HOST.fullmatch(value):
        try:
            ip_address(value)
        except ValueError:
            raise ValueError("must be a host name or an IP address, such as 127.0.0.1 or 0.0.0.0") from None
    return value


def address(value: str) -> str:
    """`host:port`, without a scheme."""
    name, colon, number = value.rpartition(":")
    if "//" in value or not colon or not _HOST.fullmatch(name) or not _is_port(number):
        raise ValueError("must be host:port without a scheme, such as localhost:50051")
    return value


def addresses(value: str) -> str:
    """`host:port` several times, separated by commas."""
    brokers = [broker.strip() for broker in value.split(",")]
    for broker in brokers:
        try:
            address(broker)
        except ValueError:
            raise ValueError(
                f"must be host:port, several separated by commas, such as kafka-1:9092,kafka-2:9092; "
                f"{broker!r} is not"
            ) from None
    return ",".join(brokers)


def url(*schemes: str) -> Callable[[str], Secret]:
    """A URL with one of the schemes and a host, shown without its password; a last slash is dropped."""
    wanted = f"{_wanted(schemes)}, names a host and, if any, a port from 1 to 65535"

    def parse(value: str) -> Secret:
        value = value.rstrip("/")
        try:
            parts = urlsplit(value)
            is_complete = bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise ValueError(wanted) from None
        if parts.scheme not in schemes or not is_complete or not _VISIBLE.fullmatch(value):
            raise ValueError(wanted)
        return Secret(value, redacted_url(value))

    return parse


def database_url(*schemes: str) -> Callable[[str], Secret]:
    """As `url`, but the place may be a socket's path or several hosts: only its driver can tell."""
    wanted = f"{_wanted(schemes)} and holds no spaces"

    def parse(value: str) -> Secret:
        scheme, colon, rest = value.partition("://")
        if scheme not in schemes or not colon or not rest or not _VISIBLE.fullmatch(value):
            raise ValueError(wanted)
        return Secret(value, redacted_url(value))

    return parse


def host_names(value: str) -> tuple[str, ...]:
    """Host names separated by commas, in lower case."""
    names = tuple(name.strip().lower().rstrip(".") for name in value.split(","))
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError(
                f"must be host names, separated by commas, without scheme and port; {name!r} is not"
            )
    return names


def networks(value: str) -> tuple[str, ...]:
    """Addresses and networks separated by commas."""
    found = tuple(network.strip() for network in value.split(","))
    for network in found:
        try:
            ip_network(network)
        except ValueError:
            raise ValueError(
                f"must be addresses and networks, separated by commas, such as 10.0.0.0/8; {network!r} is not"
            ) from None
    return found


def fleet_secret(value: str) -> Secret:
    """A secret of 32 characters or more, all visible ASCII."""
    if not _VISIBLE.fullmatch(value) or len(value) < _FLEET_SECRET_MIN:
        raise ValueError(
            f"must hold {_FLEET_SECRET_MIN} visible ASCII characters or more, such as those that"
            " `openssl rand -hex 32` gives"
        )
    return Secret(value)


def _wanted(schemes: tuple[str, ...]) -> str:
    return f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"


def _is_port(number: str) -> bool:
    try:
        port(number)
    except ValueError:
        return False
    return True
