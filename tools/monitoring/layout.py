"""Where each metric stands on the dashboard. A metric of the list without a place here is an error."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph; its queries follow from the type and labels of its metrics."""

    title: str
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the top row."""

    title: str
    expression: str
    unit: str
    red_from: float | None = None
    """From this value on it shows red; None: never."""


FIGURES: Final = (
    Figure("Halted symbols", 'sum(mm_state_gauge{state="HALTED"})', "short", 1),
    Figure("Active symbols", 'sum(mm_state_gauge{state="ACTIVE"})', "short"),
    Figure("P&L", "sum(mm_pnl_usdt)", "currencyUSD"),
    Figure("Gross inventory", "sum(abs(mm_inventory_usdt))", "currencyUSD"),
    Figure("Kafka lag", "max(mm_kafka_lag_seconds)", "s", 2),
    Figure("Dependencies down", "count(mm_dependency_up == 0) or vector(0)", "short", 1),
)
ROWS: Final = {
    "Position and result": (
        Panel("Inventory", ("mm_inventory_usdt",)),
        Panel("P&L", ("mm_pnl_usdt",)),
        Panel("Fills", ("mm_fills_total",)),
        Panel("What the P&L comes from", ("mm_pnl_part_usdt",)),
        Panel("Markouts: what fills were worth later", ("mm_markout_usdt_total",)),
        Panel("Markouts, measured and missing", ("mm_markouts_total",)),
    ),
    "Quoting": (
        Panel("State", ("mm_state_gauge", "mm_shadow_mode")),
        Panel("Quoted spread", ("mm_spread_bps",)),
        Panel("Not quoted, by reason", ("mm_quotes_suppressed_total",)),
        Panel("Default model in place of the configured one", ("mm_model_fallback",)),
    ),
    "Obligations": (
        Panel("Presence today", ("mm_obligation_presence_ratio",)),
        Panel("What may still be absent today", ("mm_obligation_slack_ratio",)),
    ),
    "Orders": (
        Panel("Open orders, ours and the exchange's count", ("mm_open_orders", "mm_open_orders_at_exchange")),
        Panel("Answers of the Order Service", ("mm_order_requests_total",)),
        Panel("Events of our account that nobody claims", ("mm_unclaimed_events_total",)),
    ),
    "Kill switch": (
        Panel("Kills, by reason", ("mm_kill_switch_total",)),
        Panel("From the trigger to the cancel-all", ("mm_kill_latency_seconds",)),
        Panel("From the kill to proven zero", ("mm_kill_clear_seconds",)),
    ),
    "Latency": (
        Panel("Quote computation", ("mm_quote_compute_latency_seconds",)),
        Panel("Tick to wire", ("mm_tick_to_wire_latency_seconds",)),
        Panel("Stages of a tick", ("mm_tick_stage_latency_seconds",)),
        Panel("Tick to order", ("mm_tick_to_order_latency_seconds",)),
        Panel("Order placement", ("mm_order_placement_latency_seconds",)),
        Panel("Requests to the Order Service", ("mm_order_request_latency_seconds",)),
    ),
    "Market data": (
        Panel("Kafka lag", ("mm_kafka_lag_seconds",)),
        Panel("Messages read", ("mm_consumed_messages_total",)),
        Panel("Book deltas", ("mm_book_deltas_total",)),
        Panel("Books given up", ("mm_book_gaps_total",)),
        Panel("Mailboxes", ("mm_mailbox_depth",)),
        Panel("Messages that cannot be used", ("mm_decode_errors_total", "mm_dead_letters_total")),
    ),
    "Durability": (
        Panel("Journal lag", ("mm_journal_lag_seconds",)),
        Panel("Outbox backlog", ("mm_outbox_backlog",)),
        Panel("Messages that Kafka did not take", ("mm_publish_failures_total",)),
    ),
    "Guard": (
        Panel("Instances", ("mm_guard_instances",)),
        Panel("Symbols of lost instances cleared", ("mm_guard_interventions_total",)),
        Panel(
            "Guards: running, blind, seen by instances", ("mm_guard_up", "mm_guard_blind", "mm_guards_seen")
        ),
        Panel("Last look of the guard", ("mm_guard_last_look_timestamp_seconds",)),
    ),
    "Process": (
        Panel("Event loop lag", ("mm_event_loop_lag_seconds",)),
        Panel("Event loop standing still", ("mm_event_loop_stalled_seconds_total",)),
        Panel("Tasks of the event loop", ("mm_asyncio_tasks",)),
        Panel("Dependencies", ("mm_dependency_up",)),
        Panel("Worker failures", ("mm_worker_failures_total",)),
        Panel("Log lines lost", ("mm_log_lines_dropped_total",)),
    ),
}
