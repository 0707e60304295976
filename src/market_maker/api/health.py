"""Health, for load balancers and people; open to all, from memory, never waiting."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from market_maker.api.answers import Answer
from market_maker.api.context import DeskOf
from market_maker.api.guard import DeskRoute
from market_maker.api.ports import CheckStatus, ServiceHealth
from market_maker.api.problems import Responses

router = APIRouter(route_class=DeskRoute, tags=["health"])


class HealthCheck(Answer):
    """One component."""

    name: str
    status: CheckStatus
    detail: str


class HealthAnswer(Answer):
    """The process and what it depends on."""

    status: CheckStatus
    version: str
    checks: list[HealthCheck]


class Live(Answer):
    """The process runs."""

    status: CheckStatus


_S = HTTPStatus
_NOT_READY: Responses = {
    _S.SERVICE_UNAVAILABLE: {"model": HealthAnswer, "description": "A component failed."}
}
_NOT_LIVE: Responses = {
    _S.SERVICE_UNAVAILABLE: {"model": Live, "description": "The process must be restarted."}
}


@router.get("/health", responses=_NOT_READY)
async def health(request: Request, desk: DeskOf, response: Response) -> HealthAnswer:
    """The process and each component; 503 when one has failed, 200 when all work or are degraded.

    What exactly is wrong is told only to those with a valid token: it names addresses.
    """
    return _ready(request, desk.health(), response)


@router.get("/health/ready", responses=_NOT_READY)
async def ready(request: Request, desk: DeskOf, response: Response) -> HealthAnswer:
    """Whether the service can do its work now."""
    return _ready(request, desk.health(), response)


@router.get("/health/live", responses=_NOT_LIVE)
async def live(desk: DeskOf, response: Response) -> Live:
    """Whether the process itself works, whatever surrounds it."""
    if desk.health().live:
        return Live(status=CheckStatus.OK)
    response.status_code = _S.SERVICE_UNAVAILABLE
    return Live(status=CheckStatus.FAILED)


def _ready(request: Request, measured: ServiceHealth, response: Response) -> HealthAnswer:
    if not measured.ready:
        response.status_code = _S.SERVICE_UNAVAILABLE
    is_told_more = request.state.principal.is_known or not request.app.state.authenticator.required
    checks = [
        HealthCheck(name=c.name, status=c.status, detail=c.detail if is_told_more else "")
        for c in measured.checks
    ]
    return HealthAnswer(status=measured.status, version=request.app.version, checks=checks)
