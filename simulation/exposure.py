"""What could still fill, as it really is and as far as a process can know; and what its engine believes."""

from collections.abc import Container, Set
from dataclasses import dataclass
from decimal import Decimal

from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.side import Side
from simulation.truth import Intent, TradeKey, Truth
from simulation.violation import Violation


@dataclass(frozen=True, slots=True)
class Exposure:
    """The true position in base currency, and our orders that may still fill."""

    position: Decimal
    orders: tuple[Intent, ...]

    def worst(self, side: Side) -> Decimal:
        """The position in the direction of a side if all of that side filled."""
        filled = sum((intent.left for intent in self.orders if intent.order.side is side), Decimal(0))
        return side.sign * self.position + filled


def exposure_of(
    truth: Truth, symbol: str, counted: Set[TradeKey], known: Container[str], now_ns: int
) -> Exposure:
    """What is true, without ghosts and without orders of which the process has not heard.

    `counted` are the executions that the engine has counted: those always belong to it.
    """
    of_symbol = truth.of[symbol]
    hidden = Decimal(0)
    if len(counted) != len(of_symbol.executions):
        for key, execution in of_symbol.executions.items():
            if key not in counted and not _is_known(truth, execution.client_order_id, known):
                hidden += execution.side.sign * execution.quantity
    orders = truth.to_be_known(symbol, now_ns)
    heard_of = tuple(intent for intent in orders if intent.order.client_order_id in known)
    return Exposure(of_symbol.position - hidden, heard_of)


def check_belief(engine: SymbolEngine, exposure: Exposure) -> None:
    """What an engine counts for its limits is never less than what can really come to be (invariant 2)."""
    symbol = engine.symbol
    lot_size = symbol.instrument.lot_size
    for side in Side:
        believed = side.sign * symbol.inventory.position + symbol.orders.open_lots(side) * lot_size
        true = exposure.worst(side)
        if believed < true:
            raise Violation(2, f"{symbol.name}: {side.value} may come to {true}, believed {believed}")


def _is_known(truth: Truth, client_order_id: str | None, known: Container[str]) -> bool:
    return client_order_id in known and not truth.intents[client_order_id or ""].ghost
