"""Who may do what: roles per route as data, and the port behind which tokens are verified."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from typing import Protocol

from market_maker.api.problems import ProblemError


class Role(Enum):
    """A role of the Auth Service, as it stands in the claim `roles`."""

    READ = "mm:read"
    OPERATE = "mm:operate"
    EMERGENCY = "mm:emergency"
    RISK = "mm:risk"


INCLUDES = {
    Role.READ: frozenset({Role.READ}),
    Role.OPERATE: frozenset({Role.OPERATE, Role.READ}),
    Role.EMERGENCY: frozenset({Role.EMERGENCY, Role.READ}),
    Role.RISK: frozenset({Role.RISK, Role.OPERATE, Role.READ}),
}
"""What each role opens: who may act must see on what. Operating and the emergency stay apart. Who owns the
limits raises them by the same routes that others change configurations with."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request."""

    actor: str
    roles: frozenset[Role]
    expires_at: datetime | None = None
    """When its token ends; None when it has none."""
    is_known: bool = True
    """Whether the sender has been let in; false for those who only look whether the process lives."""

    def may(self, role: Role) -> bool:
        """Whether one of its roles opens what needs this one."""
        return any(role in INCLUDES[own] for own in self.roles)


class Authenticator(Protocol):
    """Tells who sent a request."""

    @property
    def required(self) -> bool:
        """Whether a request without a token is refused."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """The sender, from the Authorization header. Raises ProblemError 401 or 503."""


class NoAuth:
    """DISABLE_AUTH=true: everybody may do everything, as `anonymous`."""

    required = False

    async def authenticate(self, authorization: str | None) -> Principal:  # noqa: ARG002 - the port's signature
        """Always `anonymous` with every role."""
        return Principal("anonymous", frozenset(Role))


class RoleMissingError(ProblemError):
    """403: the sender is known, and none of its roles opens the route."""

    def __init__(self, principal: Principal, role: Role) -> None:
        detail = (
            f"this route needs the role {role.value}, which the token of {principal.actor} does not carry"
        )
        super().__init__(HTTPStatus.FORBIDDEN, "ROLE_MISSING", detail)
        self.principal = principal
        self.role = role


_CONFIG = "/v1/mm-configs/{symbol}"

ACCESS: dict[tuple[str, str], Role | None] = {
    ("GET", "/v1/mm-configs"): Role.READ,
    ("POST", "/v1/mm-configs"): Role.OPERATE,
    ("GET", _CONFIG): Role.READ,
    ("PUT", _CONFIG): Role.OPERATE,
    ("DELETE", _CONFIG): Role.OPERATE,
    ("POST", f"{_CONFIG}/enable"): Role.OPERATE,
    ("POST", f"{_CONFIG}/pause"): Role.OPERATE,
    ("POST", f"{_CONFIG}/resume"): Role.OPERATE,
    ("GET", f"{_CONFIG}/versions"): Role.READ,
    ("GET", f"{_CONFIG}/versions/{{version}}"): Role.READ,
    ("GET", f"{_CONFIG}/versions/{{version}}/diff"): Role.READ,
    ("POST", f"{_CONFIG}/rollback"): Role.OPERATE,
    ("POST", f"{_CONFIG}/proposals/{{proposal}}/approve"): Role.OPERATE,
    ("POST", f"{_CONFIG}/proposals/{{proposal}}/reject"): Role.OPERATE,
    ("POST", f"{_CONFIG}/drill"): Role.EMERGENCY,
    ("GET", f"{_CONFIG}/status"): Role.READ,
    ("GET", f"{_CONFIG}/quotes"): Role.READ,
    ("GET", f"{_CONFIG}/orders"): Role.READ,
    ("GET", f"{_CONFIG}/fills"): Role.READ,
    ("GET", f"{_CONFIG}/events"): Role.READ,
    ("GET", f"{_CONFIG}/depth"): Role.READ,
    ("GET", f"{_CONFIG}/series"): Role.READ,
    ("POST", f"{_CONFIG}/preview"): Role.OPERATE,
    ("GET", f"{_CONFIG}/results"): Role.READ,
    ("GET", "/v1/mm/day-start"): Role.READ,
    ("GET", "/v1/mm/instruments"): Role.READ,
    ("GET", "/v1/mm/drills"): Role.READ,
    ("GET", "/v1/mm/incidents"): Role.READ,
    ("GET", "/v1/mm/proposals"): Role.READ,
    ("GET", "/v1/mm/proposals/{proposal}"): Role.READ,
    ("GET", "/v1/mm/audit"): Role.READ,
    ("GET", "/v1/mm/audit/export"): Role.READ,
    ("GET", "/v1/mm/obligations"): Role.READ,
    ("GET", "/v1/mm/status"): Role.READ,
    ("GET", "/v1/mm/stream"): Role.READ,
    ("POST", "/v1/mm/enable"): Role.OPERATE,
    ("POST", "/v1/mm/pause"): Role.OPERATE,
    ("POST", "/v1/mm/resume"): Role.OPERATE,
    ("POST", "/v1/mm/emergency/kill"): Role.EMERGENCY,
    ("POST", "/v1/mm/emergency/flatten"): Role.EMERGENCY,
    ("POST", "/v1/mm/reset"): Role.EMERGENCY,
    ("GET", "/v1/mm/session"): None,
    ("POST", "/v1/mm/session"): None,
    ("DELETE", "/v1/mm/session"): None,
    ("GET", "/openapi.json"): Role.READ,
    ("GET", "/docs"): Role.READ,
    ("GET", "/"): None,
    ("GET", "/console/{name}"): None,
    ("GET", "/health"): None,
    ("GET", "/health/live"): None,
    ("GET", "/health/ready"): None,
}
"""(method, path template) -> the role it needs; None is open to all. A route missing here fails."""

OWNER_ROUTES = frozenset(
    {
        ("PUT", _CONFIG),
        ("DELETE", _CONFIG),
        ("POST", f"{_CONFIG}/enable"),
        ("POST", f"{_CONFIG}/pause"),
        ("POST", f"{_CONFIG}/resume"),
        ("POST", f"{_CONFIG}/drill"),
        ("POST", f"{_CONFIG}/rollback"),
        ("POST", f"{_CONFIG}/proposals/{{proposal}}/approve"),
        ("POST", f"{_CONFIG}/proposals/{{proposal}}/reject"),
        ("GET", f"{_CONFIG}/status"),
        ("GET", f"{_CONFIG}/quotes"),
        ("GET", f"{_CONFIG}/depth"),
        ("GET", f"{_CONFIG}/series"),
        ("POST", f"{_CONFIG}/preview"),
    }
)
"""What the instance that owns the symbol has to answer; all else any instance answers by itself."""

SPLIT_ROUTES = frozenset(
    {("POST", f"/v1/mm/{verb}") for verb in ("enable", "pause", "resume")}
    | {route for route, role in ACCESS.items() if role is Role.EMERGENCY and "{symbol}" not in route[1]}
)
"""What is split among the owners of the symbols that it means."""

NEVER_HELD_BACK = frozenset(
    route for route, role in ACCESS.items() if role in (None, Role.EMERGENCY) or route[1].endswith("/pause")
)
"""Health, and whatever stops quoting: however much its sender has sent before."""

_STRANGER = Principal("anonymous", frozenset(), is_known=False)


async def authorise(authenticator: Authenticator, method: str, path: str, token: str | None) -> Principal:
    """The sender of a request to this route; ProblemError 401 or 403 when it may not."""
    role = ACCESS[method, path]
    if role is None:
        return await _if_known(authenticator, token)
    return permitted(await authenticator.authenticate(token), method, path)


def permitted(principal: Principal, method: str, path: str) -> Principal:
    """A known sender, if one of its roles opens the route; else ProblemError 403."""
    role = ACCESS[method, path]
    if role is not None and not principal.may(role):
        raise RoleMissingError(principal, role)
    return principal


async def _if_known(authenticator: Authenticator, token: str | None) -> Principal:
    """Who asks a route that is open to all: somebody who may read may be told more."""
    if not authenticator.required or token is None:
        return _STRANGER
    try:
        principal = await authenticator.authenticate(token)
    except ProblemError:
        return _STRANGER
    return principal if principal.may(Role.READ) else _STRANGER
