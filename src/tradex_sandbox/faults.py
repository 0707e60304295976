"""Misbehaviour of the sandbox's services, told per operation. Pure: chance comes from a seeded generator.

A fault is taken when its operation and symbol match, `skip` matches have passed, its chance says so and
its `count` is not used up. Several may be taken by one request: delays add up, then the first that
replaces the answer does.
"""

from collections.abc import Sequence
from enum import Enum
from random import Random
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Operation(Enum):
    """What a client asks for; `ANY_ORDER` stands for the five of the Order Service."""

    PLACE = "place"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel_all"
    QUERY = "query"
    LIST = "list"
    ANY_ORDER = "any_order"
    JWKS = "jwks"
    REGISTRY = "registry"
    METADATA = "metadata"


ORDER_OPERATIONS = frozenset(
    {Operation.PLACE, Operation.CANCEL, Operation.CANCEL_ALL, Operation.QUERY, Operation.LIST}
)


class FaultKind(Enum):
    """What goes wrong."""

    DELAY = "delay"
    REFUSE = "refuse"
    """A final 4xx; nothing is done."""
    ERROR = "error"
    """A 5xx, before or after the work is done."""
    DROP = "drop"
    """The connection breaks, before or after the work is done."""
    DUPLICATE = "duplicate"
    """The work is done once and its answer is sent twice."""
    GARBAGE = "garbage"
    """The work is done and the answer's body is `body`."""
    NOT_HTTP = "not_http"
    """The work is done and the answer is not even HTTP."""
    RATE_LIMIT = "rate_limit"
    """429 with Retry-After; nothing is done."""


class Phase(Enum):
    """Whether the fault strikes before or after the work is done."""

    BEFORE = "before"
    AFTER = "after"


NEVER_DONE = frozenset({FaultKind.REFUSE, FaultKind.RATE_LIMIT})
ALWAYS_DONE = frozenset({FaultKind.DUPLICATE, FaultKind.GARBAGE, FaultKind.NOT_HTTP})
ONLY_DELAY_AND_ERROR = frozenset({Operation.METADATA, Operation.REGISTRY, Operation.JWKS})
"""Services that are late or out, but invent nothing."""
DEFAULT_STATUS = {FaultKind.REFUSE: 422, FaultKind.ERROR: 503}
DEFAULT_CODE = {
    FaultKind.REFUSE: "REFUSED",
    FaultKind.ERROR: "UNAVAILABLE",
    FaultKind.RATE_LIMIT: "RATE_LIMITED",
}


class Fault(BaseModel):
    """One fault, as the control API takes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Operation
    kind: FaultKind
    symbol: str | None = None
    """Only requests about this symbol; None: all."""
    phase: Phase | None = None
    """None: before the work, or after it for the kinds that always do it."""
    count: Annotated[int, Field(ge=1)] | None = None
    """How often; None: until it is removed."""
    skip: Annotated[int, Field(ge=0)] = 0
    """Let so many matching requests pass first."""
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    delay_ms: Annotated[float, Field(ge=0, le=600_000)] = 0.0
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    code: Annotated[str, Field(min_length=1)] | None = None
    message: str = "told to misbehave"
    retry_after_s: Annotated[float, Field(ge=0, le=3600)] = 1.0
    body: str = "<html>not what you asked for</html>"

    @property
    def strikes(self) -> Phase:
        """When it strikes."""
        return self.phase or (Phase.AFTER if self.kind in ALWAYS_DONE else Phase.BEFORE)

    @property
    def answer_status(self) -> int:
        """HTTP status of the answer that a REFUSE or an ERROR gives."""
        return self.status or DEFAULT_STATUS.get(self.kind, 500)

    @property
    def answer_code(self) -> str:
        """Code in the body of that answer."""
        return self.code or DEFAULT_CODE.get(self.kind, self.kind.name)

    @model_validator(mode="after")
    def _consistent(self) -> "Fault":
        if self.kind in NEVER_DONE and self.phase is Phase.AFTER:
            raise ValueError(f"phase: {self.kind.value} means that nothing was done; leave it out")
        if self.kind in ALWAYS_DONE and self.phase is Phase.BEFORE:
            raise ValueError(f"phase: {self.kind.value} means that the work was done; leave it out")
        if self.kind is FaultKind.DELAY and self.delay_ms == 0:
            raise ValueError("delay_ms: a delay needs milliseconds")
        if self.kind is FaultKind.REFUSE and self.answer_status >= 500:
            raise ValueError("status: refuse is a 4xx; use error for a 5xx")
        if self.kind is FaultKind.ERROR and self.answer_status < 500:
            raise ValueError("status: error is a 5xx; use refuse for a 4xx")
        if self.operation in ONLY_DELAY_AND_ERROR and self.kind not in (FaultKind.DELAY, FaultKind.ERROR):
            raise ValueError(f"kind: {self.operation.value} can have a delay or an error only")
        return self


class FaultTable:
    """The faults in force, in the order in which they were told."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._entries: dict[int, _Entry] = {}
        self._next_id = 1

    def add(self, fault: Fault) -> int:
        """Put a fault into force; its number, for `remove`."""
        number = self._next_id
        self._next_id += 1
        self._entries[number] = _Entry(fault)
        return number

    def remove(self, number: int) -> bool:
        """Take one out of force; False when there is none of that number."""
        return self._entries.pop(number, None) is not None

    def clear(self) -> None:
        """Everything behaves again."""
        self._entries.clear()

    def take(self, operation: Operation, symbol: str | None) -> Sequence[Fault]:
        """The faults that this request meets; each counts as used."""
        if not self._entries:
            return ()
        return [
            entry.fault
            for entry in self._entries.values()
            if entry.matches(operation, symbol) and entry.strikes(self._random)
        ]

    def describe(self) -> list[dict[str, Any]]:
        """Every fault with its number and how often it was met."""
        return [
            {"id": number, "taken": entry.taken, **entry.fault.model_dump(mode="json", exclude_defaults=True)}
            for number, entry in self._entries.items()
        ]


class _Entry:
    """A fault and how often it was met."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.taken = 0
        self._skipped = 0

    def matches(self, operation: Operation, symbol: str | None) -> bool:
        wanted = self.fault.operation
        if wanted is not operation and not (wanted is Operation.ANY_ORDER and operation in ORDER_OPERATIONS):
            return False
        return self.fault.symbol is None or self.fault.symbol == symbol

    def strikes(self, random: Random) -> bool:
        if self.fault.count is not None and self.taken >= self.fault.count:
            return False
        if self._skipped < self.fault.skip:
            self._skipped += 1
            return False
        if self.fault.probability < 1 and random.random() >= self.fault.probability:
            return False
        self.taken += 1
        return True
