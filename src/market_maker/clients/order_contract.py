"""The Order Service's HTTP contract: what a request looks like, and what an answer means.

An answer's status and body in, an outcome and its content out; no I/O but the wall clock that a
Retry-After date is compared with. Nothing that is not the
contract is taken for an answer: its outcome is UNCERTAIN and its detail names the field.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final

from market_maker.clients import json_fields as fields
from market_maker.clients.connection import Broken, HttpReply
from market_maker.clients.http_call import Result, Withheld
from market_maker.clients.json_fields import ContractError
from market_maker.core.events import ExchangeOrder, ExchangeStatus, RequestOutcome
from market_maker.core.orders.checked_order import CheckedOrder
from market_maker.core.side import Side

WOULD_CROSS: Final = "POST_ONLY_WOULD_CROSS"
ACCOUNT_TYPE: Final = "SYSTEM_MARKET_MAKER"
RETRY_DEFAULT_S: Final = 1.0
RETRY_MAX_S: Final = 3600.0
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_SIDE_WORDS: Final = {side: word for word, side in _SIDES.items()}
_STATUSES: Final = {status.value: status for status in ExchangeStatus}
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Made once: `json.dumps` with separators makes an encoder for every call."""
_DURATION: Final = re.compile(r";\s*dur=(\d{1,6}(?:\.\d{1,6})?)")
_NOTHING_TO_CANCEL: Final = (404, 409, 410)
"""Unknown, or already final: either way the order has to be asked for, because it may have filled."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer means, whatever was asked."""

    outcome: RequestOutcome
    order_id: str | None = None
    code: str = ""
    detail: str = ""
    retry_after_ns: int = 0
    cancelled: int = 0
    order: ExchangeOrder | None = None
    created_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list of orders; `cursor` is None on the last."""

    orders: tuple[ExchangeOrder, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """Whose orders these are."""

    account_id: str
    user_id: str


def plain(number: Decimal) -> str:
    """The number as a text without an exponent."""
    return format(number, "f")


def placement(order: CheckedOrder, account: Account) -> bytes:
    """The body that places an order. The same order gives the same bytes, as a retry must."""
    client_order_id = _encode(order.client_order_id)
    return (
        f'{{"symbol":{_encode(order.symbol)},"side":"{_SIDE_WORDS[order.side]}","type":"limit",'
        f'"time_in_force":"gtc","post_only":true,'
        f'"price":"{plain(order.price)}","quantity":"{plain(order.quantity)}",'
        f'"client_order_id":{client_order_id},"idempotency_key":{client_order_id},'
        f'"account_id":{_encode(account.account_id)},"user_id":{_encode(account.user_id)},'
        f'"account_type":"{ACCOUNT_TYPE}"}}'
    ).encode()


def read_placement(reply: Result, client_order_id: str) -> Meaning:
    """The answer to a new order."""

    def accepted(body: dict[str, Any]) -> Meaning:
        order_id = fields.text(body, "order_id")
        fields.same_text(body, "client_order_id", client_order_id)
        created_at_us = fields.time_us(body, "created_at")
        if fields.member(body, "status", _STATUSES) is ExchangeStatus.REJECTED:
            return Meaning(RequestOutcome.REJECTED, order_id, code="REJECTED", detail="status rejected")
        return Meaning(RequestOutcome.OK, order_id, created_at_us=created_at_us)

    return _read(reply, (200, 201), (), accepted)


def read_cancel(reply: Result, order_id: str) -> Meaning:
    """The answer to a cancel; NOT_FOUND means that there is nothing to cancel, not that nothing filled."""

    def cancelled(body: dict[str, Any]) -> Meaning:
        fields.same_text(body, "order_id", order_id)
        return Meaning(RequestOutcome.OK, order_id)

    if isinstance(reply, HttpReply) and reply.status == 204:
        return Meaning(RequestOutcome.OK, order_id)
    return _read(reply, (200,), _NOTHING_TO_CANCEL, cancelled)


def read_cancel_all(reply: Result) -> Meaning:
    """The answer to a cancel of all orders in a symbol."""
    return _read(
        reply,
        (200,),
        (),
        lambda body: Meaning(RequestOutcome.OK, cancelled=fields.count(body, "cancelled")),
    )


def read_query(reply: Result, client_order_id: str) -> Meaning:
    """The answer to the question what became of an order."""

    def found(body: dict[str, Any]) -> Meaning:
        fields.same_text(body, "client_order_id", client_order_id)
        order = read_order(body)
        return Meaning(RequestOutcome.OK, order.order_id, order=order)

    return _read(reply, (200,), (404,), found)


def read_page(reply: Result, symbol: str) -> tuple[Meaning, Page | None]:
    """One page of the open orders; None unless the outcome is OK."""
    page: Page | None = None

    def listed(body: dict[str, Any]) -> Meaning:
        nonlocal page
        items = fields.objects(body, "orders")
        for item in items:
            fields.same_text(item, "symbol", symbol)
        is_last = body.get("next_cursor") in (None, "")
        cursor = None if is_last else fields.text(body, "next_cursor")
        page = Page(tuple(read_order(item) for item in items), cursor)
        return Meaning(RequestOutcome.OK)

    answer = _read(reply, (200,), (), listed)
    return answer, page


def read_order(body: dict[str, Any]) -> ExchangeOrder:
    """An order as the exchange shows it; ContractError names what is wrong with it."""
    order = ExchangeOrder(
        order_id=fields.text(body, "order_id"),
        client_order_id=fields.text(body, "client_order_id"),
        side=fields.member(body, "side", _SIDES),
        price=fields.decimal(body, "price"),
        quantity=fields.decimal(body, "quantity"),
        filled_quantity=fields.decimal(body, "filled_quantity", zero_allowed=True),
        status=fields.member(body, "status", _STATUSES),
    )
    if order.filled_quantity > order.quantity:
        raise ContractError(
            f"filled_quantity: {order.filled_quantity} is more than the quantity {order.quantity}"
        )
    return order


def retry_after_ns(header: str | None, wall_s: float | None = None) -> int:
    """How long a 429 asks to wait, in nanoseconds: seconds or an HTTP date; 1 s when it does not say."""
    seconds = RETRY_DEFAULT_S
    if header is not None and header.strip().isascii() and header.strip().isdigit():
        seconds = float(header.strip()[:9])
    elif header is not None:
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return int(RETRY_DEFAULT_S * 1e9)
        now = datetime.fromtimestamp(time.time() if wall_s is None else wall_s, UTC)
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return int(min(max(seconds, 0.0), RETRY_MAX_S) * 1e9)


def server_ns(timing: str) -> int | None:
    """The duration in a Server-Timing header of one metric (`app;dur=0.42`, milliseconds), in nanoseconds."""
    found = _DURATION.search(timing)
    return None if found is None else int(float(found[1]) * 1e6)


def _read(
    reply: Result,
    good: tuple[int, ...],
    not_found: tuple[int, ...],
    content: Callable[[dict[str, Any]], Meaning],
) -> Meaning:
    if isinstance(reply, Withheld):
        return Meaning(RequestOutcome.NOT_SENT)
    if isinstance(reply, Broken):
        return Meaning(RequestOutcome.UNCERTAIN, detail=reply.detail)
    try:
        if reply.status in good:
            return content(fields.parse_object(reply.body))
        if reply.status == 429:
            detail = "the Order Service asks to slow down"
            return Meaning(
                RequestOutcome.RATE_LIMITED, detail=detail, retry_after_ns=retry_after_ns(reply.retry_after)
            )
        if 400 <= reply.status < 500:
            return _refused(reply, not_found)
    except ContractError as error:
        return Meaning(RequestOutcome.UNCERTAIN, detail=f"answer {reply.status}: {error}")
    return Meaning(RequestOutcome.UNCERTAIN, detail=f"answer {reply.status}: {reply.body[:100]!r}")


def _refused(reply: HttpReply, not_found: tuple[int, ...]) -> Meaning:
    """A 4xx is final only in the contract's own words: a proxy's error page proves nothing."""
    body = fields.parse_object(reply.body)
    code, message = fields.text(body, "code"), fields.text(body, "message")
    outcome = RequestOutcome.NOT_FOUND if reply.status in not_found else RequestOutcome.REJECTED
    return Meaning(outcome, code=code, detail=message)
