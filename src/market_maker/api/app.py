"""The admin API as one ASGI application, put together from its rooms."""

import asyncio
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from market_maker.api import (
    bulk,
    configs,
    control,
    drills,
    export,
    health,
    history,
    incidents,
    listing,
    market,
    obligations,
    pages,
    preview,
    problems,
    proposals,
    results,
    session,
    status,
    stream,
    trail,
    versions,
)
from market_maker.api.admission import RateLimit
from market_maker.api.approval import Approval
from market_maker.api.audit import AuditTrail
from market_maker.api.context import Waits
from market_maker.api.denials import Denials
from market_maker.api.fleet_port import FleetPort
from market_maker.api.openapi import build_openapi
from market_maker.api.ports import Desk
from market_maker.api.samples import Samples
from market_maker.api.security import ACCESS, Authenticator
from market_maker.api.signed_out import SignedOut
from market_maker.api.sites import Sites
from market_maker.api.strangers import Refusals, Strangers


def create_app(
    desk: Desk,
    authenticator: Authenticator,
    version: str,
    fleet: FleetPort,
    host_names: Set[str] = frozenset(),
    sign_in_url: str | None = None,
    samples: Samples | None = None,
    approval: Approval | None = None,
    signed_out: SignedOut | None = None,
) -> FastAPI:
    """The application; its lifespan runs the audit trail's writer.

    `host_names` are those under which it may be called while nobody needs a token, besides addresses;
    `sign_in_url` is the page of the Auth Service that gives people their tokens,
    `samples` what charts show; somebody else fills it. `signed_out` are the tokens that the authenticator
    refuses because their bearers have signed out.
    """
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
    app.state.fleet = fleet
    app.state.approval = approval or Approval(None)
    app.state.authenticator = authenticator
    app.state.signed_out = signed_out or SignedOut()
    app.state.sign_in_url = sign_in_url
    app.state.samples = samples or Samples()
    app.state.audit = AuditTrail(desk)
    app.state.streams = stream.Streams()
    app.state.rate = RateLimit()
    app.state.waits = Waits()
    app.state.refusals = Refusals()
    app.state.sites = Sites(host_names, is_open=not authenticator.required)
    app.state.denials = Denials(app.state.audit.record_later)
    app.state.config_lock = asyncio.Lock()
    problems.install(app, tuple(ACCESS))
    app.add_middleware(Strangers)
    for room in (
        configs,
        versions,
        proposals,
        control,
        bulk,
        drills,
        incidents,
        status,
        history,
        results,
        obligations,
        trail,
        export,
        listing,
        market,
        preview,
        stream,
        session,
        health,
        pages,
    ):
        app.include_router(room.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    audit: AuditTrail = app.state.audit
    audit.start()
    denials = asyncio.create_task(app.state.denials.run(), name="denials")
    try:
        yield
    finally:
        denials.cancel()
        await asyncio.gather(denials, return_exceptions=True)
        await audit.close()


class AdminApi(FastAPI):
    """A FastAPI application whose OpenAPI document is completed by `build_openapi`."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = build_openapi(self, self.state.authenticator.required)
        return self.openapi_schema
