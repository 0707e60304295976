"""The OpenAPI document: what FastAPI derives, plus what holds for every route."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from market_maker.api.problems import ProblemDetails, documented
from market_maker.api.security import ACCESS, Role

_REF = "#/components/schemas/{model}"
_DESCRIPTION = """Configuration, control and status of the market maker.

Decimals are strings in answers; requests take strings or JSON numbers, read exactly as written.
Times are RFC 3339, UTC. Every error is a problem document (RFC 9457) with a stable `code`.
Unknown fields and unknown query parameters are refused.

Where tokens are asked for, send `Authorization: Bearer` and one of the Auth Service's whose claim `roles`
carries `mm:read` (all GET), `mm:operate` (configuration, enable, pause, resume) or `mm:emergency` (kill,
flatten, reset, drill). `mm:risk` is `mm:operate` and owns the limits where the service says so. All include
reading. Every route says which one it needs.
"""


def build_openapi(app: FastAPI, auth_required: bool) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemDetails.model_json_schema(ref_template=_REF)
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    if auth_required:
        bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        document["components"]["securitySchemes"] = {"bearer": bearer}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            role = ACCESS[method.upper(), path]
            _complete(operation, method, role, auth_required)
            if role is not None:
                operation["x-required-role"] = role.value
    return document


def _complete(operation: dict[str, Any], method: str, role: Role | None, auth_required: bool) -> None:
    """Add the answers that any route may give."""
    common = [HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR]
    if role in (Role.READ, Role.OPERATE):
        common += [HTTPStatus.TOO_MANY_REQUESTS]
    if auth_required and role is not None:
        operation["security"] = [{"bearer": []}]
        common += [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE]
    elif method != "get":
        common += [HTTPStatus.FORBIDDEN]
    responses = operation["responses"]
    for status, response in documented(*common).items():
        default = responses.get(str(status))
        if default is None or "HTTPValidationError" in str(default):
            responses[str(status)] = response
    operation["responses"] = dict(sorted(responses.items()))
