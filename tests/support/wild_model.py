"""A quoting model that proposes anything: usable, negative, huge, no number, or no decimal at all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from random import Random

from market_maker.core.pricing.models import registry
from market_maker.core.pricing.models.proposal import (
    Context,
    ModelKind,
    NotReady,
    Parameter,
    Proposal,
    QuotingModel,
    Seen,
)

NAME = "wild"
ANYTHING = (
    *map(
        Decimal,
        ("0", "1", "-1", "0.5", "7", "20", "NaN", "sNaN", "Infinity", "-Infinity", "1e17", "1e400", "-0"),
    ),
    None,
    1.5,
    "5",
)


class Wild:
    """Draws from `ANYTHING` by what it is asked; the same question has the same answer."""

    def __init__(self, values: Mapping[str, Decimal]) -> None:
        self._seed = values["seed"]
        self.seen = 0

    def propose(self, context: Context) -> Proposal | NotReady:
        """Often something usable, so that orders are placed."""
        rng = Random(f"{self._seed} {context} {self.seen}")  # noqa: S311 - chance of a test
        if rng.random() < 0.05:
            return NotReady("wild", "not now")
        centre = context.fair_ticks + rng.choice((0, 0, 0, -30, 30))
        usable = [
            centre,
            Decimal(rng.choice((0, 3, 12))),
            Decimal(rng.choice((0, 3, 12))),
            Decimal(1),
            Decimal(2),
        ]
        if rng.random() < 0.4:
            usable[rng.randrange(5)] = rng.choice(ANYTHING)  # type: ignore[assignment]  # that is the point
        return Proposal(usable[0], usable[1], usable[2], usable[3], usable[4], ())

    def learn(self, seen: Seen) -> None:  # noqa: ARG002 - the signature of all models
        """Count it."""
        self.seen += 1

    def checkpoint(self) -> str:
        """The count."""
        return str(self.seen)

    def restore(self, text: str) -> None:
        """The count."""
        self.seen = int(text)


def _make(values: Mapping[str, Decimal]) -> QuotingModel:
    return Wild(values)


KIND = ModelKind(
    NAME, "Anything.", (Parameter("seed", "1", "0", "1000000", Decimal(0), "Chooses what it says."),), _make
)


@contextmanager
def wild_model() -> Iterator[None]:
    """The model can be chosen while this lasts."""
    registry.add_model(KIND)
    try:
        yield
    finally:
        vars(registry)["_KINDS"].pop(NAME)
