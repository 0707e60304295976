"""Writes docs/api from the OpenAPI document and recorded examples: `make generate`. A test keeps it true.

One page a subject (the tags of the routes) and one of all records. The examples are recorded by
`tests/acceptance/test_api_examples.py`, which calls each route on the running service.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from market_maker.api.app import create_app
from market_maker.api.openapi import build_openapi
from market_maker.api.security import ACCESS, NoAuth

PAGES: Final = Path(__file__).parents[1] / "docs/api"
EXAMPLES: Final = PAGES / "examples.json"
MADE: Final = (
    "Made by `make generate` from the service's OpenAPI document and calls of the running service.\n"
)
SUBJECTS: Final = {
    "configuration": "Configurations, their versions, proposals and previews",
    "control": "Enable, pause, resume",
    "emergency": "Kill, flatten, reset, drills",
    "status": "Status, quotes, book and streams",
    "history": "Orders, fills, events, audit",
    "results": "Results and obligations",
    "session": "Signing in from a browser",
    "health": "Health",
}
HEAD: Final = f"""# Every route of the admin API

{MADE}
Each example was a request to the running service, and `tests/acceptance/test_api_examples.py` sends it
again: fields, types and status are what the service answers today. Lists are shown with their first item.
Decimals are strings in answers; requests take strings or JSON numbers. Times are RFC 3339, UTC. Errors are
problem documents (RFC 9457) with a stable `code`. Unknown fields and parameters are refused. Where tokens are
asked for ([access](../access.md)), add `-H "Authorization: Bearer $TOKEN"` to each call; every route says the
role that it needs. The same for programs: `/openapi.json`. What fields mean: [records](records.md).

| route | what it does | role |
|---|---|---|
"""


class Example(NamedTuple):
    """One call and its answer."""

    method: str
    path: str
    note: str
    """What is special about it; empty for the usual case."""
    body: dict[str, Any] | None
    status: int
    media: str
    answer: Any


def examples() -> list[Example]:
    """Those that are recorded."""
    return [Example(**one) for one in json.loads(EXAMPLES.read_text("utf-8"))]


def route_of(example: Example) -> str:
    """Method and path template of its route."""
    path = example.path.partition("?")[0]
    for method, template in ACCESS:
        if method == example.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return f"{method} {template}"
    raise ValueError(f"{example.method} {path} is no route")


def document() -> dict[str, Any]:
    """The OpenAPI document of a service that asks for tokens."""
    nobody: Any = object()
    return build_openapi(create_app(nobody, NoAuth(), "", nobody), auth_required=True)


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    whole = document()
    by_route: dict[str, list[Example]] = {}
    for one in examples():
        by_route.setdefault(route_of(one), []).append(one)
    found = {
        "README.md": HEAD + "".join(_index(whole)),
        "records.md": _records(whole["components"]["schemas"]),
    }
    for subject, title in SUBJECTS.items():
        parts = [
            _route(route, operation, by_route.get(route, [])) for route, operation in _routes(whole, subject)
        ]
        found[f"{subject}.md"] = f"# {title}\n\n{MADE}\n" + "\n".join(parts)
    return found


def _routes(whole: Mapping[str, Any], subject: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            if subject in (None, operation["tags"][0]):
                yield f"{method.upper()} {path}", operation


def _index(whole: Mapping[str, Any]) -> Iterator[str]:
    for subject in SUBJECTS:
        for route, operation in _routes(whole, subject):
            says = operation["description"].partition("\n\n")[0].replace("\n", " ")
            role = operation.get("x-required-role", "none")
            yield f"| [`{route}`]({subject}.md#{_anchor(route)}) | {says} | {role} |\n"


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _route(route: str, operation: Mapping[str, Any], recorded: list[Example]) -> str:
    lines = [f"## {route}", "", operation["description"], ""]
    if role := operation.get("x-required-role"):
        lines += [f"Role: `{role}`.", ""]
    given = operation.get("parameters", [])
    if given:
        lines += ["| parameter | in | type | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{one['name']}` | {one['in']} | {_type(one['schema'])} | {_says(one)} |" for one in given
        ]
        lines.append("")
    if body := operation.get("requestBody"):
        kind = _type(body["content"]["application/json"]["schema"])
        lines += [f"Body: {kind}{'' if body.get('required') else ', may be left out'}.", ""]
    answers = operation["responses"]
    made = [
        f"{status} {_type(one['content']['application/json'].get('schema', {}))}"
        for status, one in answers.items()
        if status < "300" and "application/json" in one.get("content", {})
    ]
    if made:
        lines += [f"Answers: {', '.join(made)}; refusals: {', '.join(s for s in answers if s >= '400')}.", ""]
    for example in recorded:
        lines += _shown(example)
    return "\n".join(lines)


def _shown(example: Example) -> Iterator[str]:
    if example.note:
        yield f"Where {example.note}:"
        yield ""
    yield "```sh"
    quoted = (
        f"'http://127.0.0.1:8080{example.path}'"
        if "?" in example.path
        else f"http://127.0.0.1:8080{example.path}"
    )
    method = "" if example.method == "GET" else f"-X {example.method} "
    if example.body is None:
        yield f"curl -s {method}{quoted}"
    else:
        yield f"curl -s {method}{quoted} -H 'Content-Type: application/json' \\"
        yield f"  -d '{json.dumps(example.body, ensure_ascii=False)}'"
    yield "```"
    yield ""
    if example.answer == "":
        yield f"Answer: {example.status}, empty."
    else:
        is_json = example.media == "application/json"
        yield f"Answer: {example.status}"
        yield ""
        yield "```json" if is_json else "```"
        text = (
            json.dumps(example.answer, indent=2, ensure_ascii=False) if is_json else example.answer.rstrip()
        )
        yield text.replace("\r", "")
        yield "```"
    yield ""


def _records(schemas: Mapping[str, Any]) -> str:
    lines = ["# Records of requests and answers", "", MADE]
    for name in sorted(schemas):
        schema = schemas[name]
        lines += [f"## {name}", ""]
        if says := schema.get("description"):
            lines += [says, ""]
        if "enum" in schema:
            lines += [", ".join(f"`{one}`" for one in schema["enum"]) + ".", ""]
        fields = schema.get("properties", {})
        if not fields:
            continue
        required = schema.get("required", ())
        lines += ["| field | type | meaning |", "|---|---|---|"]
        for field, one in fields.items():
            optional = "" if field in required else ", may be left out"
            lines.append(f"| `{field}` | {_type(one)}{optional} | {_says(one)} |")
        lines.append("")
    return "\n".join(lines)


def _says(one: Mapping[str, Any]) -> str:
    says = one.get("description", "").replace("\n", " ").replace("|", "\\|")
    schema = one.get("schema", one)
    default = schema.get("default")
    return says if default in (None, [], {}) else f"{says} Default: `{json.dumps(default)}`.".strip()


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if ref := schema.get("$ref"):
        name = ref.rpartition("/")[2]
        return f"[{name}](records.md#{_anchor(name)})"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(map(_type, options)))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(inner := schema.get("additionalProperties"), Mapping) and inner:
        return f"object of {_type(inner)}"
    bounds = [
        f"{sign} {schema[name]:g}" if isinstance(schema[name], float) else f"{sign} {schema[name]}"
        for name, sign in (("minimum", "from"), ("maximum", "to"))
        if name in schema
    ]
    return " ".join([schema.get("format") or kind, *bounds])


def main(directory: Path) -> None:
    """Write every page."""
    for name, text in pages().items():
        (directory / name).write_text(text.rstrip("\n") + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
