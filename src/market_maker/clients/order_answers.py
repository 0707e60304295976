"""From what an answer means to the event that the core gets."""

import time
from collections.abc import Callable

from market_maker.clients.http_call import End, Lateness, Result, Sent
from market_maker.clients.order_contract import WOULD_CROSS, Meaning
from market_maker.core.events import CancelAllAnswer, CancelAnswer, PlaceAnswer, RequestOutcome


def late_end(end: End, read: Callable[[Result], Meaning]) -> Meaning:
    """What a late end means; one that never came stays unknown, and its connection is closed.

    Never raises: nobody awaits a late end, and an order whose request has no end is live for ever.
    """
    if end is None:
        return Meaning(RequestOutcome.TIMEOUT, detail="never answered; the connection was closed")
    try:
        return read(end)
    except Exception as error:  # noqa: BLE001 -- a defect of ours in reading an answer makes it uncertain
        return Meaning(RequestOutcome.UNCERTAIN, detail=f"{type(error).__name__}: {error}")


def lateness_detail(sent: Sent) -> str:
    """How long was waited, and whose fault it is not."""
    waited = f"no answer within {sent.latency_ns / 1e6:.1f} ms"
    if sent.result is Lateness.STALLED:
        return f"{waited}, of which this process itself stood still for {sent.stalled_ns / 1e6:.1f} ms"
    return waited


def place_answer(
    answer: Meaning, client_order_id: str, *, ended: bool = True, late: bool = False
) -> PlaceAnswer:
    """The core's event for a placement's answer."""
    return PlaceAnswer(
        time.monotonic_ns(),
        client_order_id,
        answer.outcome,
        answer.order_id,
        answer.code,
        answer.detail,
        answer.outcome is RequestOutcome.REJECTED and answer.code == WOULD_CROSS,
        answer.retry_after_ns,
        ended,
        answer.created_at_us,
        late,
    )


def cancel_answer(
    answer: Meaning, client_order_id: str, *, ended: bool = True, late: bool = False
) -> CancelAnswer:
    """The core's event for a cancel's answer."""
    return CancelAnswer(
        time.monotonic_ns(),
        client_order_id,
        answer.outcome,
        _with_code(answer),
        ended,
        answer.retry_after_ns,
        late,
    )


def cancel_all_answer(answer: Meaning, *, ended: bool = True, late: bool = False) -> CancelAllAnswer:
    """The core's event for the answer to a cancel of all."""
    return CancelAllAnswer(
        time.monotonic_ns(),
        answer.outcome,
        answer.cancelled,
        _with_code(answer),
        ended,
        answer.retry_after_ns,
        late,
    )


def _with_code(answer: Meaning) -> str:
    return f"{answer.code}: {answer.detail}" if answer.code else answer.detail
