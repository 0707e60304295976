"""The document as Markdown: what a person reads; the same as JSON is for what checks it."""

from collections.abc import Iterable, Mapping
from typing import Any

from market_maker.evidence.gather import Document


def markdown(document: Document) -> str:
    """The whole document."""
    lines = [
        f"# Controls from {document['since']} until {document['until']}",
        "",
        f"Made {document['made_at']} by version {document['version']}, from what the database recorded.",
        "Settings are those of the machine that made it, when it did: they are not recorded over time.",
    ]
    for control in document["controls"]:
        lines += ["", f"## {control['name']} ({control['article']})", "", control["what"], ""]
        lines += _control(control)
    lines += ["", "## Every change of a configuration", ""]
    lines += _table(("at", "symbol", "version", "author", "reason", "removed"), document["changes"])
    lines += ["", "## Proposals", ""]
    lines += [f"- {state}: {count}" for state, count in document["proposals"].items()] or ["None."]
    lines += ["", "## Kill switches that fired", ""]
    lines += [
        f"- {reason}: {counts['kills']} times, {counts['symbols']} symbols"
        for reason, counts in document["kills"].items()
    ] or ["None."]
    lines += ["", "## Drills", ""]
    columns = ("at", "symbol", "by", "reason", "open_orders", "halted_us", "proven_zero_us", "shadow_mode")
    lines += _table(columns, document["drills"])
    lines += ["", "## Calls that changed something", ""]
    lines += _table(("route", "calls", "people"), document["calls"])
    return "\n".join(lines) + "\n"


def _control(control: Document) -> list[str]:
    lines = [f"- setting `{name}`: {value}" for name, value in control["settings_now"].items()]
    for values in control["values"]:
        at_start = ", ".join(f"{symbol} {value}" for symbol, value in values["at_start"].items())
        lines.append(f"- `{values['field']}` at the beginning: {at_start or 'no symbol was configured'}")
        lines += [f"  - {one['at']} {one['symbol']} to {one['to']} by {one['by']}" for one in values["set"]]
    lines += [f"- test of `{name}`: `{test}`" for name, test in control["tests"].items()]
    lines += [f"- fired: {reason} {count} times" for reason, count in control["fired"].items()]
    if control["has_drills"]:
        lines.append(f"- last drill: {_last(control['last_drill'])}")
    return lines


def _last(drill: Mapping[str, Any] | None) -> str:
    if drill is None:
        return "**never**"
    proven = drill["proven_zero_us"]
    took = "zero was not proven" if proven is None else f"zero proven after {proven} us"
    return f"{drill['at']} on {drill['symbol']} by {drill['by']}, {took}"


def _table(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    body = [f"| {' | '.join(_cell(row[name]) for name in columns)} |" for row in rows]
    return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *body] if body else ["None."]


def _cell(value: object) -> str:
    """Text of people stays in its cell."""
    return "-" if value is None else str(value).replace("|", "\\|").replace("\n", " ").replace("\r", " ")
