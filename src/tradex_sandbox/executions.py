"""What each account traded in one symbol: the exchange's own record, for comparison with a client's."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from tradex_sandbox.market_events import Trade
from tradex_sandbox.orders import Side


@dataclass(frozen=True, slots=True)
class Executions:
    """The sum of an account's trades: position signed in base currency, amounts in quote currency."""

    count: int = 0
    """Fills; a trade of an account with itself cannot happen."""
    buys: int = 0
    sells: int = 0
    position: Decimal = Decimal(0)
    volume: Decimal = Decimal(0)
    """Traded notional."""
    fees: Decimal = Decimal(0)
    """Positive is paid, negative is earned."""

    def plus(self, trade: Trade, side: Side, fee: Decimal) -> "Executions":
        """The sum with one more trade, in which the account stood on `side`."""
        is_buy = side is Side.BUY
        return Executions(
            self.count + 1,
            self.buys + is_buy,
            self.sells + (not is_buy),
            self.position + (trade.quantity if is_buy else -trade.quantity),
            self.volume + trade.price * trade.quantity,
            self.fees + fee,
        )


class ExecutionRecord:
    """Trades and their sums per account."""

    def __init__(self) -> None:
        self._trades: defaultdict[str, list[Trade]] = defaultdict(list)
        self._sums: dict[str, Executions] = {}

    def add(self, account_id: str, trade: Trade, side: Side, fee: Decimal) -> None:
        """Note one trade of the account."""
        self._trades[account_id].append(trade)
        self._sums[account_id] = self.of(account_id).plus(trade, side, fee)

    def of(self, account_id: str) -> Executions:
        """The account's sum; all zero when it never traded."""
        return self._sums.get(account_id, Executions())

    def trades(self, account_id: str) -> tuple[Trade, ...]:
        """The account's trades in order."""
        return tuple(self._trades.get(account_id, ()))
