"""Prints the runbook's section for each kill reason as JSON; `make generate` writes it, a test keeps it true.

The console shows it beside an incident.
"""

import json
import re
import sys
from pathlib import Path

from market_maker.core.states import KillReason

RUNBOOK = Path(__file__).parents[1] / "docs/runbook.md"


def sections(runbook: str) -> dict[str, str]:
    """The text below `### REASON`, up to the next heading."""
    found = re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", runbook, re.MULTILINE | re.DOTALL)
    texts = {name: text.strip() for name, text in found}
    return {reason.value: texts[reason.value] for reason in KillReason}


def page() -> str:
    """The whole file."""
    return json.dumps(sections(RUNBOOK.read_text("utf-8")), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
