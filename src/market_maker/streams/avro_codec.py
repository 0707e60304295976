"""Confluent's wire format: a zero byte, the schema's id (four bytes, big endian), the Avro body."""

import io
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from market_maker.streams.errors import (
    DecodeError,
    EncodeError,
    RegistryAwayError,
    RegistryError,
    SchemaAwayError,
)
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.writer_schema import Layout, layout, readable
from tradex_contracts import avro_schema

HEADER_BYTES = 5
_MAGIC = 0
_CORRUPT = (EOFError, ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError, struct.error)
"""What fastavro raises on bytes that are not what the schema says."""


class WriterSchema:
    """One schema that messages are written with, ready for reading."""

    __slots__ = ("_parsed", "layout", "schema_id")

    def __init__(self, schema_id: int, schema: Mapping[str, Any]) -> None:
        self.schema_id = schema_id
        self.layout: Layout = layout(schema)
        self._parsed = readable(schema)

    def read(self, value: bytes) -> dict[str, Any]:
        """The record in a message's value, header included. DecodeError when the body is corrupt."""
        body = io.BytesIO(value)
        body.seek(HEADER_BYTES)
        try:
            record = fastavro.schemaless_reader(body, self._parsed, None)
        except _CORRUPT as error:
            detail = f"body: does not fit schema {self.schema_id}: {error or type(error).__name__}"
            raise DecodeError(detail) from error
        rest = len(value) - body.tell()
        if rest:
            raise DecodeError(f"body: {rest} bytes left over after schema {self.schema_id}")
        if not isinstance(record, dict):
            raise DecodeError(f"body: schema {self.schema_id} is not a record")
        return record


class AvroDecoder:
    """Finds the writer's schema of a message, and reads with it. Used on one thread."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry
        self._schemas: dict[bytes, WriterSchema] = {}

    def schema(self, value: bytes | None) -> WriterSchema:
        """The schema that `value` was written with.

        DecodeError when the value is empty or not in wire format, or its schema cannot be had.
        """
        if value is None:
            raise DecodeError("value: is null, expected an Avro record")
        schema = self._schemas.get(value[:HEADER_BYTES])
        return schema if schema is not None else self._load(value)

    def read(self, value: bytes | None) -> dict[str, Any]:
        """The record in a message's value; DecodeError says what is wrong with it."""
        return self.schema(value).read(value or b"")

    def _load(self, value: bytes) -> WriterSchema:
        header = value[:HEADER_BYTES]
        if len(header) < HEADER_BYTES or header[0] != _MAGIC:
            raise DecodeError(
                f"value: is not in Confluent's wire format, it starts with {header.hex() or 'nothing'}"
            )
        schema_id = int.from_bytes(header[1:], "big")
        try:
            schema = WriterSchema(schema_id, self._registry.schema(schema_id))
        except RegistryAwayError as error:
            raise SchemaAwayError(f"schema: {error}") from error
        except RegistryError as error:
            raise DecodeError(f"schema: {error}") from error
        except (SchemaParseException, *_CORRUPT) as error:
            raise DecodeError(f"schema {schema_id}: is not a valid Avro schema: {error}") from error
        self._schemas[header] = schema
        return schema


class AvroEncoder:
    """Writes records of the declared schemas of `topics`, registering each schema before its first use."""

    def __init__(self, registry: SchemaRegistry, topics: Iterable[str]) -> None:
        self._registry = registry
        self._schemas = {topic: fastavro.parse_schema(dict(avro_schema(topic))) for topic in topics}
        self._headers: dict[str, bytes] = {}

    def register(self) -> None:
        """Register what is not registered yet; blocks on HTTP, so call it in a worker thread.

        RegistryError when the registry is away or refuses; what succeeded is kept.
        """
        for topic in self._schemas:
            if topic not in self._headers:
                self._headers[topic] = struct.pack(">bI", _MAGIC, self._registry.register(topic))

    def encode(self, topic: str, record: Mapping[str, Any]) -> bytes:
        """The record in wire format. EncodeError when a field is missing or of the wrong type.

        RegistryError when the topic's schema is not registered yet.
        """
        schema = self._schemas.get(topic)
        if schema is None:
            raise EncodeError(
                f"{topic}: has no declared schema here, expected one of {sorted(self._schemas)}"
            )
        header = self._headers.get(topic)
        if header is None:
            raise RegistryError(f"{topic}: its schema is not registered yet")
        body = io.BytesIO()
        body.write(header)
        try:
            fastavro.schemaless_writer(body, schema, record, strict=True)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise EncodeError(f"{topic}: the record does not fit its schema: {error!r}") from error
        return body.getvalue()
