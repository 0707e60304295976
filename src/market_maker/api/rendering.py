"""From the core's pictures to the API's answers. Pure: a view and a clock in, an answer out."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from market_maker.api import answers, fleet_answers
from market_maker.api.why import refusals, summary_sentence
from market_maker.core.commands import Reply
from market_maker.core.config import SymbolConfig
from market_maker.core.instrument import EXACT
from market_maker.core.pricing.models.registry import resolved
from market_maker.core.results import Parts
from market_maker.core.states import State
from market_maker.core.view import (
    Counters,
    KillView,
    OrderView,
    SymbolView,
    innermost,
    spread_bps,
)

ToWall = Callable[[int], datetime]

_ZERO = Decimal(0)


def config(value: SymbolConfig) -> answers.Config:
    """A configuration."""
    return answers.Config.of(value, model_parameters=_parameters(value))


def _parameters(value: SymbolConfig) -> dict[str, Decimal]:
    """Every parameter of the model; of one that is not installed here, those that are stored."""
    given = dict(value.model_parameters)
    try:
        return dict(resolved(value.model, given))
    except ValueError:
        return given


def changes(before: SymbolConfig | None, after: SymbolConfig | None) -> list[answers.FieldChange]:
    """The fields of a configuration that differ."""
    was = {} if before is None else config(before).model_dump(mode="json")
    now_is = {} if after is None else config(after).model_dump(mode="json")
    return [
        answers.FieldChange(field=name, before=was.get(name), after=now_is.get(name))
        for name in answers.Config.model_fields
        if was.get(name) != now_is.get(name) and name != "symbol"
    ]


def control_result(symbol: str, reply: Reply) -> answers.ControlResult:
    """How a symbol took a request."""
    return answers.ControlResult(
        symbol=symbol,
        state=reply.state,
        accepted=not reply.problems,
        problems=refusals(reply.problems),
    )


def symbol_status(view: SymbolView, owner: str | None, to_wall: ToWall) -> answers.SymbolStatus:
    """Everything about a symbol."""
    return answers.SymbolStatus(
        **dict(summary(view, owner, to_wall)),
        config=config(view.config),
        instrument=None if view.instrument is None else answers.InstrumentStatusView.of(view.instrument),
        orders=[order(one, to_wall) for one in view.orders],
        counters=_counts(view.counters),
    )


def summary(view: SymbolView, owner: str | None, to_wall: ToWall) -> answers.SymbolSummary:
    """A symbol at a glance."""
    pnl = view.pnl
    zero_at = view.proven_zero_at_ns
    return answers.SymbolSummary.of(
        view,
        owner=owner,
        at=to_wall(view.at_ns),
        owner_silent_ms=None,
        state=answers.StateStatus(
            value=view.state,
            reason=view.state_reason,
            actor=view.state_actor,
            since=to_wall(view.state_since_ns),
        ),
        kill=None if view.kill is None else kill(view.kill, to_wall),
        book=answers.BookStatus.of(
            view.book, reason=view.book.invalid_reason, age_ms=_age_ms(view, view.book.data_ns)
        ),
        mid=view.mid,
        mid_source=view.reference.source,
        reference=answers.Reference.of(view.reference),
        position=pnl.position,
        average_entry=pnl.average_entry,
        inventory_usdt=pnl.inventory_usdt,
        pnl=answers.Pnl.of(pnl, price_age_ms=_age_ms(view, pnl.price_data_ns), parts=pnl_parts(pnl.parts)),
        volume_usdt=pnl.volume,
        fill_count=pnl.fill_count,
        proven_zero_since=None if zero_at is None else to_wall(zero_at),
        model=answers.ModelStatus.of(view.model),
        spread_bps=spread_bps(view.orders, view.mid),
        enable_problems=refusals(view.enable_problems),
        summary=summary_sentence(view),
        market=_market(view),
    )


def _market(view: SymbolView) -> answers.Market:
    our_bid, our_ask = innermost(view.orders)
    others_bid, others_ask = view.book.best_bid, view.book.best_ask
    if view.quote is not None and view.instrument is not None:
        bid, ask = view.quote.best_bid, view.quote.best_ask
        others_bid = None if bid is None else view.instrument.price(bid)
        others_ask = None if ask is None else view.instrument.price(ask)
    return answers.Market.of(
        view.config,
        our_bid=our_bid,
        our_ask=our_ask,
        others_bid=others_bid,
        others_ask=others_ask,
        active_ms=view.counters.active_ns // 1_000_000,
        two_sided_ms=view.counters.two_sided_ns // 1_000_000,
    )


def pnl_parts(parts: Parts) -> answers.PnlParts:
    """The parts of a result."""
    return answers.PnlParts(
        spread_usdt=parts.spread,
        inventory_usdt=parts.inventory,
        fees_usdt=parts.fees,
        total_usdt=parts.total,
    )


def totals(
    summaries: Sequence[answers.SymbolSummary], house_limits: Sequence[fleet_answers.HouseLimit] = ()
) -> fleet_answers.Totals:
    """Sums over symbols."""
    states = [one.state.value for one in summaries]
    inventories = [one.inventory_usdt or _ZERO for one in summaries]
    return fleet_answers.Totals(
        symbols=len(summaries),
        active=states.count(State.ACTIVE),
        paused=states.count(State.PAUSED),
        halted=states.count(State.HALTED),
        open_orders=sum(one.open_orders for one in summaries),
        unknown_orders=sum(one.unknown_orders for one in summaries),
        fills=sum(one.fill_count for one in summaries),
        gross_inventory_usdt=_sum(abs(inventory) for inventory in inventories),
        net_inventory_usdt=_sum(inventories),
        realized_pnl_usdt=_sum(one.pnl.realized for one in summaries),
        unrealized_pnl_usdt=_sum(one.pnl.unrealized or _ZERO for one in summaries),
        total_pnl_usdt=_sum(one.pnl.total for one in summaries),
        volume_usdt=_sum(one.volume_usdt for one in summaries),
        house_limits=list(house_limits),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def kill(latch: KillView, to_wall: ToWall) -> answers.KillStatus:
    """A kill switch."""
    return answers.KillStatus.of(latch, since=to_wall(latch.at_ns))


def _age_ms(view: SymbolView, data_ns: int | None) -> int | None:
    """How old data was when the picture was taken."""
    return None if data_ns is None else max(0, view.at_ns - data_ns) // 1_000_000


def order(value: OrderView, to_wall: ToWall) -> answers.LiveOrder:
    """One order."""
    return answers.LiveOrder.of(value, sent_at=to_wall(value.sent_at_ns))


def _counts(counters: Counters) -> answers.Counts:
    return answers.Counts.of(
        counters,
        active_ms=counters.active_ns // 1_000_000,
        two_sided_ms=counters.two_sided_ns // 1_000_000,
        mid_uncertain_ms=counters.mid_uncertain_ns // 1_000_000,
        suppressed=dict(counters.suppressed),
    )
