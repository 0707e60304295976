"""How far a symbol has come in getting out of the market; `clearing` decides what is next."""

from dataclasses import dataclass, field

from market_maker.core.commands import Request


@dataclass(slots=True)
class Clearing:
    """Progress of one symbol's clearing, and what the exchange last said of open orders."""

    active: bool = False
    rounds: int = 0
    next_round_ns: int = 0
    cancel_all_outstanding: bool = False
    list_outstanding: bool = False
    list_again: bool = False
    """Something happened since the outstanding list was asked for: ask once more after it."""
    listed_early: bool = False
    """The latest list came before all our orders had ended: it could not prove zero."""
    hurried_round: int = 0
    """The round in which a list was asked for as soon as they had ended; once a round."""
    doubted_ns: int = 0
    """A list asked for before this proves nothing."""
    open_at_exchange: int | None = None
    proven_zero_ns: int | None = None
    reconcile_ns: int = 0
    put_off: dict[tuple[type[Request], str], int] = field(default_factory=dict)
    """Requests that the exchange answered with 429, by kind and client order id: when it will take them."""

    def doubt(self, now_ns: int) -> None:
        """An order was sent or found: what was proven is proven no more."""
        self.doubted_ns = now_ns
        self.open_at_exchange = None
        self.proven_zero_ns = None
