"""Every alert: what is wrong, how bad, and where the operator reads on.

A critical alert wakes somebody up; a warning waits for the morning.
"""

from dataclasses import dataclass
from typing import Final

JOB: Final = "market-maker"
"""The name of the scrape job."""
CRITICAL, WARNING = "critical", "warning"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `anchor` is a heading of docs/runbook.md, and may hold a label of the series."""

    name: str
    expression: str
    lasting: str
    """How long it must hold; 0s fires at once."""
    severity: str
    summary: str
    anchor: str


_WHO: Final = "{{ $labels.symbol }}"
_NOT_SHADOW: Final = "unless on (instance) (mm_shadow_mode == 1)"
_SAFETY: Final = (
    Alert(
        "KillSwitchFired",
        "increase(mm_kill_switch_total[5m]) > 0",
        "0s",
        CRITICAL,
        f"{_WHO} was halted by {{{{ $labels.reason }}}}.",
        "{{ $labels.reason | toLower }}",
    ),
    Alert(
        "SymbolHalted",
        'mm_state_gauge{state="HALTED"} == 1',
        "5m",
        WARNING,
        f"{_WHO} is still HALTED; only a reset by an operator leads back.",
        "coming-back-from-a-kill",
    ),
    Alert(
        "OpenOrdersNotProvenZero",
        '(mm_state_gauge{state!="ACTIVE"} == 1) and on (instance, symbol) (mm_open_orders_at_exchange != 0) '
        + _NOT_SHADOW,
        "30s",
        CRITICAL,
        f"{_WHO} does not quote, but the exchange has not confirmed that it holds none of our orders.",
        "open-orders-not-proven-zero",
    ),
    Alert(
        "WorkerFailed",
        "increase(mm_worker_failures_total[10m]) > 0",
        "0s",
        CRITICAL,
        f"The worker of {_WHO} crashed: a defect of ours.",
        "worker_failure",
    ),
    Alert(
        "EventsUnclaimed",
        "increase(mm_unclaimed_events_total[10m]) > 0",
        "0s",
        CRITICAL,
        f"Our account traded or holds orders in {_WHO}, which is not configured here.",
        "events-of-a-symbol-that-is-not-configured",
    ),
)
_SERVICE: Final = (
    Alert(
        "ServiceDown",
        f'up{{job="{JOB}"}} == 0 or absent(up{{job="{JOB}"}})',
        "30s",
        CRITICAL,
        "The service does not answer Prometheus: it may be gone, and its orders may still rest.",
        "service-down",
    ),
    Alert(
        "ServiceRestarted",
        "resets(mm_event_loop_stalled_seconds_total[10m]) > 0",
        "0s",
        WARNING,
        "The service was started again: every symbol is PAUSED, or HALTED as before.",
        "restart",
    ),
    Alert(
        "DependencyDown",
        'mm_dependency_up{dependency=~"postgres|kafka|order_service"} == 0',
        "30s",
        CRITICAL,
        "{{ $labels.dependency }} does not answer.",
        "down-{{ $labels.dependency }}",
    ),
    Alert(
        "DependencyImpaired",
        'mm_dependency_up{dependency!~"postgres|kafka|order_service"} == 0',
        "2m",
        WARNING,
        "{{ $labels.dependency }} does not answer; quoting goes on without it.",
        "down-{{ $labels.dependency }}",
    ),
    Alert(
        "EventLoopLag",
        "mm_event_loop_lag_seconds > 0.025",
        "1m",
        WARNING,
        "The event loop stands still for 25 ms and more: answers will look late.",
        "event_loop_stall",
    ),
    Alert(
        "LogLinesLost",
        "increase(mm_log_lines_dropped_total[10m]) > 0",
        "0s",
        WARNING,
        "Log lines were lost: the log's disk or pipe is full or slow.",
        "log-lines-are-lost",
    ),
)
_MARKET_DATA: Final = (
    Alert(
        "KafkaLag",
        "mm_kafka_lag_seconds > 2",
        "15s",
        WARNING,
        "The consumer of {{ $labels.topic }} is more than 2 s behind.",
        "kafka_lag",
    ),
    Alert(
        "KafkaLagUnmeasurable",
        "mm_kafka_lag_seconds != mm_kafka_lag_seconds",
        "15s",
        CRITICAL,
        "The lag of {{ $labels.topic }} cannot be measured; active symbols will be halted for it.",
        "kafka_lag",
    ),
    Alert(
        "BookGaps",
        "increase(mm_book_gaps_total[10m]) > 5",
        "0s",
        WARNING,
        f"The book of {_WHO} was given up more than 5 times in 10 minutes.",
        "the-book-breaks-again-and-again",
    ),
    Alert(
        "DeadLetters",
        "increase(mm_dead_letters_total[10m]) > 0 or increase(mm_decode_errors_total[10m]) > 0",
        "0s",
        WARNING,
        "Messages of {{ $labels.topic }} cannot be decoded.",
        "dead-letters",
    ),
    Alert(
        "MailboxFilling",
        "mm_mailbox_depth > 500",
        "15s",
        WARNING,
        f"More than 500 events wait for {_WHO}: market data is being merged.",
        "mailbox-fills",
    ),
)
_ORDERS: Final = (
    Alert(
        "TwoSidedQuotingLost",
        '(mm_state_gauge{state="ACTIVE"} == 1) unless on (instance, symbol) (mm_spread_bps > 0) '
        + _NOT_SHADOW,
        "1m",
        WARNING,
        f"{_WHO} is ACTIVE but has no quote on at least one side.",
        "active-but-not-quoting-both-sides",
    ),
    Alert(
        "MarkoutEatsSpread",
        '(sum by (instance, symbol) (increase(mm_markout_usdt_total{horizon="10", sign="gain"}[1h])) '
        '< sum by (instance, symbol) (increase(mm_markout_usdt_total{horizon="10", sign="loss"}[1h]))) '
        "and on (instance, symbol) "
        '(increase(mm_markouts_total{horizon="10", outcome="measured"}[1h]) >= 20)',
        "0s",
        WARNING,
        f"The price has run against the fills of {_WHO}: ten seconds later they are worth less than nothing.",
        "markouts-eat-the-spread",
    ),
    Alert(
        "ModelFallback",
        '(mm_model_fallback == 1) and on (instance, symbol) (mm_state_gauge{state="ACTIVE"} == 1)',
        "5m",
        WARNING,
        f"{_WHO} has been quoted by linear_skew for five minutes: its own model cannot tell its figures.",
        "a-model-falls-back",
    ),
    Alert(
        "ObligationAtRisk",
        "min by (symbol, programme, tier) (mm_obligation_slack_ratio) < 0.25 "
        "and min by (symbol, programme, tier) (mm_obligation_slack_ratio) > 0",
        "1m",
        WARNING,
        f"{_WHO}: three quarters of today's permitted absence from {{{{ $labels.programme }}}} "
        "({{ $labels.tier }}) are used up; the rest of the day can still make it.",
        "an-obligation-is-at-risk",
    ),
    Alert(
        "ObligationMissed",
        "min by (symbol, programme, tier) (mm_obligation_slack_ratio) < 0",
        "1m",
        WARNING,
        f"{_WHO}: today's presence for {{{{ $labels.programme }}}} ({{{{ $labels.tier }}}}) is out of reach.",
        "an-obligation-is-at-risk",
    ),
    Alert(
        "OrdersRejected",
        "sum by (instance, symbol) "
        '(increase(mm_order_requests_total{request="place", outcome="rejected"}[5m])) >= 3',
        "0s",
        WARNING,
        f"The exchange rejected at least 3 orders of {_WHO} within 5 minutes.",
        "reject_storm",
    ),
    Alert(
        "OrderOutcomesUnknown",
        "sum by (instance, symbol, request) "
        '(increase(mm_order_requests_total{outcome=~"timeout|stalled|uncertain"}[5m])) > 0',
        "0s",
        WARNING,
        f"Requests of {_WHO} ({{{{ $labels.request }}}}) ended without a certain answer.",
        "order_uncertain",
    ),
    Alert(
        "OrderAnswersSlow",
        "histogram_quantile(0.99, sum by (instance, le) "
        "(rate(mm_order_placement_latency_seconds_bucket[5m]))) > 0.025",
        "2m",
        WARNING,
        "One order in a hundred waits 25 ms and more for its answer; 50 ms is the limit that halts.",
        "response_timeout",
    ),
)
_DURABILITY: Final = (
    Alert(
        "JournalLag",
        "max by (instance) (mm_journal_lag_seconds) > 1",
        "0s",
        CRITICAL,
        "Writes to PostgreSQL are more than 1 s behind; at 5 s active symbols are halted.",
        "journal_failure",
    ),
    Alert(
        "OutboxBacklog",
        "min_over_time(mm_outbox_backlog[2m]) > 0",
        "0s",
        WARNING,
        "Events have waited in the outbox for two minutes.",
        "outbox-backlog",
    ),
    Alert(
        "PublishFailures",
        "increase(mm_publish_failures_total[10m]) > 0",
        "0s",
        WARNING,
        "Kafka did not take messages for {{ $labels.topic }}.",
        "outbox-backlog",
    ),
)
_GUARD: Final = (
    Alert(
        "InstanceLost",
        "increase(mm_guard_interventions_total[10m]) > 0",
        "0s",
        CRITICAL,
        "An instance fell silent: the guard cancels its orders and halts its symbols.",
        "owner_lost",
    ),
    Alert(
        "GuardMissing",
        "(absent(mm_guard_up) and on () max(mm_event_loop_lag_seconds) >= 0) or (max(mm_guards_seen) < 1) "
        "or (time() - max(mm_guard_last_look_timestamp_seconds) > 15)",
        "1m",
        CRITICAL,
        "No guard looks after the instances: the orders of one that dies now would stay.",
        "guard-missing",
    ),
    Alert(
        "GuardBlind",
        "min(mm_guard_blind) == 1",
        "15s",
        CRITICAL,
        "The guard can read neither Redis nor PostgreSQL, and does nothing.",
        "guard-blind",
    ),
)
GROUPS: Final = {
    "market-maker-safety": _SAFETY,
    "market-maker-service": _SERVICE,
    "market-maker-market-data": _MARKET_DATA,
    "market-maker-orders": _ORDERS,
    "market-maker-durability": _DURABILITY,
    "market-maker-guard": _GUARD,
}
ALERTS: Final = tuple(alert for alerts in GROUPS.values() for alert in alerts)
