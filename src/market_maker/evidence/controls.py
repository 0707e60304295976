"""The controls, as a table: what each is set by, which fields of a configuration, and which test holds it.

The frame is MiFID II RTS 6 (Delegated Regulation 2017/589): its articles say what a control is for.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RequiredControl:
    """One control."""

    article: str
    name: str
    what: str
    settings: tuple[str, ...] = ()
    """Variables of the environment."""
    fields: tuple[str, ...] = ()
    """Fields of a symbol's configuration."""
    promises: tuple[str, ...] = ()
    """Rows of docs/promises.md, each with its test."""
    kills: tuple[str, ...] = ()
    """Reasons of the kill switch."""
    has_drills: bool = False


CONTROLS: Final = (
    RequiredControl(
        "RTS 6 art. 12",
        "Kill functionality",
        "Cancels every order of a symbol, of several or of all, and sends none until a person resets.",
        promises=("kill-manual", "killed-cancels", "killed-alone", "killed-needs-reset", "kill-drill"),
        kills=("MANUAL", "DRILL", "OWNER_LOST"),
        has_drills=True,
    ),
    RequiredControl(
        "RTS 6 art. 15 (1) a",
        "Price collar",
        "No order further from the reference than the collar; none from one that the mark contradicts.",
        settings=("PRICE_COLLAR_BPS",),
        fields=("mark_divergence_bps", "base_spread_bps"),
        promises=("check-collar",),
    ),
    RequiredControl(
        "RTS 6 art. 15 (1) b",
        "Largest order",
        "No order worth more than its limit, nor ten times the symbol's order size.",
        settings=("MAX_ORDER_NOTIONAL_USDT",),
        fields=("order_size_usdt", "num_levels"),
        promises=("check-notional", "check-min-notional"),
    ),
    RequiredControl(
        "RTS 6 art. 15 (1) c",
        "Message limits",
        "No more new orders a second than allowed; a storm of rejects halts.",
        settings=(
            "MAX_ORDERS_PER_SECOND",
            "KILL_SWITCH_REJECT_STORM_COUNT",
            "KILL_SWITCH_REJECT_STORM_WINDOW",
        ),
        fields=("quote_interval_ms",),
        promises=("check-rate", "kill-reject-storm", "check-exchange-rate"),
        kills=("REJECT_STORM",),
    ),
    RequiredControl(
        "RTS 6 art. 15 (2), (4)",
        "Position and loss of a symbol",
        "No order that could lead beyond the limit; beyond it the symbol halts.",
        fields=("max_position_usdt", "position_headroom_pct", "max_loss_usdt"),
        promises=("check-position", "check-loss", "kill-exposure", "kill-loss"),
        kills=("EXPOSURE_BREACH", "LOSS_BREACH"),
    ),
    RequiredControl(
        "RTS 6 art. 15 (2), (4)",
        "Position and loss of the house",
        "Gross and net inventory and the loss of the day over all symbols; what is not known counts against.",
        settings=("HOUSE_MAX_GROSS_USDT", "HOUSE_MAX_NET_USDT", "HOUSE_MAX_LOSS_USDT", "HOUSE_DAY_STARTS"),
        promises=("kill-house",),
        kills=("HOUSE_LIMIT_BREACH",),
    ),
    RequiredControl(
        "RTS 6 art. 16",
        "Monitoring",
        "Stale or broken data withdraws quotes; lag, late answers and unsure orders halt; all of it is told.",
        settings=(
            "KILL_SWITCH_KAFKA_LAG_THRESHOLD",
            "MARKET_DATA_STALENESS_THRESHOLD",
            "KILL_SWITCH_RESPONSE_TIMEOUT_MS",
        ),
        fields=("check_staleness", "staleness_threshold_ms"),
        promises=("check-book-fresh", "check-book-valid", "watch-metrics", "watch-logs", "watch-traces"),
        kills=("KAFKA_LAG", "RESPONSE_TIMEOUT", "ORDER_UNCERTAIN", "EVENT_LOOP_STALL", "JOURNAL_FAILURE"),
    ),
    RequiredControl(
        "RTS 6 art. 17",
        "Post-trade records",
        "Every order, fill and state is durable before it is acknowledged; positions are the fold of fills.",
        promises=("start-paused",),
        kills=("HISTORY_DIFFERS", "ENGINE_EVENT_UNREADABLE"),
    ),
    RequiredControl(
        "RTS 6 art. 9, 5",
        "Changes",
        "Every configuration is a version with author, reason and time; what risks more has a second person.",
        settings=("CHANGES_NEED_APPROVAL", "CHANGES_APPROVAL_EXPIRES", "LIMIT_OWNER_ROLE", "DISABLE_AUTH"),
    ),
)

TESTS: Final = {
    "kill-manual": "test_a_kill_without_symbols_halts_everything",
    "killed-cancels": "test_kill_halts_and_only_reset_leads_back",
    "killed-alone": "test_a_kill_while_database_broker_and_redis_stand_still_empties_the_market_at_once",
    "killed-needs-reset": "test_only_a_reset_by_a_person_leads_out_of_halted",
    "kill-drill": "test_a_drill_is_a_kill_that_is_measured_and_recorded_as_what_it_is",
    "check-collar": "test_an_order_beyond_the_price_collar_is_not_sent_and_says_so",
    "check-notional": "test_an_order_beyond_the_notional_limit_is_not_sent_and_says_so",
    "check-min-notional": "test_an_order_below_the_least_notional_is_not_sent_and_says_so",
    "check-rate": "test_new_orders_keep_to_the_rate_limit",
    "kill-reject-storm": "test_a_storm_of_rejections_halts",
    "check-exchange-rate": "test_a_rate_limit_of_the_exchange_is_waited_out",
    "check-position": "test_no_order_may_lead_beyond_the_position_limit",
    "check-loss": "test_no_order_is_sent_while_the_loss_is_beyond_its_limit",
    "kill-exposure": "test_exposure_beyond_its_limit_halts",
    "kill-loss": "test_a_loss_beyond_its_limit_halts",
    "kill-house": "test_a_limit_over_all_symbols_halts_every_symbol_that_quotes",
    "check-book-fresh": "test_a_silent_feed_is_stale_and_no_kill",
    "check-book-valid": "test_a_broken_book_withdraws_the_quotes_until_the_next_snapshot",
    "watch-metrics": "test_every_metric_is_exposed_by_its_name_and_labels",
    "watch-logs": "test_every_log_line_is_json_with_the_fields_of_the_document",
    "watch-traces": "test_one_trace_leads_from_the_market_data_to_the_orders_answer_and_its_events",
    "start-paused": "test_after_kill_9_all_is_paused_nothing_rests_and_every_fill_counts_once",
}
"""The test of each promise, as docs/promises.md names it; it is not part of what is installed."""
