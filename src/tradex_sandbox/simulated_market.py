"""A simulated market: a matching engine fed by a seeded crowd, and by the accounts of the exchange."""

import heapq
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tradex_sandbox.flow import Flow, FlowOrder, Participant
from tradex_sandbox.instruments import Instrument
from tradex_sandbox.market import MARK_INTERVAL_US, Market
from tradex_sandbox.market_events import BookSnapshot
from tradex_sandbox.matching import MatchingEngine
from tradex_sandbox.orders import BookOrder, OrderStatus, RefusalCode, Side, would_cross
from tradex_sandbox.tape import Tape

REASON_EXPIRED = "EXPIRED"
REASON_GRID_CHANGED = "INSTRUMENT_UPDATED"


class SimulatedMarket(Market):
    """One symbol's simulated market. A halt stops its time; it goes on where it stopped."""

    def __init__(self, tape: Tape, flow: Flow) -> None:
        super().__init__(tape)
        self._grid = tape.instrument
        self._engine = MatchingEngine()
        self._flow = flow
        self._next_order: FlowOrder | None = None
        self._expiries: list[tuple[int, int, BookOrder]] = []
        """(when, in which order they were made, quote), by market time."""
        self._crowd_orders = 0

    # --- time ------------------------------------------------------------------------------------

    def start(self, now_us: int) -> None:
        """Open the market with the crowd's first quotes."""
        self._zero_us = now_us
        for quote in self._flow.opening():
            order = self._crowd_order(quote)
            if order.lots and not self._crosses(order):
                self._engine.submit(order, now_us)
                self._expire_later(order, quote)
        self.tape.book_stands(self._engine)
        self._next_order = next(self._flow)

    def next_event_us(self) -> int | None:
        """When somebody of the crowd acts, or a mark price is due; None when halted."""
        if self._halted_at_us is not None or self._next_order is None:
            return None
        return self._zero_us + min(self._next_us(self._next_order), self._mark_us)

    def advance(self, now_us: int) -> None:
        """Let the crowd act until `now_us`."""
        while self._halted_at_us is None and (order := self._next_order) is not None:
            due_us = self._next_us(order)
            if min(due_us, self._mark_us) + self._zero_us > now_us:
                return
            if self._mark_us <= due_us:
                self._mark()
            elif self._expiries and self._expiries[0][0] <= order.at_us:
                self._expire()
            else:
                self._act(order)
                self._next_order = next(self._flow)

    # --- orders ----------------------------------------------------------------------------------

    def submit(self, order: BookOrder, at_us: int) -> None:
        """Enter a validated order; OrderRefused when it is post-only and would cross."""
        if order.post_only and order.ticks is not None and self._crosses(order):
            self.tape.rejected(order, RefusalCode.POST_ONLY_WOULD_CROSS.value, at_us)
            raise would_cross(order.side, order.ticks)
        self.tape.accepted(order, at_us)
        self._enter(order, at_us)

    def cancel(self, order: BookOrder, reason: str, at_us: int) -> None:
        """Take a resting order out of the book."""
        ticks = self._engine.cancel(order, reason, at_us)
        self.tape.canceled(order)
        self._publish(at_us, {(order.side, ticks)})

    def snapshot(self) -> BookSnapshot:
        """The published book."""
        return self.tape.snapshot(self._levels(Side.BUY), self._levels(Side.SELL))

    # --- instrument ------------------------------------------------------------------------------

    def check_grid(self, instrument: Instrument) -> None:
        """Any grid will do: the crowd's quotes move to it."""

    def regrid(self, instrument: Instrument, at_us: int) -> None:
        """Move the crowd's quotes to the new grid, away from the other side, and tell the book anew."""
        quotes = [*self._engine.bids.orders(), *self._engine.asks.orders()]
        before, self._grid = self._grid, instrument
        self._engine = MatchingEngine()
        for order in quotes:
            if order.ticks is None or not order.is_crowd:
                raise AssertionError(f"order {order.order_id} must not rest while the grid changes")
            order.ticks = self._ticks(order.side, before.price(order.ticks))
            order.lots = order.remaining = int(before.quantity(order.remaining) // instrument.lot_size)
            if order.lots:
                self._engine.side(order.side).add(order.ticks, order)
            else:
                order.cancel(REASON_GRID_CHANGED, at_us)
        self.tape.book_stands(self._engine)

    # --- the crowd -------------------------------------------------------------------------------

    def _next_us(self, order: FlowOrder) -> int:
        """When the crowd acts next, by market time."""
        return min(order.at_us, self._expiries[0][0]) if self._expiries else order.at_us

    def _act(self, arrival: FlowOrder) -> None:
        """Enter an order of the crowd; a provider's that would trade at once is given up."""
        order, at_us = self._crowd_order(arrival), self._zero_us + arrival.at_us
        is_quote = arrival.participant is Participant.PROVIDER
        if not order.lots or (is_quote and self._crosses(order)):
            return
        self._enter(order, at_us)
        if is_quote:
            self._expire_later(order, arrival)

    def _expire_later(self, order: BookOrder, quote: FlowOrder) -> None:
        heapq.heappush(self._expiries, (quote.at_us + quote.lifetime_us, self._crowd_orders, order))

    def _expire(self) -> None:
        due_us, _, order = heapq.heappop(self._expiries)
        if not order.status.is_final:
            ticks = self._engine.cancel(order, REASON_EXPIRED, self._zero_us + due_us)
            self._publish(self._zero_us + due_us, {(order.side, ticks)})

    def _crowd_order(self, arrival: FlowOrder) -> BookOrder:
        self._crowd_orders += 1
        price = Decimal(arrival.price)
        best = self._engine.side(arrival.side).best if arrival.joins else None
        return BookOrder(
            order_id=f"{self.tape.session}-{self.tape.instrument.symbol}-c{self._crowd_orders}",
            client_order_id=None,
            account_id=arrival.participant.value,
            side=arrival.side,
            ticks=self._ticks(arrival.side, price) if best is None else best,
            lots=int(Decimal(arrival.notional) / price // self._grid.lot_size),
            is_ioc=not arrival.lifetime_us,
            post_only=False,
            is_crowd=True,
        )

    def _ticks(self, side: Side, price: Decimal) -> int:
        """A price on the grid: bids down, asks up, never zero."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return max(1, int((price / self._grid.tick_size).to_integral_value(rounding)))

    def _mark(self) -> None:
        """Publish the middle of the book as the mark price, the fundamental value as the index."""
        bid, ask = self._engine.bids.best, self._engine.asks.best
        if bid is not None and ask is not None:
            index = self._grid.price(self._ticks(Side.BUY, Decimal(self._flow.value)))
            self.tape.marked(self._zero_us + self._mark_us, self._grid.price(bid + ask) / 2, index)
        self._mark_us += MARK_INTERVAL_US

    # --- the book --------------------------------------------------------------------------------

    def _crosses(self, order: BookOrder) -> bool:
        return order.ticks is not None and self._engine.would_cross(order.side, order.ticks)

    def _enter(self, order: BookOrder, at_us: int) -> None:
        """Match an order, tell what came of it, and publish the book that it leaves."""
        matches = self._engine.submit(order, at_us)
        for match in matches:
            self.tape.traded(at_us, match.maker, order, match.ticks, match.lots)
            self.tape.filled(match.maker, at_us)
        self.tape.filled(order, at_us)
        if order.status is OrderStatus.CANCELLED:
            self.tape.canceled(order)
        touched = {(order.side.opposite, match.ticks) for match in matches}
        if order.ticks is not None and not order.status.is_final:
            touched.add((order.side, order.ticks))
        if touched:
            self._publish(at_us, touched)

    def _publish(self, at_us: int, touched: set[tuple[Side, int]]) -> None:
        bids, asks = (
            {
                ticks: self._engine.side(side).lots(ticks)
                for touched_side, ticks in touched
                if touched_side is side
            }
            for side in Side
        )
        self.tape.book_changed(at_us, bids, asks, self._engine)

    def _levels(self, side: Side) -> dict[int, int]:
        resting = self._engine.side(side)
        return {ticks: resting.lots(ticks) for ticks in resting.prices()}
