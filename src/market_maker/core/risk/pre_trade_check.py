"""The checks before every order. Nothing else can make the order type that the gateway accepts."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from market_maker.core.commands import OrderStatus
from market_maker.core.config import EngineLimits, SymbolConfig
from market_maker.core.instrument import EXACT, Instrument
from market_maker.core.orders.checked_order import SEAL, CheckedOrder
from market_maker.core.orders.order_tracker import Order
from market_maker.core.orders.requote import inner_first
from market_maker.core.outcomes import Outcome
from market_maker.core.pricing.quoting import QuoteLevel
from market_maker.core.pricing.reference_mid import ReferenceMid
from market_maker.core.side import Side

BPS = 10_000
ORDER_SIZE_FACTOR = Decimal(10)
"""An order may be worth this many times `order_size_usdt`, whatever MAX_ORDER_NOTIONAL_USDT allows."""


class OrderLimits:
    """A symbol's limits as integers in ticks, lots and ticks * lots; rounded towards safety.

    Made anew when configuration or instrument change.
    """

    __slots__ = (
        "_lots",
        "_position",
        "collar_den",
        "collar_num",
        "config",
        "instrument",
        "max_notional",
        "max_position",
        "max_position_resting",
        "min_notional",
    )

    def __init__(self, config: SymbolConfig, limits: EngineLimits, instrument: Instrument) -> None:
        unit = instrument.notional_unit
        largest = EXACT.multiply(ORDER_SIZE_FACTOR, config.order_size_usdt)
        self.config = config
        self.instrument = instrument
        self.max_notional = floor_units(min(largest, limits.max_order_notional_usdt), unit)
        self.min_notional = instrument.min_notional_units
        headroom = config.position_headroom_pct
        self.max_position = floor_units(_less(config.max_position_usdt, headroom), unit)
        """What the position may come to with a new order: the limit less its headroom."""
        half = EXACT.multiply(headroom, Decimal("0.5"))
        self.max_position_resting = floor_units(_less(config.max_position_usdt, half), unit)
        """The same for orders that rest already. Half of the headroom lies between the two, so that a small
        rise of the price does not cancel what the next evaluation would place again, smaller."""
        numerator, denominator = limits.price_collar_bps.as_integer_ratio()
        self.collar_num, self.collar_den = numerator, denominator * BPS
        self._position: Decimal | None = None
        self._lots = (0, 0)

    def lots_of(self, position: Decimal) -> tuple[int, int]:
        """A signed position in lots, rounded up and rounded down; worked out when the position changes."""
        if position is not self._position:
            lot_size = self.instrument.lot_size
            self._lots = ceil_units(position, lot_size), floor_units(position, lot_size)
            self._position = position
        return self._lots


@dataclass(slots=True)
class Standing:
    """What the checks need to know of the symbol at this moment.

    Never changed once made; not declared frozen, as that would make it four times as dear.
    """

    active: bool
    kill_latched: bool
    book_valid: bool
    book_fresh: bool
    total_pnl: Decimal
    lots_if_buying: int
    """Signed position in lots; where it is off the lot grid, rounded up (against a buyer)."""
    lots_if_selling: int
    """The same rounded down (against a seller)."""


class Allotment(NamedTuple):
    """The levels of a side as the limits allow them, inner ones first, whatever is in the market now."""

    wanted: Sequence[QuoteLevel]
    """To be quoted; where the position limit is near, smaller than they were computed."""
    full: Sequence[QuoteLevel]
    """Beyond those the position limit has no room for another order; their size is 0."""
    refused: Sequence[tuple[QuoteLevel, Outcome]]
    """Not to be quoted, whatever the position."""


class PreTradeCheck:
    """The checks for one evaluation: what is the same for all its orders is worked out once."""

    __slots__ = (
        "_den",
        "_highest",
        "_limits",
        "_lowest",
        "_most_at_mid",
        "_num",
        "_open_lots",
        "_position",
        "refusal",
    )

    def __init__(
        self, limits: OrderLimits, mid: ReferenceMid, standing: Standing, open_lots: dict[Side, int]
    ) -> None:
        self._limits = limits
        self._num, self._den = mid.num, mid.den
        self._open_lots = open_lots
        self._position = {Side.BUY: standing.lots_if_buying, Side.SELL: standing.lots_if_selling}
        self.refusal = _standing_refusal(limits, standing)
        scale = self._den * limits.collar_den
        self._lowest = -(-self._num * (limits.collar_den - limits.collar_num) // scale)
        self._highest = self._num * (limits.collar_den + limits.collar_num) // scale
        self._most_at_mid = limits.max_position * self._den // self._num

    def refuse(self, side: Side, price_ticks: int, lots: int) -> Outcome | None:
        """Why an order of this price and size may not be sent now, or None."""
        refusal = self.refuse_alone(price_ticks, lots)
        if refusal is None and lots > self.room(side, price_ticks):
            return Outcome.POSITION_LIMIT
        return refusal

    def refuse_alone(self, price_ticks: int, lots: int) -> Outcome | None:
        """The same without the position limit: what no other order has a part in."""
        if self.refusal is not None:
            return self.refusal
        if price_ticks <= 0:
            return Outcome.BAD_PRICE
        if lots <= 0:
            return Outcome.BAD_QUANTITY
        notional = price_ticks * lots
        if notional < self._limits.min_notional:
            return Outcome.BELOW_MIN_NOTIONAL
        if notional > self._limits.max_notional:
            return Outcome.NOTIONAL_LIMIT
        if not self._lowest <= price_ticks <= self._highest:
            return Outcome.PRICE_COLLAR
        return None

    def room(self, side: Side, price_ticks: int) -> int:
        """The most lots of an order at this price, all open orders of its side counted; may be negative.

        The position after all of them is valued at the order's price or the reference mid, whichever is
        worse. An order after which the position has not changed sign only reduces it and always passes.
        """
        return self._most(price_ticks) - side.sign * self._position[side] - self._open_lots[side]

    def lots_to_flat(self, side: Side) -> int:
        """How many lots the side trades until the position is closed; 0 where it would only open one."""
        return max(0, -side.sign * self._position[side])

    def allot(self, side: Side, levels: Sequence[QuoteLevel]) -> Allotment:
        """Size the levels of a side by what the position leaves of its limit: inner first, one size."""
        worst = side.sign * self._position[side]
        if self._all_fit(levels, worst):
            return Allotment(levels, (), ())
        wanted: list[QuoteLevel] = []
        full: list[QuoteLevel] = []
        refused: list[tuple[QuoteLevel, Outcome]] = []
        for level in levels:
            ticks = level.price_ticks
            refusal = self.refuse_alone(ticks, level.lots)
            if refusal is not None:
                refused.append((level, refusal))
                continue
            lots = min(level.lots, self._most(ticks) - worst)
            if full or lots <= 0 or lots * ticks < self._limits.min_notional:
                full.append(level._replace(lots=0))
            else:
                wanted.append(level if lots == level.lots else level._replace(lots=lots))
                worst += lots
        return Allotment(wanted, full, refused)

    def approve(
        self, client_order_id: str, side: Side, level: int, price_ticks: int, lots: int
    ) -> CheckedOrder:
        """Make the order and count it as live for the next ones; AssertionError when it should be refused."""
        refusal = self.refuse(side, price_ticks, lots)
        if refusal is not None:
            raise AssertionError(f"order approved although {refusal.value}")
        self._open_lots[side] += lots
        instrument = self._limits.instrument
        return CheckedOrder(
            client_order_id,
            instrument.symbol,
            side,
            level,
            price_ticks,
            lots,
            instrument.price(price_ticks),
            instrument.quantity(lots),
            SEAL,
        )

    def excess(self, side: Side, standing: Sequence[Order]) -> list[Order]:
        """Orders of a side that a limit no longer covers, after it, the position or the market changed.

        Inner orders keep their place before outer ones; what is on its way out still counts. An order that
        filled in part may fall below the minimum notional: that is no risk.
        """
        worst = side.sign * self._position[side]
        beyond = []
        lots = dearest = 0
        for order in standing:
            ticks, open_lots = order.price_ticks, order.open_lots
            lots += open_lots
            dearest = max(dearest, ticks)
            if self._breaks_alone(ticks, open_lots):
                beyond.append(order)
        if not beyond and self._may_rest(worst + lots, dearest):
            return []
        within = []
        for order in standing:
            if order.status is OrderStatus.PENDING_CANCEL or order in beyond:
                worst += order.open_lots
            else:
                within.append(order)
        inner_first(side, within)
        for order in within:
            worst += order.open_lots
            if not self._may_rest(worst, order.price_ticks):
                beyond.append(order)
        return beyond

    def _all_fit(self, levels: Sequence[QuoteLevel], worst: int) -> bool:
        """Whether all levels fit in full: what holds at both ends holds between them."""
        if not levels:
            return True
        inner, outer = levels[0], levels[-1]
        return (
            worst + len(levels) * inner.lots <= self._most(max(inner.price_ticks, outer.price_ticks))
            and self.refuse_alone(inner.price_ticks, inner.lots) is None
            and self.refuse_alone(outer.price_ticks, outer.lots) is None
        )

    def _breaks_alone(self, price_ticks: int, lots: int) -> bool:
        """Whether a resting order breaks a limit that a new one of its price and rest would break."""
        return (
            price_ticks * lots > self._limits.max_notional or not self._lowest <= price_ticks <= self._highest
        )

    def _most(self, price_ticks: int) -> int:
        """The largest position in lots that a new order at this price may lead to."""
        return min(self._limits.max_position // price_ticks, self._most_at_mid)

    def _may_rest(self, worst: int, price_ticks: int) -> bool:
        """Whether a position of `worst` lots, in the direction of the side, is one that may still come."""
        if worst <= 0:
            return True
        allowed = self._limits.max_position_resting
        return worst * price_ticks <= allowed and worst * self._num <= allowed * self._den


def _standing_refusal(limits: OrderLimits, standing: Standing) -> Outcome | None:
    if not standing.active:
        return Outcome.NOT_ACTIVE
    if standing.kill_latched:
        return Outcome.KILL_LATCHED
    if not limits.instrument.is_trading:
        return Outcome.INSTRUMENT_NOT_TRADING
    if not standing.book_valid:
        return Outcome.BOOK_INVALID
    if not standing.book_fresh:
        return Outcome.BOOK_STALE
    if standing.total_pnl < -limits.config.max_loss_usdt:
        return Outcome.LOSS_LIMIT
    return None


def _less(value: Decimal, percent: Decimal) -> Decimal:
    share = EXACT.multiply(EXACT.subtract(Decimal(100), percent), Decimal("0.01"))
    return EXACT.multiply(value, share)


def floor_units(value: Decimal, unit: Decimal) -> int:
    """How many whole units fit into the value, rounded towards minus infinity."""
    return int(EXACT.divide(value, unit).to_integral_value(ROUND_FLOOR))


def ceil_units(value: Decimal, unit: Decimal) -> int:
    """The same, rounded towards plus infinity."""
    return int(EXACT.divide(value, unit).to_integral_value(ROUND_CEILING))
