"""What is done without an engine that decides: clear its symbol's orders and write down HALTED."""

import asyncio
from contextlib import suppress

from market_maker.actors.effects import OrderGateway
from market_maker.actors.tenure import Tenure
from market_maker.clients.put_off import PutOff
from market_maker.core.commands import Record, RecordRisk, RecordState
from market_maker.core.engine.symbol import Symbol
from market_maker.core.events import Answer, RequestOutcome
from market_maker.core.states import KillReason, State
from market_maker.telemetry.tracing import Tracing

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0


async def clear_market(symbol: str, gateway: OrderGateway, tracing: Tracing, tenure: Tenure) -> None:
    """Cancel all orders of a symbol until the exchange reports none open, as long as the symbol is ours."""
    put_off = PutOff()
    span = tracing.order_span("last resort", None, {"mm.symbol": symbol})
    backoff_s = BACKOFF_FIRST_S
    while await tenure.may_ask():
        if put_off.may_cancel():
            put_off.note(await gateway.cancel_all(symbol, _ignore_late, span.traceparent))
        if put_off.may_ask():
            answer = await gateway.open_orders(symbol, span.traceparent)
            put_off.note(answer)
            if answer.outcome is RequestOutcome.OK and not answer.orders:
                span.end(answer.outcome.value)
                return
        await asyncio.sleep(backoff_s)
        backoff_s = min(BACKOFF_MAX_S, 2 * backoff_s)
    span.end("another instance owns the symbol")


async def clear_for(
    seconds: float, symbol: str, gateway: OrderGateway, tracing: Tracing, tenure: Tenure
) -> None:
    """The same for so long at most; nothing leaves under this tenure after it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await clear_market(symbol, gateway, tracing, tenure)
    tenure.close()


async def cancel_once(symbol: str, gateway: OrderGateway, tenure: Tenure) -> None:
    """Cancel all orders of a symbol, whatever comes of it."""
    if await tenure.may_ask():
        await gateway.cancel_all(symbol, _ignore_late)


def halted_records(symbol: Symbol, detail: str) -> tuple[Record, ...]:
    """HALTED, made durable without asking the engine."""
    reason = KillReason.WORKER_FAILURE
    return (
        RecordState(
            symbol.state,
            State.HALTED,
            f"{reason.value}: {detail}",
            "system",
            reason,
            symbol.pnl_baseline,
            symbol.rebase_pending,
            symbol.parts_baseline.spread,
            symbol.parts_baseline.fees,
        ),
        RecordRisk(
            reason,
            detail,
            "no failure",
            symbol.inventory.position,
            symbol.inventory.realized,
            symbol.orders.live_count(),
            "cancel all, HALTED",
        ),
    )


def _ignore_late(answer: Answer) -> None:
    """The next round asks again."""
