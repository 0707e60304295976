"""What passes between the engine and a quoting model: the interface, and nothing that computes.

Units, everywhere: prices and distances in ticks, time in seconds, the position q in order sizes (position x
price / `order_size_usdt`, signed), sigma in ticks per square root of a second, A per second and side, k per
tick.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from market_maker.core.side import Side


class Context(NamedTuple):
    """What a model is asked about."""

    fair_ticks: Decimal
    """The fair value, in ticks."""
    position: Decimal
    """Signed, in order sizes."""
    inventory_norm: Decimal
    """The inventory over `max_position_usdt`, from -1 to 1."""


class Step(NamedTuple):
    """One figure of an explanation."""

    name: str
    value: Decimal
    unit: str
    says: str
    """Where it comes from or what it does, for people."""


class Proposal(NamedTuple):
    """Where to quote. The engine adds outer levels, rounds, clamps and checks.

    Distances are from the centre and not negative; sizes are multiples of the order size. A value that is
    no finite decimal of reasonable size, in a step as well, or negative where it may not be, means no quote.
    """

    centre_ticks: Decimal
    bid_half_ticks: Decimal
    ask_half_ticks: Decimal
    bid_size: Decimal
    ask_size: Decimal
    steps: tuple[Step, ...]


class NotReady(NamedTuple):
    """A model cannot quote with what it knows; `linear_skew` quotes in its place."""

    code: str
    """Stable, for metrics: too_few_samples, no_decay, poor_fit ..."""
    detail: str
    """The same for people, with figures."""


# --- what a model is told, by the exchange's clock (microseconds since 1970) ---------------------


class BookSeen(NamedTuple):
    """The book changed; others' mid in half ticks, None while there is none."""

    at_us: int
    mid_half_ticks: int | None


class TradeSeen(NamedTuple):
    """A public trade, of others or of ours."""

    at_us: int
    taker_side: Side
    price_ticks: int


class QuotedAt(NamedTuple):
    """Quotes stood between these distances from the mid, in half ticks."""

    nearest: int
    deepest: int
    own: bool = True
    """The model's; else the formula's, in place of a model that is not ready."""


Seen = BookSeen | TradeSeen | QuotedAt


class QuotingModel(Protocol):
    """A model of one symbol with its parameters."""

    def propose(self, context: Context) -> Proposal | NotReady:
        """Where to quote now. Changes nothing."""

    def learn(self, seen: Seen) -> None:
        """Take in what happened, in order; bounded memory."""

    def checkpoint(self) -> str:
        """All that was learned, as text; empty when there is nothing."""

    def restore(self, text: str) -> None:
        """Take over what a model of the same name learned; ValueError when that cannot be read."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that the desk sets for a model. `low` and `high` are included."""

    name: str
    unit: str
    low: str
    """0, a power of ten, or one in a fraction such as 0.0001."""
    high: str
    """One digit followed by zeros."""
    default: Decimal
    says: str
    """What it does, in one sentence."""


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A model that can be chosen. What an installed package registers is one of these."""

    name: str
    says: str
    parameters: tuple[Parameter, ...]
    make: Callable[[Mapping[str, Decimal]], QuotingModel] | None
    """Given every parameter by name. None: the formula that `pricing.quoting` computes in integers."""
