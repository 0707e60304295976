"""Where a request may come from: this service's own pages and, while nobody needs a token, by a known name.

A browser sends requests for any page that its user looks at, with the cookies of whom they go to. It says
where they come from: `Sec-Fetch-Site`, and `Origin` where it is older than that. A name that somebody lets
point to this machine stands in `Host`; with tokens that does not matter, for a foreign page has none. Nor
does the origin of a request that shows its token in `Authorization`: no browser adds that by itself.
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
        """403 for a page of another site, an unknown name of this machine, a foreign origin, or several."""
        host = request.headers.get("host", _LOOPBACK).lower()
        name = _name(f"//{host}")
        if len(request.headers.getlist("origin")) > 1:
            detail = "the header `Origin` is given more than once: send it once, or not at all"
            raise ProblemError(HTTPStatus.FORBIDDEN, "CROSS_SITE", detail)
        origin = request.headers.get("origin")
        is_foreign = origin is not None and not self._is_own(origin.lower(), host)
        if request.method != "GET":
            site = request.headers.get("sec-fetch-site")
            if site in ("cross-site", "same-site"):
                raise _other_site(origin)
            if is_foreign and site != "same-origin" and "authorization" not in request.headers:
                raise _other_site(origin)
        if not self._is_open:
            return
        if not self._is_ours(name):
            detail = (
                f"{name[:100]!r} is not a name of this service while DISABLE_AUTH=true: use its address, or"
                " add the name to HTTP_HOST_NAMES"
            )
            raise ProblemError(HTTPStatus.FORBIDDEN, "UNKNOWN_HOST", detail)
        if is_foreign:
            raise _other_site(origin)

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


def _other_site(origin: str | None) -> ProblemError:
    where = "another site" if origin is None else f"another site ({origin[:100]!r})"
    detail = (
        f"this request comes from a page of {where}: send it from this service's own pages; where a proxy"
        " gives them another name, add that to HTTP_HOST_NAMES"
    )
    return ProblemError(HTTPStatus.FORBIDDEN, "CROSS_SITE", detail)
