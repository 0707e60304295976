"""Prints docs/settings.md from the settings themselves; `make generate` writes it, a test keeps it true."""

import sys

from market_maker.guard.settings import own_variables
from market_maker.maintenance.settings import own_variables as retentions
from market_maker.settings import variables

HEAD = """# Settings

Every setting is an environment variable. Durations are written as in Go: `100ms`, `5s`, `1m30s`; booleans
are `true` or `false`. An empty variable counts as not set. Made by `make generate` from
`src/market_maker/settings.py`; those that only `market-maker guard` or `market-maker maintain` reads say so.

| variable | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The page as Markdown."""
    rows = []
    for variable in (*variables(), *own_variables(), *retentions()):
        default = (
            "**required**"
            if variable.required
            else f"`{variable.default}`"
            if variable.default
            else "not set"
        )
        rows.append(f"| `{variable.name}` | {default} | {variable.help} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
