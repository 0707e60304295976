"""PostgreSQL types and the Python types that asyncpg gives and takes for them, without any codec set."""

_PYTHON_TYPES = {
    "bool": "bool",
    "boolean": "bool",
    "int2": "int",
    "int4": "int",
    "int8": "int",
    "integer": "int",
    "bigint": "int",
    "numeric": "Decimal",
    "text": "str",
    "varchar": "str",
    "jsonb": "str",
    "bytea": "bytes",
    "uuid": "UUID",
    "timestamptz": "datetime",
}

IMPORTS = {
    "Sequence": "from collections.abc import Sequence",
    "dataclass": "from dataclasses import dataclass",
    "datetime": "from datetime import datetime",
    "Decimal": "from decimal import Decimal",
    "UUID": "from uuid import UUID",
}
"""The import that a name in the generated code needs, in the order in which they are written."""


def python_type(postgres_type: str) -> str | None:
    """The annotation for a PostgreSQL type, None for one that is not known.

    Binary floating point is missing on purpose: nothing here may pass through it.
    """
    return _PYTHON_TYPES.get(postgres_type.removeprefix("pg_catalog."))
