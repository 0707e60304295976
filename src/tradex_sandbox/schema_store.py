"""The schemas of the sandbox's registry: subjects, versions, ids and compatibility levels, in memory."""

import json
from dataclasses import dataclass
from typing import Any

import fastavro

from tradex_sandbox.schema_compatibility import unreadable

LEVELS = (
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
)
DEFAULT_LEVEL = "BACKWARD"


class RegistryError(Exception):
    """A refusal in the registry's own terms: HTTP `status`, `error_code` and a message."""

    def __init__(self, status: int, error_code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """One version of a subject. `schema_id` is the same wherever the same schema is registered."""

    subject: str
    version: int
    schema_id: int
    text: str
    parsed: Any


class SchemaStore:
    """Subjects in order of registration; ids count from 1."""

    def __init__(self) -> None:
        self._subjects: dict[str, list[RegisteredSchema]] = {}
        self._ids: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._levels: dict[str, str] = {}
        self._default_level = DEFAULT_LEVEL

    def subjects(self) -> list[str]:
        """Every subject with at least one version."""
        return list(self._subjects)

    def versions(self, subject: str) -> list[RegisteredSchema]:
        """All versions of a subject, oldest first. Raises RegistryError 40401."""
        if subject not in self._subjects:
            raise RegistryError(404, 40401, f"Subject '{subject}' not found.")
        return self._subjects[subject]

    def version(self, subject: str, version: str) -> RegisteredSchema:
        """One version: a number, or `latest`. Raises RegistryError 40401, 40402 or 42202."""
        versions = self.versions(subject)
        if version in ("latest", "-1"):
            return versions[-1]
        if not version.isdecimal():
            raise RegistryError(422, 42202, f"The version '{version}' is neither a number nor 'latest'.")
        found = next((entry for entry in versions if entry.version == int(version)), None)
        if found is None:
            raise RegistryError(404, 40402, f"Version {version} not found.")
        return found

    def text(self, schema_id: int) -> str:
        """The schema behind an id. Raises RegistryError 40403."""
        if schema_id not in self._texts:
            raise RegistryError(404, 40403, f"Schema {schema_id} not found.")
        return self._texts[schema_id]

    def uses(self, schema_id: int) -> list[RegisteredSchema]:
        """Every version that carries a schema id. Raises RegistryError 40403."""
        self.text(schema_id)
        return [
            entry for entries in self._subjects.values() for entry in entries if entry.schema_id == schema_id
        ]

    def register(self, subject: str, text: str) -> RegisteredSchema:
        """Add a version, or answer the one that is already there.

        Raises RegistryError 42201 for what is not Avro and 409 for what the subject's level forbids.
        """
        parsed = parse(text)
        known = self._find(subject, parsed)
        if known is not None:
            return known
        problems = self.incompatibilities(subject, parsed)
        if problems:
            raise RegistryError(
                409, 409, f"The schema is not {self.level(subject)} compatible: {'; '.join(problems)}"
            )
        key = _key(parsed)
        schema_id = self._ids.setdefault(key, len(self._ids) + 1)
        self._texts.setdefault(schema_id, text)
        versions = self._subjects.setdefault(subject, [])
        entry = RegisteredSchema(subject, len(versions) + 1, schema_id, text, parsed)
        versions.append(entry)
        return entry

    def lookup(self, subject: str, text: str) -> RegisteredSchema:
        """The version of a subject that has this schema. Raises RegistryError 40401 or 40403."""
        self.versions(subject)
        found = self._find(subject, parse(text))
        if found is None:
            raise RegistryError(404, 40403, "Schema not found.")
        return found

    def level(self, subject: str | None = None) -> str:
        """The compatibility level in force for a subject, or the general one."""
        return self._levels.get(subject or "", self._default_level)

    def set_level(self, level: str, subject: str | None = None) -> None:
        """Set a level. Raises RegistryError 42203 for an unknown one."""
        if level not in LEVELS:
            raise RegistryError(
                422, 42203, f"Invalid compatibility level '{level}': use {', '.join(LEVELS)}."
            )
        if subject is None:
            self._default_level = level
        else:
            self._levels[subject] = level

    def incompatibilities(self, subject: str, parsed: Any, against: str | None = None) -> list[str]:
        """What the subject's level has against a new schema, compared with `against` or as the level says."""
        level = self.level(subject)
        if level == "NONE" or subject not in self._subjects:
            return []
        if against is not None:
            earlier = [self.version(subject, against)]
        elif level.endswith("_TRANSITIVE"):
            earlier = list(reversed(self._subjects[subject]))
        else:
            earlier = self._subjects[subject][-1:]
        problems: list[str] = []
        for entry in earlier:
            if level.startswith(("BACKWARD", "FULL")):
                problems += unreadable(reader=parsed, writer=entry.parsed)
            if level.startswith(("FORWARD", "FULL")):
                problems += unreadable(reader=entry.parsed, writer=parsed)
        return problems

    def _find(self, subject: str, parsed: Any) -> RegisteredSchema | None:
        key = _key(parsed)
        return next((entry for entry in self._subjects.get(subject, ()) if _key(entry.parsed) == key), None)


def parse(text: str) -> Any:
    """A schema's JSON, checked to be Avro. Raises RegistryError 42201."""
    try:
        parsed = json.loads(text)
        fastavro.parse_schema(parsed, _force=True)
    except (ValueError, KeyError, TypeError, fastavro.schema.SchemaParseException) as error:
        raise RegistryError(422, 42201, f"The schema is not valid Avro: {error!r}") from error
    return parsed


def schema_text(parsed: Any) -> str:
    """A schema as one line of JSON."""
    return json.dumps(parsed, separators=(",", ":"))


def _key(parsed: Any) -> str:
    return json.dumps(parsed, sort_keys=True, separators=(",", ":"))
