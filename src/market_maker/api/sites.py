"""Where a request may come from while nobody is asked for a token: this service's own pages, by a known name.

A browser sends requests for any page that its user looks at. Those of another site name it (`Origin`), and
a name that somebody lets point to this machine stands in `Host`. With tokens neither matters: a foreign page
has none.
"""

from collections.abc import Set
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from market_maker.api.problems import ProblemError

_LOOPBACK = "localhost"


class Sites:
    """Which names and which pages are ours."""

    def __init__(self, names: Set[str], *, is_open: bool) -> None:
        """`names` (in lower case) besides addresses and loopback names; `is_open`: nobody needs a token."""
        self._names = names
        self._is_open = is_open

    def refuse_others(self, request: Request) -> None:
        """403 for a page of another site, an unknown name of this machine, or a foreign origin."""
        if request.method != "GET" and request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise _other_site()
        if not self._is_open:
            return
        host = request.headers.get("host", _LOOPBACK).lower()
        name = _name(f"//{host}")
        if not self._is_ours(name):
            detail = (
                f"{name[:100]!r} is not a name of this service while DISABLE_AUTH=true: use its address, or"
                " add the name to HTTP_HOST_NAMES"
            )
            raise ProblemError(HTTPStatus.FORBIDDEN, "UNKNOWN_HOST", detail)
        origin = request.headers.get("origin")
        if origin is not None and not self._is_own(origin.lower(), host):
            raise _other_site()

    def _is_ours(self, name: str) -> bool:
        if name in self._names or name == _LOOPBACK or name.endswith(f".{_LOOPBACK}"):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True

    def _is_own(self, origin: str, host: str) -> bool:
        """A page of the very host that it calls, or of one of our names."""
        return origin.partition("://")[2] == host or _name(origin) in self._names


def _name(url: str) -> str:
    """The host's name or address in a URL; empty when there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _other_site() -> ProblemError:
    detail = "this request comes from a page of another site: send it from this service's own pages"
    return ProblemError(HTTPStatus.FORBIDDEN, "CROSS_SITE", detail)
