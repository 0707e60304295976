"""Where a request shows its token: in the header `Authorization`, or in a signed-in browser's cookie."""

from http import HTTPStatus

from fastapi import Request

from market_maker.api.problems import ProblemError

COOKIE = "mm-session"
SECURE_COOKIE = "__Host-mm-session"
"""Under TLS: browsers take it from this very host only, and by TLS only."""
OWN_PAGE = "x-mm-console"
"""What our own pages send along, and no page of another site can."""
_READING = ("GET", "HEAD")


def token_of(request: Request) -> str | None:
    """The token as `Bearer <token>`, or whatever the header says; None when there is none.

    403 for a change by cookie that does not come from a page of ours.
    """
    given = request.headers.get("authorization")
    if given is not None:
        return given
    cookie = request.cookies.get(SECURE_COOKIE if is_secure(request) else COOKIE)
    if not cookie:
        return None
    if request.method not in _READING and OWN_PAGE not in request.headers:
        detail = (
            f"a change by the cookie of a browser needs the header `{OWN_PAGE}: 1`, which this service's"
            " pages send: use those, or send the token in the header `Authorization`"
        )
        raise ProblemError(HTTPStatus.FORBIDDEN, "CROSS_SITE", detail)
    return f"Bearer {cookie}"


def bare(authorization: str) -> str:
    """The token of an Authorization header."""
    return authorization.partition(" ")[2].strip()


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS; a proxy that does it for us must be in HTTP_TRUSTED_PROXIES."""
    return request.url.scheme == "https"
