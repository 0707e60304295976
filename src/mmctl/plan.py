"""From what a file says to what has to be done, and how that went, symbol by symbol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from mmctl.client import Client
from mmctl.failures import Exit, Failure


@dataclass(frozen=True, slots=True)
class PlanStep:
    """What has to be done for one symbol."""

    symbol: str
    creates: bool
    replaces: int | None
    """The version that was looked at."""
    changes: Mapping[str, Any]
    present: Mapping[str, Any] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """In a word."""
        if self.creates:
            return "create"
        return "change" if self.changes else "unchanged"

    def rows(self) -> list[dict[str, Any]]:
        """One row a field."""
        head = {"symbol": self.symbol, "action": self.action}
        return [
            {**head, "field": name, "before": self.present.get(name), "after": value}
            for name, value in self.changes.items()
        ] or [{**head, "field": None, "before": None, "after": None}]


@dataclass(frozen=True, slots=True)
class StepResult:
    """How it went."""

    step: PlanStep
    result: str
    failure: Failure | None = None
    waits: bool = False

    def row(self) -> dict[str, Any]:
        """As it is shown."""
        return {"symbol": self.step.symbol, "action": self.step.action, "result": self.result}


def plan(client: Client, wanted: Sequence[Mapping[str, Any]]) -> list[PlanStep]:
    """What leads from what is to what is wanted. Raises Failure."""
    return [_step(client, one) for one in wanted]


def apply_step(
    client: Client, step: PlanStep, reason: str, *, confirmed: bool, dry_run: bool = False
) -> StepResult:
    """Do it; in a dry run the service checks it as a whole and changes nothing."""
    if not step.changes and not step.creates:
        return StepResult(step, "as it was")
    body = {**step.changes, "reason": reason} | ({"dry_run": True} if dry_run else {})
    try:
        if step.creates:
            client.ask("POST", "/v1/mm-configs", {"symbol": step.symbol, **body})
            return StepResult(step, "created, PAUSED")
        body |= {"replaces": step.replaces} | ({"confirm": True} if confirmed else {})
        status, answer = client.ask("PUT", f"/v1/mm-configs/{step.symbol}", body)
    except Failure as failure:
        hint = " (here: --confirm)" if "CONFIRMATION_NEEDED" in str(failure) else ""
        return StepResult(step, f"{failure}{hint}", failure)
    if dry_run and status == 202:
        return StepResult(step, "would wait for a second person", waits=True)
    if status == 202:
        return StepResult(step, f"waits for a second person: proposal {answer['id']}", waits=True)
    return StepResult(step, "changed")


def _step(client: Client, wanted: Mapping[str, Any]) -> PlanStep:
    symbol = wanted["symbol"]
    fields = {name: value for name, value in wanted.items() if name != "symbol"}
    try:
        [newest] = client.get(f"/v1/mm-configs/{symbol}/versions", limit=1)["items"]
    except Failure as failure:
        if failure.code is not Exit.NOT_FOUND:
            raise
        return PlanStep(symbol, creates=True, replaces=None, changes=fields)
    present = newest["config"]
    if present is None:
        return PlanStep(symbol, creates=True, replaces=None, changes=fields)
    changes = {
        name: value
        for name, value in fields.items()
        if name not in present or not _same(present[name], value)
    }
    return PlanStep(symbol, creates=False, replaces=newest["version"], changes=changes, present=present)


def _same(present: Any, wanted: Any) -> bool:
    """Whether a value is so already; `10` and `"10.0"` are the same amount."""
    if isinstance(present, bool) or isinstance(wanted, bool):
        return present is wanted
    try:
        return Decimal(str(present)) == Decimal(str(wanted))
    except InvalidOperation:
        return bool(present == wanted)
