"""Limits over all symbols: gross and net inventory, and loss since a time of day.

What cannot be known counts against the limit: a symbol of which nobody can tell the inventory counts with all
that its own limits allow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from market_maker.core.instrument import EXACT

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class HouseLimits:
    """What the whole house may hold and lose, in quote currency; None: no limit."""

    gross_usdt: Decimal | None = None
    net_usdt: Decimal | None = None
    loss_usdt: Decimal | None = None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return any(limit is not None for limit in (self.gross_usdt, self.net_usdt, self.loss_usdt))


@dataclass(frozen=True, slots=True)
class Held:
    """One symbol, as far as it is known; both in quote currency, a profit is a negative loss."""

    symbol: str
    inventory_usdt: Decimal | None
    loss_usdt: Decimal | None
    inventory_max_usdt: Decimal
    """What its own limits allow, for when it is not known."""
    loss_max_usdt: Decimal


@dataclass(frozen=True, slots=True)
class Use:
    """How much of one limit is used."""

    name: str
    limit_usdt: Decimal
    known_usdt: Decimal
    worst_usdt: Decimal
    """With what is not known counted against it."""

    @property
    def is_broken(self) -> bool:
        """Whether it is beyond its limit for sure."""
        return self.known_usdt > self.limit_usdt

    @property
    def may_be_broken(self) -> bool:
        """Whether it could be."""
        return self.worst_usdt > self.limit_usdt


@dataclass(frozen=True, slots=True)
class House:
    """Every limit and its use."""

    uses: Sequence[Use]
    unknown: Sequence[str]
    """Symbols that count with all that their own limits allow."""


def measure(limits: HouseLimits, held: Sequence[Held]) -> House:
    """The use of every limit that there is."""
    gross = net = loss = _ZERO
    unknown_inventory = unknown_loss = _ZERO
    for one in held:
        if one.inventory_usdt is None:
            unknown_inventory = EXACT.add(unknown_inventory, one.inventory_max_usdt)
        else:
            gross = EXACT.add(gross, abs(one.inventory_usdt))
            net = EXACT.add(net, one.inventory_usdt)
        if one.loss_usdt is None:
            unknown_loss = EXACT.add(unknown_loss, one.loss_max_usdt)
        else:
            loss = EXACT.add(loss, one.loss_usdt)
    measured = (
        ("gross inventory", limits.gross_usdt, gross, unknown_inventory),
        ("net inventory", limits.net_usdt, abs(net), unknown_inventory),
        ("loss of the day", limits.loss_usdt, loss, unknown_loss),
    )
    return House(
        [
            Use(name, limit, known, EXACT.add(known, unknown))
            for name, limit, known, unknown in measured
            if limit is not None
        ],
        [one.symbol for one in held if one.inventory_usdt is None or one.loss_usdt is None],
    )


def broken(house: House, *, unknown_counts: bool) -> tuple[str, str] | None:
    """What was measured and what is allowed of the first broken limit; None when none is.

    `unknown_counts`: also what only may be broken.
    """
    for use in house.uses:
        if use.is_broken:
            return f"{use.name} {use.known_usdt:f} USDT over all symbols", f"{use.limit_usdt:f} USDT"
        if unknown_counts and use.may_be_broken:
            measured = f"{use.name} up to {use.worst_usdt:f} USDT over all symbols"
            whose = ", ".join(house.unknown[:10])
            return f"{measured}, not known of {whose}", f"{use.limit_usdt:f} USDT"
    return None
