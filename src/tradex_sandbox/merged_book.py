"""The published book of a recorded market: the crowd's levels, our orders, and what we ate of the crowd.

`taken` holds the crowd's lots that orders of accounts took since the capture last changed the level;
they stay out of the book until it does.
"""

from collections.abc import Collection, Iterable, Mapping

from tradex_sandbox.capture_book import CrowdBook
from tradex_sandbox.orders import Side
from tradex_sandbox.published import TopTicks
from tradex_sandbox.queue_position import OwnOrders
from tradex_sandbox.recorded_trades import RecordedTrades


class MergedSide:
    """One side of the merged book."""

    def __init__(self, crowd: CrowdBook, side: Side) -> None:
        self.side = side
        self.own = OwnOrders(side)
        self.trades = RecordedTrades()
        self._crowd = crowd.side(side)
        self._taken: dict[int, int] = {}

    @property
    def crowd_best(self) -> int | None:
        """Best price at which the crowd still stands."""
        best = self._crowd.best
        if best is None or self.crowd_lots(best):
            return best
        standing = [ticks for ticks in self._crowd.levels() if self.crowd_lots(ticks)]
        if not standing:
            return None
        return max(standing) if self.side is Side.BUY else min(standing)

    @property
    def best(self) -> int | None:
        """Best price of crowd and accounts together."""
        return self._better(self.crowd_best, self.own.best)

    def best_without(self, account_id: str) -> int | None:
        """Best price of the crowd and all other accounts."""
        return self._better(self.crowd_best, self.own.best_without(account_id))

    def crowd_lots(self, ticks: int) -> int:
        """What stands of the crowd at a price."""
        return self._crowd.lots(ticks) - self._taken.get(ticks, 0)

    def lots(self, ticks: int) -> int:
        """What is published at a price."""
        return self.crowd_lots(ticks) + self.own.lots(ticks)

    def levels(self) -> dict[int, int]:
        """Every published level."""
        levels = self._crowd.levels()
        for ticks in (*self._taken, *self.own.prices()):
            levels[ticks] = self.lots(ticks)
        return {ticks: lots for ticks, lots in levels.items() if lots}

    def published(self, prices: Iterable[int]) -> dict[int, int]:
        """What is published at each of `prices`, zeros included."""
        return {ticks: self.lots(ticks) for ticks in prices}

    def published_after(self, changed: Mapping[int, int], touched: Collection[int]) -> Mapping[int, int]:
        """What is published where the capture changed levels (ticks -> lots) and at `touched` prices."""
        ours = [ticks for ticks in self.own.prices() if ticks in changed]
        if not ours and not touched:
            return changed
        return {**changed, **{ticks: self.lots(ticks) for ticks in (*ours, *touched)}}

    def take_crowd(self, ticks: int, lots: int) -> None:
        """An account's order ate `lots` of the crowd."""
        if lots > self.crowd_lots(ticks):
            raise AssertionError(f"took {lots} lots where {self.crowd_lots(ticks)} stood")
        self._taken[ticks] = self._taken.get(ticks, 0) + lots

    def restore_crowd(self, prices: Iterable[int]) -> set[int]:
        """The capture told these levels anew; those of which something had been taken."""
        return {ticks for ticks in prices if self._taken.pop(ticks, 0)} if self._taken else set()

    def _better(self, one: int | None, other: int | None) -> int | None:
        if one is None or other is None:
            return other if one is None else one
        return max(one, other) if self.side is Side.BUY else min(one, other)

    def scale(self, tick_factor: int, lot_factor: int) -> None:
        """Follow the crowd into a grid that is finer by these factors; no own order rests."""
        self.trades.scale(tick_factor, lot_factor)
        self._taken = {ticks * tick_factor: lots * lot_factor for ticks, lots in self._taken.items()}


class MergedBook:
    """Both sides."""

    def __init__(self, crowd: CrowdBook) -> None:
        self.crowd = crowd
        self.bids = MergedSide(crowd, Side.BUY)
        self.asks = MergedSide(crowd, Side.SELL)

    @property
    def top(self) -> TopTicks:
        """Best bid and ask in ticks."""
        return self.bids.best, self.asks.best

    def top_without(self, account_id: str) -> TopTicks:
        """Best bid and ask of everybody but one account."""
        return self.bids.best_without(account_id), self.asks.best_without(account_id)

    def side(self, side: Side) -> MergedSide:
        """One side."""
        return self.bids if side is Side.BUY else self.asks

    def reaches(self, side: Side, ticks: int) -> int | None:
        """The best opposite price if an order at `ticks` would trade with it, else None."""
        best = self.side(side.opposite).best
        if best is None:
            return None
        return best if (ticks >= best if side is Side.BUY else ticks <= best) else None
