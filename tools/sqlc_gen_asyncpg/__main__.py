"""The plugin's entry: one request in, one response out."""

import base64
import json
import sys

from tools.sqlc_gen_asyncpg.render import render_models, render_queries
from tools.sqlc_gen_asyncpg.request import Request, UnsupportedError, read_request

PACKAGE_DOC = '"""What sqlc made of `sql/schema.sql` and `sql/queries/`; `make generate` writes it."""\n'


def files(request: Request) -> dict[str, str]:
    """Every generated file, by name."""
    out = {
        "__init__.py": PACKAGE_DOC,
        "models.py": render_models(request),
    }
    for module in sorted({query.module for query in request.queries}):
        out[f"{module}.py"] = render_queries(request, module)
    return out


def main() -> int:
    """Answer sqlc; 1 and a sentence on standard error when a query cannot be expressed."""
    try:
        request = read_request(json.load(sys.stdin))
        generated = files(request)
    except UnsupportedError as error:
        sys.stderr.write(f"sqlc-gen-asyncpg: {error}\n")
        return 1
    json.dump({"files": [file_message(name, text) for name, text in sorted(generated.items())]}, sys.stdout)
    return 0


def file_message(name: str, text: str) -> dict[str, str]:
    """One file as the protocol carries it: its contents are bytes, which JSON holds in base64."""
    return {"name": name, "contents": base64.b64encode(text.encode()).decode()}


if __name__ == "__main__":
    sys.exit(main())
