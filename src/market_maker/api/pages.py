"""Pages for people, made here so that they need no outside host: the API's documentation."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from market_maker.api.docs import docs_page
from market_maker.api.guard import DeskRoute

router = APIRouter(route_class=DeskRoute, include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(document)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The same, to read."""
    return HTMLResponse(docs_page(request.app.openapi()))
