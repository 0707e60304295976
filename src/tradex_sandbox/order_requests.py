"""Orders as JSON: what the Order Service takes and gives. Pure."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from tradex_sandbox.messages import plain
from tradex_sandbox.orders import NewOrder, Order, OrderType, RefusalCode, Side, TimeInForce

ACCOUNT_TYPES = frozenset({"SYSTEM_MARKET_MAKER", "USER"})
TEXT_MAX = 128
_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
"""Bounded: a few bytes of exponent would mean a number of a gigabyte."""
STATUS_OF_REFUSAL = {
    RefusalCode.INVALID_PRICE: 400,
    RefusalCode.INVALID_QUANTITY: 400,
    RefusalCode.INVALID_COMBINATION: 400,
    RefusalCode.DUPLICATE_CLIENT_ORDER_ID: 409,
    RefusalCode.IDEMPOTENCY_KEY_REUSED: 409,
}
"""HTTP status of a refusal; 422 for all others: well said, but not possible in this market."""

Choice = TypeVar("Choice", bound=Enum)


class InvalidRequest(ValueError):  # noqa: N818 - an answer to a client, not a fault of ours
    """A request that cannot be read; the text names the field and what would be right."""


def parse_new_order(body: bytes) -> NewOrder:
    """The order in a POST's body. Raises InvalidRequest."""
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise InvalidRequest(f"body: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise InvalidRequest("body: must be a JSON object")
    account_type = _text(fields, "account_type")
    if account_type not in ACCOUNT_TYPES:
        raise InvalidRequest(f"account_type: must be one of {', '.join(sorted(ACCOUNT_TYPES))}")
    order_type = _choice(fields, "type", OrderType)
    post_only = fields.get("post_only", False)
    if not isinstance(post_only, bool):
        raise InvalidRequest("post_only: must be true or false")
    return NewOrder(
        symbol=_text(fields, "symbol"),
        side=_choice(fields, "side", Side),
        order_type=order_type,
        time_in_force=_choice(fields, "time_in_force", TimeInForce),
        post_only=post_only,
        price=None if fields.get("price") is None else _decimal(fields, "price"),
        quantity=_decimal(fields, "quantity"),
        client_order_id=_text(fields, "client_order_id"),
        idempotency_key=_text(fields, "idempotency_key"),
        account_id=_text(fields, "account_id"),
        user_id=_text(fields, "user_id"),
        account_type=account_type,
    )


def created_answer(order: Order, wall_us: Callable[[int], int]) -> dict[str, Any]:
    """The answer to an order that was entered."""
    return {
        "order_id": order.order_id,
        "client_order_id": order.new.client_order_id,
        "status": order.status.value,
        "created_at": timestamp(wall_us(order.created_at_us)),
    }


def cancelled_answer(order: Order, wall_us: Callable[[int], int]) -> dict[str, Any]:
    """The answer to a cancel that took effect; `updated_at`, which a client may do without, says when."""
    return {
        "order_id": order.order_id,
        "client_order_id": order.new.client_order_id,
        "status": order.status.value,
        "filled_quantity": plain(order.filled_quantity),
        "updated_at": timestamp(wall_us(order.updated_at_us)),
    }


def described(order: Order, wall_us: Callable[[int], int]) -> dict[str, Any]:
    """An order in full."""
    new = order.new
    return {
        "order_id": order.order_id,
        "client_order_id": new.client_order_id,
        "account_id": new.account_id,
        "symbol": new.symbol,
        "side": new.side.value,
        "type": new.order_type.value,
        "time_in_force": new.time_in_force.value,
        "post_only": new.post_only,
        "price": None if new.price is None else plain(new.price),
        "quantity": plain(new.quantity),
        "filled_quantity": plain(order.filled_quantity),
        "status": order.status.value,
        "reason": order.reason,
        "created_at": timestamp(wall_us(order.created_at_us)),
    }


def timestamp(at_us: int) -> str:
    """RFC 3339 in UTC, microseconds."""
    seconds, micros = divmod(at_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX:
        raise InvalidRequest(f"{name}: must be a string of 1 to {TEXT_MAX} characters")
    return value


def _decimal(fields: dict[str, Any], name: str) -> Decimal:
    text = _text(fields, name)
    if _DECIMAL.fullmatch(text) is None:
        raise InvalidRequest(f"{name}: {text!r} is not a decimal number")
    return Decimal(text)


def _choice(fields: dict[str, Any], name: str, choices: type[Choice]) -> Choice:
    text = _text(fields, name)
    try:
        return choices(text)
    except ValueError:
        allowed = ", ".join(str(choice.value) for choice in choices)
        raise InvalidRequest(f"{name}: {text!r} is not one of {allowed}") from None
