"""Orders: as they are asked for, as they rest in a book, as the Order Service shows them, and refusals."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from tradex_sandbox.instruments import Instrument


class Side(Enum):
    """Side of an order or of a trade's taker."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The side that it trades against."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(Enum):
    """A limit order has a price, a market order takes what there is."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(Enum):
    """What becomes of the part that does not trade at once."""

    GTC = "gtc"
    IOC = "ioc"


class OrderStatus(Enum):
    """Status of an order, as the Order Service names it."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the order can change no more."""
        return self in (OrderStatus.FILLED, OrderStatus.CANCELLED)


def _decimal(value: object) -> object:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return value
    raise PydanticCustomError("decimal", "must be a decimal number, as a string")


_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
"""Bounded: a few bytes of exponent would mean a number of a gigabyte."""
Text = Annotated[str, Field(min_length=1, max_length=128)]
Number = Annotated[Decimal, BeforeValidator(_decimal)]


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that somebody asks for; `price` is None for a market order. Checked where JSON becomes one."""

    symbol: Text
    side: Side
    order_type: Annotated[OrderType, Field(alias="type")]
    time_in_force: TimeInForce
    post_only: Annotated[bool, Field(strict=True)]
    price: Number | None
    quantity: Number
    client_order_id: Text
    idempotency_key: Text
    account_id: Text
    user_id: Text
    account_type: Annotated[str, Field(pattern="^(SYSTEM_MARKET_MAKER|USER)$")]


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stood at one moment; `reason` says why it was cancelled, else empty."""

    new: NewOrder
    """As it was asked for."""
    order_id: str
    filled_quantity: Decimal
    status: OrderStatus
    reason: str
    created_at_us: int
    updated_at_us: int


@dataclass(slots=True, eq=False)
class BookOrder:
    """An order inside a market: whole ticks and lots, changed in place."""

    order_id: str
    client_order_id: str | None
    account_id: str
    side: Side
    ticks: int | None
    """None for a market order."""
    lots: int
    is_ioc: bool
    post_only: bool
    remaining: int = field(init=False)
    status: OrderStatus = OrderStatus.OPEN
    reason: str = ""
    updated_at_us: int = 0
    is_crowd: bool = False
    """Placed by the crowd: its order events are not told and its trades not kept on record."""

    def __post_init__(self) -> None:
        self.remaining = self.lots

    def fill(self, lots: int, at_us: int) -> None:
        """Take `lots` off what is left."""
        if not 0 < lots <= self.remaining:
            raise AssertionError(f"order {self.order_id}: fill of {lots} lots with {self.remaining} left")
        self.remaining -= lots
        self.updated_at_us = at_us
        self.status = OrderStatus.PARTIALLY_FILLED if self.remaining else OrderStatus.FILLED

    def cancel(self, reason: str, at_us: int) -> None:
        """End the order with what is left of it unfilled."""
        self.status = OrderStatus.CANCELLED
        self.reason = reason
        self.updated_at_us = at_us


class RefusalCode(Enum):
    """Why an order is refused; the value is the stable code in the Order Service's 4xx answer."""

    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    INSTRUMENT_HALTED = "INSTRUMENT_HALTED"
    INVALID_PRICE = "INVALID_PRICE"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    INVALID_COMBINATION = "INVALID_COMBINATION"
    OFF_TICK = "OFF_TICK"
    OFF_LOT = "OFF_LOT"
    BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"
    POST_ONLY_WOULD_CROSS = "POST_ONLY_WOULD_CROSS"
    DUPLICATE_CLIENT_ORDER_ID = "DUPLICATE_CLIENT_ORDER_ID"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"


class OrderRefused(Exception):  # noqa: N818 - a refusal is an answer of the exchange, not a fault
    """The order does not enter the book; final. `code` is stable, `message` names field and fix."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(f"{code.value}: {message}")
        self.code = code
        self.message = message


def would_cross(side: Side, ticks: int) -> OrderRefused:
    """The refusal of a post-only order that would trade at once."""
    edge = "ask, lower" if side is Side.BUY else "bid, raise"
    return OrderRefused(
        RefusalCode.POST_ONLY_WOULD_CROSS,
        f"price: at {ticks} ticks a post-only {side.value} would meet the best {edge} it",
    )


class OrderNotFound(Exception):  # noqa: N818 - as above
    """No order has this id."""


class OrderFinal(Exception):  # noqa: N818 - as above
    """The order is already filled or cancelled; `order` shows how."""

    def __init__(self, order: Order) -> None:
        super().__init__(f"order {order.order_id} is already {order.status.value}")
        self.order = order


def validate(new: NewOrder, instrument: Instrument) -> tuple[int | None, int]:
    """The order's price in ticks (None: market) and quantity in lots; OrderRefused when it is wrong."""
    if not instrument.is_trading:
        raise OrderRefused(
            RefusalCode.INSTRUMENT_HALTED, f"{new.symbol} is {instrument.status.value}; wait until it resumes"
        )
    if new.post_only and (new.order_type is OrderType.MARKET or new.time_in_force is TimeInForce.IOC):
        raise OrderRefused(
            RefusalCode.INVALID_COMBINATION, "post_only needs type limit and time_in_force gtc"
        )
    lots = _lots(new, instrument)
    if new.order_type is OrderType.MARKET:
        if new.price is not None:
            raise OrderRefused(RefusalCode.INVALID_PRICE, "price: leave it out of a market order")
        return None, lots
    return _ticks(new, instrument), lots


def _lots(new: NewOrder, instrument: Instrument) -> int:
    if not new.quantity.is_finite() or new.quantity <= 0:
        raise OrderRefused(RefusalCode.INVALID_QUANTITY, f"quantity: must be positive, got {new.quantity}")
    lots = instrument.lots(new.quantity)
    if lots is None:
        raise OrderRefused(
            RefusalCode.OFF_LOT,
            f"quantity: {new.quantity} is not a multiple of the lot size {instrument.lot_size}",
        )
    return lots


def _ticks(new: NewOrder, instrument: Instrument) -> int:
    price = new.price
    if price is None or not price.is_finite() or price <= 0:
        raise OrderRefused(
            RefusalCode.INVALID_PRICE, f"price: a limit order needs a positive one, got {price}"
        )
    ticks = instrument.ticks(price)
    if ticks is None:
        raise OrderRefused(
            RefusalCode.OFF_TICK, f"price: {price} is not a multiple of the tick size {instrument.tick_size}"
        )
    if price * new.quantity < instrument.min_notional:
        raise OrderRefused(
            RefusalCode.BELOW_MIN_NOTIONAL,
            f"price * quantity = {price * new.quantity} is below the minimum notional"
            f" {instrument.min_notional}; raise the quantity",
        )
    return ticks
