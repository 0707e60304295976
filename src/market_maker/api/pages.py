"""Pages for people, from here so that they need no outside host: the console, the API's documentation.

The console's files (`market_maker.console`) are built from `console/`. They are shown to everybody, because
one must see the page to sign in on it, and hold nothing but the program.
"""

import gzip
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib import resources
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from market_maker.api.docs import STYLE, docs_page
from market_maker.api.guard import DeskRoute
from market_maker.api.problems import ProblemError

router = APIRouter(route_class=DeskRoute, include_in_schema=False)

_MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_CONSOLE = (
    f"{_NOTHING}; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
)
_DOCS = f"{_NOTHING}; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"


@dataclass(frozen=True, slots=True)
class File:
    """One file of the console."""

    media: str
    content: bytes
    compressed: bytes
    etag: str


@router.get("/")
async def console(request: Request) -> Response:
    """The console; what it may show, its routes decide."""
    return _answer(request, "index.html")


@router.get("/console/{name}")
async def console_file(name: str, request: Request) -> Response:
    """One of its files."""
    return _answer(request, name)


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(document)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The same, to read."""
    return HTMLResponse(docs_page(request.app.openapi()), headers=_headers(_DOCS))


def _answer(request: Request, name: str) -> Response:
    file = files().get(name)
    if file is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"the console has no file {name[:60]!r}")
    headers = {
        **_headers(_CONSOLE),
        "ETag": file.etag,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, media_type=file.media, headers=headers)
    return Response(file.content, media_type=file.media, headers=headers)


@cache
def files() -> dict[str, File]:
    """Every file of the console, read and compressed once."""
    found = {}
    for entry in resources.files("market_maker.console").iterdir():
        media = _MEDIA.get(f".{entry.name.rpartition('.')[2]}")
        if media is not None:
            content = entry.read_bytes()
            etag = f'"{sha256(content).hexdigest()[:32]}"'
            found[entry.name] = File(media, content, gzip.compress(content, mtime=0), etag)
    return found


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
