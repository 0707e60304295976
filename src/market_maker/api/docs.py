"""The OpenAPI document as one readable page: no script, no outside host."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent) }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem }
h1 { font-size: 1.5rem } h2 { margin-top: 2.2rem; text-transform: capitalize; font-size: 1.15rem }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .45rem .8rem }
summary { cursor: pointer } summary code { font-weight: 600 }
b.m { display: inline-block; min-width: 4.2rem; font-family: ui-monospace, monospace }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }
code { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere }
.role { float: right; opacity: .75 }
"""

Json = Mapping[str, Any]


def docs_page(document: Json) -> str:
    """The whole page."""
    info = document["info"]
    paragraphs = "".join(f"<p>{_text(part)}</p>" for part in info["description"].strip().split("\n\n"))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{STYLE}</style><body>"
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>{paragraphs}"
        '<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>'
        f"<main>{''.join(_groups(document))}</main>"
        f"<h2>Schemas</h2>{''.join(_schemas(document['components']['schemas']))}</body></html>"
    )


def _groups(document: Json) -> Iterator[str]:
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tags.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    for tag, operations in tags.items():
        yield f"<h2>{escape(tag)}</h2>{''.join(operations)}"


def _operation(method: str, path: str, operation: Json) -> str:
    role = operation.get("x-required-role", "no token needed")
    paragraphs = "".join(f"<p>{_text(part)}</p>" for part in operation["description"].split("\n\n"))
    rows = [
        (f"{parameter['name']} ({parameter['in']})", _type(parameter["schema"]), parameter["description"])
        for parameter in operation.get("parameters", ())
    ]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        needed = "required" if operation["requestBody"].get("required") else "optional"
        rows.append(("body", _type(schema), needed))
    answers = [
        (status, _answer_type(response), response["description"])
        for status, response in operation["responses"].items()
    ]
    return (
        f"<details><summary><b class=m>{method.upper()}</b><code>{escape(path)}</code>"
        f"<span class=role>{escape(role)}</span></summary>{paragraphs}"
        f"{_table('Sent', rows)}{_table('Answered', answers)}</details>"
    )


def _schemas(schemas: Json) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        required = schema.get("required", ())
        rows = [
            (
                f"{field}{'' if field in required else ' (optional)'}",
                _type(value),
                value.get("description", ""),
            )
            for field, value in schema.get("properties", {}).items()
        ]
        body = _table("Field", rows) if rows else f"<p>{_type(schema)}</p>"
        text = _text(schema.get("description", ""))
        head = f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        yield f"{head}<p>{text}</p>{body}</details>"


def _table(head: str, rows: list[tuple[str, str, str]]) -> str:
    """`rows` are (name as text, type as HTML, description as text)."""
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{kind}<td>{_text(description)}"
        for name, kind, description in rows
    )
    return f"<table><tr><th>{head}<th>Type<th>Meaning{cells}</table>"


def _answer_type(response: Json) -> str:
    return " or ".join(_type(media["schema"]) for media in response.get("content", {}).values())


def _type(schema: Json) -> str:
    """A schema in a few words, as HTML."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    kind = escape(str(schema.get("format", schema.get("type", "any"))))
    bounds = [
        f"{word} {schema[key]}" for word, key in (("from", "minimum"), ("to", "maximum")) if key in schema
    ]
    default = f"default {escape(str(schema['default']))}" if "default" in schema else ""
    return " ".join(part for part in (kind, *bounds, default) if part)


def _text(markdown: str) -> str:
    """Backquotes become code; all else is text."""
    parts = escape(" ".join(markdown.split())).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
