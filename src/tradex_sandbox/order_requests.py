"""Orders as JSON: what the Order Service takes and gives. Pure."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tradex_sandbox.messages import plain
from tradex_sandbox.orders import NewOrder, Order, RefusalCode

STATUS_OF_REFUSAL = {
    RefusalCode.INVALID_PRICE: 400,
    RefusalCode.INVALID_QUANTITY: 400,
    RefusalCode.INVALID_COMBINATION: 400,
    RefusalCode.DUPLICATE_CLIENT_ORDER_ID: 409,
    RefusalCode.IDEMPOTENCY_KEY_REUSED: 409,
}
"""HTTP status of a refusal; 422 for all others: well said, but not possible in this market."""

_NEW_ORDER = TypeAdapter(NewOrder)


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
    try:
        return _NEW_ORDER.validate_python({"post_only": False, "price": None, **fields})
    except ValidationError as error:
        raise InvalidRequest(problems(error)) from None


def problems(error: ValidationError) -> str:
    """What is wrong with a request, field by field."""
    return "; ".join(_problem(item) for item in error.errors())


def _problem(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "body"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message if item["type"] == "value_error" else f"{where}: {message}"


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
