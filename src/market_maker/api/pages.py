"""Pages for people, made here so that they need no outside host: the console and the API's documentation."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from market_maker.api.docs import docs_page
from market_maker.api.guard import DeskRoute

router = APIRouter(route_class=DeskRoute, include_in_schema=False)

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


@router.get("/")
async def console() -> HTMLResponse:
    """A live table of all symbols with the controls that an operator needs at once."""
    page, script_hash = _console()
    policy = f"{_POLICY}; script-src 'sha256-{script_hash}'; connect-src 'self'"
    return _page(page, policy)


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(document)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The same, to read."""
    return _page(docs_page(request.app.openapi()), _POLICY)


def _page(html: str, policy: str) -> HTMLResponse:
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(html, headers=headers)


@cache
def _console() -> tuple[str, str]:
    """The page, and the hash by which the browser is allowed to run its one script."""
    page = resources.files(__package__).joinpath("console.html").read_text(encoding="utf-8")
    script = page.partition("<script>")[2].partition("</script>")[0]
    return page, b64encode(sha256(script.encode()).digest()).decode()
