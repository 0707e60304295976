"""The order type that the gateway accepts, sealed: `risk.PreTradeCheck` alone makes one."""

from dataclasses import InitVar, dataclass
from decimal import Decimal
from typing import Final

from market_maker.core.side import Side


class _Seal:
    """Has no other instance than the one below."""


SEAL: Final = _Seal()
"""For `risk` only; a test looks that nobody else in the service names it."""


@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """A post-only limit order that passed every pre-trade check. Made by `PreTradeCheck.check` only."""

    client_order_id: str
    symbol: str
    side: Side
    level: int
    price_ticks: int
    lots: int
    price: Decimal
    quantity: Decimal
    seal: InitVar[_Seal]

    def __post_init__(self, seal: _Seal) -> None:
        # Not kept in the order: nobody can take it out and make another order of it.
        if seal is not SEAL:
            raise TypeError("a CheckedOrder can only be made by PreTradeCheck.check")
