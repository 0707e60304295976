"""What the service would refuse of a plan, asked without changing anything."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mmctl.client import Client
from mmctl.failures import Exit, Failure
from mmctl.output import cell
from mmctl.plan import PlanStep


def refusals(client: Client, steps: Sequence[PlanStep], *, confirmed: bool) -> dict[str, Failure]:
    """What the service would refuse, by symbol, without changing anything. Raises Failure."""
    refused: dict[str, Failure] = {}
    creates = any(step.creates for step in steps)
    listed = {one["symbol"] for one in client.get("/v1/mm/instruments")["items"]} if creates else set()
    fields = _fields(client) if creates else {}
    for step in steps:
        try:
            if step.creates:
                _try_create(step, listed, fields)
            elif step.changes:
                _try_change(client, step, confirmed=confirmed)
        except Failure as failure:
            refused[step.symbol] = failure
    return refused


def _try_change(client: Client, step: PlanStep, *, confirmed: bool) -> None:
    path = f"/v1/mm-configs/{step.symbol}/preview"
    asked = client.ask("POST", path, step.changes)[1]["needs_confirm"]
    if asked and not confirmed:
        said = "; ".join(f"{one['field']}: {one['detail']}" for one in asked)
        raise Failure(Exit.REFUSED, f"needs --confirm: {said}")


def _try_create(step: PlanStep, listed: Collection[str], fields: Mapping[str, Any]) -> None:
    if step.symbol not in listed:
        raise Failure(Exit.REFUSED, "the exchange does not list it: GET /v1/mm/instruments says what it does")
    wrong = [f"{name}: is not a field: remove it" for name in step.changes if name not in fields]
    wrong += [
        f"{name}: {cell(value)} is out of range or of the wrong kind"
        for name, value in step.changes.items()
        if name in fields and not _fits(fields[name], value)
    ]
    if wrong:
        raise Failure(Exit.REFUSED, "; ".join(wrong))


def _fields(client: Client) -> dict[str, Mapping[str, Any]]:
    """What the service documents of each field of a new configuration."""
    schemas = client.get("/openapi.json")["components"]["schemas"]
    return {
        name: schemas[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        for name, one in schemas["ConfigCreate"]["properties"].items()
    }


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether one field is as the service documents it: kind, range, pattern and choice."""
    if "anyOf" in schema:
        return any(_fits(one, value) for one in schema["anyOf"])
    if "enum" in schema and value not in schema["enum"]:
        return False
    match schema.get("type"):
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str) and re.fullmatch(schema.get("pattern", ".*"), value) is not None
        case "number" | "integer" as kind:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            in_range = schema["minimum"] <= value <= schema["maximum"]
            return in_range and (kind == "number" or value == int(value))
        case "object":
            known = schema.get("properties", {})
            return isinstance(value, Mapping) and all(
                name in known and _fits(known[name], one) for name, one in value.items()
            )
        case _:
            return True
