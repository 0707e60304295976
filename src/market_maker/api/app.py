"""The admin API as one ASGI application, put together from its rooms."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from market_maker.api import (
    bulk,
    configs,
    control,
    emergency,
    health,
    history,
    listing,
    pages,
    problems,
    status,
    stream,
    trail,
)
from market_maker.api.audit import AuditTrail
from market_maker.api.context import Waits
from market_maker.api.fleet import FleetView
from market_maker.api.openapi import build_openapi
from market_maker.api.peers import Alone, Peers
from market_maker.api.ports import Desk
from market_maker.api.rate import RateLimit
from market_maker.api.security import ACCESS, Authenticator


def create_app(desk: Desk, authenticator: Authenticator, version: str, peers: Peers | None = None) -> FastAPI:
    """The application; its lifespan runs the audit trail's writer. Without `peers` it is the whole fleet."""
    app = AdminApi(
        title="TradeX Market Maker",
        version=version,
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = desk
    app.state.peers = peers or Alone()
    app.state.fleet = FleetView(desk, app.state.peers)
    app.state.authenticator = authenticator
    app.state.audit = AuditTrail(desk)
    app.state.streams = stream.Streams()
    app.state.rate = RateLimit()
    app.state.waits = Waits()
    app.state.config_lock = asyncio.Lock()
    problems.install(app, tuple(ACCESS))
    for room in (configs, control, bulk, emergency, status, history, trail, listing, stream, health, pages):
        app.include_router(room.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    audit: AuditTrail = app.state.audit
    audit.start()
    try:
        yield
    finally:
        await audit.close()


class AdminApi(FastAPI):
    """A FastAPI application whose OpenAPI document is completed by `build_openapi`."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = build_openapi(self, self.state.authenticator.required)
        return self.openapi_schema
