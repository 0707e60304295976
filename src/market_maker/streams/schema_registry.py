"""The schema registry, as far as this service needs it: a schema by its id, and registration.

Every call here blocks on HTTP. Schemas are read on the poll thread, once per id; registration runs
in a worker thread at start. No retry inside a call: a registry that is down must not hold the poll
thread, so a failed id is asked again only after a pause.
"""

import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx2
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from market_maker.setting_types import redacted_url
from market_maker.streams.errors import RegistryAwayError, RegistryError
from tradex_contracts import avro_schema, subject

COMPATIBILITY = "BACKWARD"

_FAILURES = (SchemaRegistryError, httpx2.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError)
"""What the client raises: refusals, the network, and answers that are not what a registry says."""


class SchemaRegistry:
    """Reads and registers Avro schemas. Safe to use from several threads.

    `timeout_s` bounds each request; `retry_pause_s` is how long an id that could not be had counts
    as unknown without asking again. `extra` goes to Confluent's client (credentials, TLS).
    """

    def __init__(
        self,
        url: str,
        extra: Mapping[str, object] | None = None,
        *,
        timeout_s: float = 1.0,
        retry_pause_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = SchemaRegistryClient(
            {**(extra or {}), "url": url, "timeout": timeout_s, "max.retries": 0}
        )
        self._url = redacted_url(url)
        """As it may be shown."""
        self._retry_pause_s = retry_pause_s
        self._clock = clock
        self._schemas: dict[int, dict[str, Any]] = {}
        self._failed: dict[int, tuple[float, RegistryError]] = {}

    def schema(self, schema_id: int) -> dict[str, Any]:
        """The parsed Avro schema of an id.

        RegistryAwayError when it cannot be had now, RegistryError when the registry has none of use.
        """
        known = self._schemas.get(schema_id)
        if known is not None:
            return known
        failed = self._failed.get(schema_id)
        if failed is not None and self._clock() < failed[0]:
            raise type(failed[1])(str(failed[1]))
        try:
            schema = self._fetch(schema_id)
        except RegistryError as error:
            self._failed[schema_id] = (self._clock() + self._retry_pause_s, error)
            raise
        self._failed.pop(schema_id, None)
        self._schemas[schema_id] = schema
        return schema

    def _fetch(self, schema_id: int) -> dict[str, Any]:
        try:
            answer = self._client.get_schema(schema_id)
            if (answer.schema_type or "AVRO") != "AVRO" or answer.references:
                raise RegistryError(
                    f"schema {schema_id}: expected a self-contained AVRO schema, got {answer.schema_type}"
                )
            schema = json.loads(answer.schema_str or "")
        except _FAILURES as error:
            kind = RegistryAwayError if _may_pass(error) else RegistryError
            raise kind(f"schema {schema_id}: registry {self._url} failed: {error}") from error
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise RegistryError(f"schema {schema_id}: expected an Avro record")
        return schema

    def register(self, topic: str) -> int:
        """Register the declared schema of a topic's value, BACKWARD compatible; returns its id.

        RegistryError when the registry is away or finds the schema incompatible.
        """
        name = subject(topic)
        try:
            self._client.set_compatibility(subject_name=name, level=COMPATIBILITY)
            return self._client.register_schema(name, Schema(json.dumps(avro_schema(topic)), "AVRO"))
        except _FAILURES as error:
            raise RegistryError(f"subject {name}: registry {self._url} refused: {error}") from error

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()


def _may_pass(error: Exception) -> bool:
    """Whether a failure tells of the registry's state, rather than of what was asked for."""
    if isinstance(error, SchemaRegistryError):
        return bool(error.http_status_code >= HTTPStatus.INTERNAL_SERVER_ERROR)
    return isinstance(error, httpx2.HTTPError | OSError)
