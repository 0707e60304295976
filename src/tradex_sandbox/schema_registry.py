"""A Schema Registry: the HTTP routes that Confluent's clients use, over a `SchemaStore`.

Avro only, no references, no deletion, no contexts. Associations, which new serializers ask for
before they fall back to the topic's name, are always empty.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tradex_sandbox.schema_store import RegisteredSchema, RegistryError, SchemaStore, parse

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"

Handler = Callable[[web.Request], Awaitable[web.Response]]


class SchemaRegistry:
    """The routes. `gate` is asked before each request and may raise RegistryError (an outage)."""

    def __init__(self, store: SchemaStore, gate: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        """The registry's paths, at the root as Confluent's are."""
        return [
            web.get("/subjects", self._answered(self._subjects)),
            web.post("/subjects/{subject}", self._answered(self._lookup)),
            web.get("/subjects/{subject}/versions", self._answered(self._versions)),
            web.post("/subjects/{subject}/versions", self._answered(self._register)),
            web.get("/subjects/{subject}/versions/{version}", self._answered(self._version)),
            web.get("/schemas/types", self._answered(self._types)),
            web.get("/schemas/ids/{id}", self._answered(self._schema)),
            web.get("/schemas/ids/{id}/versions", self._answered(self._uses)),
            web.get("/config", self._answered(self._level)),
            web.put("/config", self._answered(self._set_level)),
            web.get("/config/{subject}", self._answered(self._level)),
            web.put("/config/{subject}", self._answered(self._set_level)),
            web.post(
                "/compatibility/subjects/{subject}/versions/{version}", self._answered(self._compatible)
            ),
            web.post("/compatibility/subjects/{subject}/versions", self._answered(self._compatible)),
            web.get("/associations/resources/{namespace}/{name}", self._answered(self._associations)),
        ]

    def _answered(self, handle: Callable[[web.Request], Awaitable[Any]]) -> Handler:
        """A route that answers JSON, and a RegistryError as the registry's own error body."""

        async def route(request: web.Request) -> web.Response:
            try:
                await self._gate()
                return _json(await handle(request))
            except RegistryError as error:
                return _json({"error_code": error.error_code, "message": str(error)}, error.status)

        return route

    async def _subjects(self, _request: web.Request) -> list[str]:
        return self._store.subjects()

    async def _versions(self, request: web.Request) -> list[int]:
        return [entry.version for entry in self._store.versions(request.match_info["subject"])]

    async def _version(self, request: web.Request) -> dict[str, Any]:
        return _described(self._store.version(request.match_info["subject"], request.match_info["version"]))

    async def _register(self, request: web.Request) -> dict[str, Any]:
        text = await _schema_of(request)
        return _described(self._store.register(request.match_info["subject"], text))

    async def _lookup(self, request: web.Request) -> dict[str, Any]:
        text = await _schema_of(request)
        return _described(self._store.lookup(request.match_info["subject"], text))

    async def _types(self, _request: web.Request) -> list[str]:
        return ["AVRO"]

    async def _schema(self, request: web.Request) -> dict[str, Any]:
        return {"schema": self._store.text(_schema_id(request)), "schemaType": "AVRO"}

    async def _uses(self, request: web.Request) -> list[dict[str, Any]]:
        uses = self._store.uses(_schema_id(request))
        return [{"subject": entry.subject, "version": entry.version} for entry in uses]

    async def _level(self, request: web.Request) -> dict[str, str]:
        return {"compatibilityLevel": self._store.level(request.match_info.get("subject"))}

    async def _set_level(self, request: web.Request) -> dict[str, str]:
        level = str((await _object_of(request)).get("compatibility", "")).upper()
        self._store.set_level(level, request.match_info.get("subject"))
        return {"compatibility": level}

    async def _compatible(self, request: web.Request) -> dict[str, Any]:
        subject, version = request.match_info["subject"], request.match_info.get("version")
        self._store.versions(subject)
        problems = self._store.incompatibilities(subject, parse(await _schema_of(request)), version)
        return {"is_compatible": not problems, "messages": problems}

    async def _associations(self, _request: web.Request) -> list[Any]:
        return []


def _described(entry: RegisteredSchema) -> dict[str, Any]:
    return {
        "subject": entry.subject,
        "version": entry.version,
        "id": entry.schema_id,
        "schemaType": "AVRO",
        "schema": entry.text,
    }


def _schema_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not text.isdecimal():
        raise RegistryError(404, 40403, f"Schema {text} not found.")
    return int(text)


async def _object_of(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise RegistryError(400, 40001, f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise RegistryError(400, 40001, "The body is not a JSON object.")
    return body


async def _schema_of(request: web.Request) -> str:
    body = await _object_of(request)
    if body.get("schemaType", "AVRO") != "AVRO" or body.get("references"):
        raise RegistryError(422, 42201, "Only schemaType AVRO without references is supported.")
    text = body.get("schema")
    if not isinstance(text, str):
        raise RegistryError(422, 42201, "The field 'schema' must be a string.")
    return text


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type=CONTENT_TYPE)
